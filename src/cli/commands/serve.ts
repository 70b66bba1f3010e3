/** `lockkeeper serve`: runs the service. */
import { readConfig, SETTINGS } from "../../config.ts";
import type { ValueKind } from "../../config-values.ts";
import { defineCommand } from "../frame/command.ts";
import { clearableText, type Flag } from "../frame/flag.ts";

interface Setting extends ValueKind<unknown> {
  readonly flag?: string;
  readonly environment: string;
  readonly fallback: string;
  readonly meaning: string;
}

const ALL = Object.values<Setting>(SETTINGS);

/** What completion offers where the setting does not say it. */
const NAMED: Readonly<Record<string, Pick<Flag<unknown>, "named" | "isList">>> = {
  dialects: { named: "dialects", isList: true },
};

/** The settings check their values themselves, empty ones included. */
const flags: Readonly<Record<string, Flag<string | undefined>>> = Object.fromEntries(
  ALL.flatMap((setting) => {
    const { flag, placeholder, choices, isFile = false } = setting;
    if (flag === undefined) return [];
    const offered = choices === undefined ? NAMED[flag] : { choices };
    return [[flag, { ...clearableText(placeholder, meaningOf(setting)), isFile, ...offered }]];
  }),
);

/** Returns the meaning in the form of other flags: no capital, no marks of Markdown, no period. */
function shortMeaning({ meaning }: Setting): string {
  return `${meaning.charAt(0).toLowerCase()}${meaning.slice(1).replaceAll("`", "").replace(/\.$/, "")}`;
}

function meaningOf(setting: Setting): string {
  const { environment, fallback } = setting;
  return `${shortMeaning(setting)} (or ${environment}${fallback === "" ? "" : `; default ${fallback}`})`;
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
      "Secrets, only in the environment:",
      ALL.filter(({ flag }) => flag === undefined).map((secret) => [secret.environment, shortMeaning(secret)] as const),
    ],
  ],
  async run(given, { parts, terminal }) {
    const args = Object.entries(given).flatMap(([name, typed]) => (typed === undefined ? [] : [`--${name}=${typed}`]));
    await parts.serve(readConfig(args, terminal.environment));
    return "running";
  },
});
