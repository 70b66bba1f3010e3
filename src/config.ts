/** Every setting, read once: flag > environment > default, each with a type and a meaning. */
import { parseArgs } from "node:util";
import {
  parseAdminKey,
  parseDatabase,
  parseDurationMs,
  parseListen,
  parseNames,
  parseOneOf,
  parseOrigins,
  parsePath,
} from "./config-values.ts";

export const LOG_LEVELS = ["debug", "info", "warn", "error", "off"] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

export const LOG_FORMATS = ["text", "json"] as const;
export type LogFormat = (typeof LOG_FORMATS)[number];

export interface Config {
  readonly listen: { readonly host: string; readonly port: number };
  readonly database: { readonly engine: "sqlite"; readonly path: string };
  readonly adminKey: string | undefined;
  /** Paths of PEM files; certificate and key together, or neither. */
  readonly tlsCert: string | undefined;
  readonly tlsKey: string | undefined;
  readonly tlsClientCa: string | undefined;
  readonly corsOrigins: readonly string[];
  readonly docs: boolean;
  readonly dialects: readonly string[];
  readonly logLevel: LogLevel;
  readonly logFormat: LogFormat;
  readonly stopGraceMs: number;
  readonly allowClockBehind: boolean;
}

interface Setting<T> {
  /** Absent: a secret, which does not belong on a command line that `ps` shows. */
  readonly flag?: string;
  readonly environment: string;
  /** As it would be typed; empty: not set. */
  readonly fallback: string;
  readonly meaning: string;
  /** Throws an Error whose message says what is allowed. */
  readonly parse: (text: string) => T;
}

type Settings = { readonly [K in keyof Config]: Setting<Config[K]> };

export const SETTINGS: Settings = {
  listen: {
    flag: "listen",
    environment: "LOCKKEEPER_LISTEN",
    fallback: "127.0.0.1:8080",
    meaning: "Where to listen, `host:port`. Port 0 picks a free one; the line `listening on …` says which.",
    parse: parseListen,
  },
  database: {
    flag: "database",
    environment: "LOCKKEEPER_DATABASE",
    fallback: "sqlite:data/lockkeeper.db",
    meaning: "Where the data is, `sqlite:PATH`.",
    parse: parseDatabase,
  },
  adminKey: {
    environment: "LOCKKEEPER_ADMIN_KEY",
    fallback: "",
    meaning:
      "An owner's API key, any secret of at least 32 characters, taken as it is. Not set: the first start makes one and prints it once.",
    parse: parseAdminKey,
  },
  tlsCert: {
    flag: "tls-cert",
    environment: "LOCKKEEPER_TLS_CERT",
    fallback: "",
    meaning: "Serve TLS with this certificate chain, a PEM file. SIGHUP reads it anew. Not set: cleartext.",
    parse: parsePath,
  },
  tlsKey: {
    flag: "tls-key",
    environment: "LOCKKEEPER_TLS_KEY",
    fallback: "",
    meaning: "The private key of the certificate, a PEM file.",
    parse: parsePath,
  },
  tlsClientCa: {
    flag: "tls-client-ca",
    environment: "LOCKKEEPER_TLS_CLIENT_CA",
    fallback: "",
    meaning: "Let only clients connect that show a certificate of these authorities, a PEM file.",
    parse: parsePath,
  },
  corsOrigins: {
    flag: "cors-origins",
    environment: "LOCKKEEPER_CORS_ORIGINS",
    fallback: "",
    meaning:
      "Origins whose pages may call from a browser, comma-separated, such as `https://console.example`; `*`: all.",
    parse: parseOrigins,
  },
  docs: {
    flag: "docs",
    environment: "LOCKKEEPER_DOCS",
    fallback: "true",
    meaning: "Serve `/openapi.json` and its page `/docs`, to anyone: `true` or `false`.",
    parse: (text) => parseOneOf(["true", "false"] as const, text) === "true",
  },
  dialects: {
    flag: "dialects",
    environment: "LOCKKEEPER_DIALECTS",
    fallback: "",
    meaning:
      "Foreign APIs to serve beside our own, comma-separated; a name that is not served is refused with those that are.",
    parse: parseNames,
  },
  logLevel: {
    flag: "log-level",
    environment: "LOCKKEEPER_LOG_LEVEL",
    fallback: "info",
    meaning: "What is logged on standard error: `debug`, `info` (one line per call), `warn`, `error` or `off`.",
    parse: (text) => parseOneOf(LOG_LEVELS, text),
  },
  logFormat: {
    flag: "log-format",
    environment: "LOCKKEEPER_LOG_FORMAT",
    fallback: "text",
    meaning: "`text` (key=value) or `json`, one line each.",
    parse: (text) => parseOneOf(LOG_FORMATS, text),
  },
  stopGraceMs: {
    flag: "stop-grace",
    environment: "LOCKKEEPER_STOP_GRACE",
    fallback: "10s",
    meaning: "How long calls may take to finish after SIGTERM or SIGINT, such as `10s` or `500ms`.",
    parse: parseDurationMs,
  },
  allowClockBehind: {
    flag: "allow-clock-behind",
    environment: "LOCKKEEPER_ALLOW_CLOCK_BEHIND",
    fallback: "false",
    meaning: "Start although the clock is more than 60 s behind the newest record: `true` or `false`.",
    parse: (text) => parseOneOf(["true", "false"] as const, text) === "true",
  },
};

/** A setting with a value that is not allowed, or a flag that does not exist. */
export class ConfigError extends Error {
  override readonly name = "ConfigError";
}

/** Reads the settings. `args`: what follows the program's name. Throws ConfigError naming the setting. */
export function readConfig(args: readonly string[], environment: Readonly<Record<string, string | undefined>>): Config {
  const flags = readFlags(args);
  const read = <K extends keyof Config>(name: K): Config[K] => {
    const setting: Setting<Config[K]> = SETTINGS[name];
    const flagValue = setting.flag === undefined ? undefined : flags[setting.flag];
    const environmentValue = environment[setting.environment] || undefined;
    const source = flagValue !== undefined ? `--${setting.flag}` : setting.environment;
    try {
      return setting.parse(flagValue ?? environmentValue ?? setting.fallback);
    } catch (error) {
      throw new ConfigError(`${source}: ${error instanceof Error ? error.message : String(error)}`);
    }
  };
  return {
    listen: read("listen"),
    database: read("database"),
    adminKey: read("adminKey"),
    tlsCert: read("tlsCert"),
    tlsKey: read("tlsKey"),
    tlsClientCa: read("tlsClientCa"),
    corsOrigins: read("corsOrigins"),
    docs: read("docs"),
    dialects: read("dialects"),
    logLevel: read("logLevel"),
    logFormat: read("logFormat"),
    stopGraceMs: read("stopGraceMs"),
    allowClockBehind: read("allowClockBehind"),
  };
}

function readFlags(args: readonly string[]): Readonly<Record<string, string | undefined>> {
  const options: Record<string, { type: "string" }> = {};
  for (const { flag } of Object.values<Setting<unknown>>(SETTINGS))
    if (flag !== undefined) options[flag] = { type: "string" };
  try {
    return parseArgs({ args: [...args], options, allowPositionals: false }).values;
  } catch (error) {
    throw new ConfigError(error instanceof Error ? error.message : String(error));
  }
}

/** What `--help` prints. */
export function helpText(): string {
  const lines = ["usage: lockkeeper serve [flags]", "", "Each flag has an environment variable; the flag wins.", ""];
  for (const { flag, environment, fallback, meaning } of Object.values<Setting<unknown>>(SETTINGS)) {
    const names = flag === undefined ? environment : `--${flag} VALUE, ${environment}`;
    lines.push(`  ${names}${fallback === "" ? "" : ` (default ${fallback})`}`, `      ${meaning}`);
  }
  return `${lines.join("\n")}\n`;
}
