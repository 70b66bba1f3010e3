/** `lockkeeper serve`: the service itself. */
import { readConfig, SETTINGS } from "../../config.ts";
import { defineCommand } from "../frame/command.ts";
import { clearableText, type Flag } from "../frame/flag.ts";

interface Setting {
  readonly flag?: string;
  readonly environment: string;
  readonly fallback: string;
  readonly meaning: string;
}

const ALL = Object.values<Setting>(SETTINGS);

/** Settings that hold a path: completion offers files. */
const FILES: readonly string[] = ["tls-cert", "tls-key", "tls-client-ca", "oidc-issuers"];

/** The settings judge their values themselves, empty ones included. */
const flags: Readonly<Record<string, Flag<string | undefined>>> = Object.fromEntries(
  ALL.flatMap((setting) =>
    setting.flag === undefined
      ? []
      : [[setting.flag, { ...clearableText("VALUE", meaningOf(setting)), isFile: FILES.includes(setting.flag) }]],
  ),
);

function meaningOf({ environment, fallback, meaning }: Setting): string {
  return `${meaning} Else ${environment}${fallback === "" ? "" : ` (default ${fallback})`}.`;
}

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
  notes: [
    [
      "Secrets, in the environment alone:",
      ALL.flatMap(({ flag, environment, meaning }) => (flag === undefined ? [[environment, meaning] as const] : [])),
    ],
  ],
  async run(given, { parts, terminal }) {
    const args = Object.entries(given).flatMap(([name, typed]) => (typed === undefined ? [] : [`--${name}=${typed}`]));
    await parts.serve(readConfig(args, terminal.environment));
    return "running";
  },
});
