/** `lockkeeper serve`: the service itself. */
import { helpText, readConfig, SETTINGS } from "../../config.ts";
import { defineCommand } from "../frame/command.ts";
import { clearableText, type Flag } from "../frame/flag.ts";

/** The settings judge their values themselves, empty ones included. */
const flags: Readonly<Record<string, Flag<string | undefined>>> = Object.fromEntries(
  Object.values<{ readonly flag?: string; readonly meaning: string }>(SETTINGS).flatMap(({ flag, meaning }) =>
    flag === undefined ? [] : [[flag, clearableText("VALUE", meaning)]],
  ),
);

export const serve = defineCommand({
  name: "serve",
  meaning: "run the service",
  reach: "none",
  words: {},
  flags,
  examples: [
    ["serve", "on 127.0.0.1:8080, with the data in data/lockkeeper.db"],
    ["serve --listen 0.0.0.0:8080 --database sqlite:/var/lib/lockkeeper/lockkeeper.db", "on every address"],
  ],
  help: helpText,
  async run(given, { parts, environment }) {
    const args = Object.entries(given).flatMap(([name, typed]) => (typed === undefined ? [] : [`--${name}=${typed}`]));
    await parts.serve(readConfig(args, environment));
    return "running";
  },
});
