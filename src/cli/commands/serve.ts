/** `lockkeeper serve`: the service itself. */
import { LOG_FORMATS, LOG_LEVELS, PROXY_HEADERS, readConfig, SETTINGS } from "../../config.ts";
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

const BOOLEANS = ["true", "false"] as const;

/** Values for completion. */
const CHOICES: Readonly<Record<string, readonly string[]>> = {
  "log-level": LOG_LEVELS,
  "log-format": LOG_FORMATS,
  "trusted-proxy-header": PROXY_HEADERS,
  docs: BOOLEANS,
  "allow-clock-behind": BOOLEANS,
};

/** The settings judge their values themselves, empty ones included. */
const flags: Readonly<Record<string, Flag<string | undefined>>> = Object.fromEntries(
  ALL.flatMap((setting) => {
    const { flag } = setting;
    if (flag === undefined) return [];
    const choices = CHOICES[flag];
    const offered = choices === undefined ? {} : { choices };
    return [[flag, { ...clearableText("VALUE", meaningOf(setting)), isFile: FILES.includes(flag), ...offered }]];
  }),
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
