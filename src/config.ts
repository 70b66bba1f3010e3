/** Every setting with its type and meaning, read once: flag > environment > default. */
import { DATABASE_SETTINGS, type DatabaseConfig } from "./config-database.ts";
import {
  ADDRESS,
  BOOLEAN,
  FILE,
  megabytes,
  oneOf,
  parseAdminKey,
  parseNames,
  parseNetworks,
  parseOrigins,
  RATE,
  readFlags,
  type Setting,
  TIME,
  wholeNumber,
} from "./config-values.ts";

export const LOG_LEVELS = ["debug", "info", "warn", "error", "off"] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];
export const LOG_FORMATS = ["text", "json"] as const;
export type LogFormat = (typeof LOG_FORMATS)[number];

/** The header that the trusted proxies set. */
export const PROXY_HEADERS = ["x-forwarded-for", "forwarded"] as const;

export interface Config extends DatabaseConfig {
  readonly listen: { readonly host: string; readonly port: number };
  readonly metricsListen: { readonly host: string; readonly port: number } | undefined;
  readonly adminKey: string | undefined;
  /** Paths of PEM files; certificate and key together, or neither. */
  readonly tlsCert: string | undefined;
  readonly tlsKey: string | undefined;
  readonly tlsClientCa: string | undefined;
  /** Path of a JSON file. */
  readonly oidcIssuers: string | undefined;
  readonly trustedProxies: readonly { readonly address: string; readonly prefix: number }[];
  readonly trustedProxyHeader: (typeof PROXY_HEADERS)[number];
  /** Absent: no limit. */
  readonly rateLimitAddress: { readonly perSecond: number; readonly burst: number } | undefined;
  readonly rateLimitCaller: { readonly perSecond: number; readonly burst: number } | undefined;
  readonly rateLimitResets: { readonly perSecond: number; readonly burst: number } | undefined;
  readonly corsOrigins: readonly string[];
  readonly docs: boolean;
  readonly console: boolean;
  readonly fastPath: boolean;
  readonly threads: number;
  readonly watchStreams: number;
  readonly watchStreamsCaller: number;
  readonly dialects: readonly string[];
  readonly logLevel: LogLevel;
  readonly logFormat: LogFormat;
  readonly stopDrainMs: number;
  readonly stopGraceMs: number;
  readonly allowClockBehind: boolean;
  readonly force: boolean;
  /** 0: no limit. */
  readonly backupBytesPerSecond: number;
  readonly backupLogBytesMax: number;
}

type Settings = { readonly [K in keyof Config]: Setting<Config[K]> };

export const SETTINGS: Settings = {
  listen: {
    flag: "listen",
    environment: "LOCKKEEPER_LISTEN",
    fallback: "127.0.0.1:8080",
    meaning: "The address to listen on, `host:port`. Port 0 picks a free port, which the line `listening on …` shows.",
    ...ADDRESS,
  },
  metricsListen: {
    flag: "metrics-listen",
    environment: "LOCKKEEPER_METRICS_LISTEN",
    fallback: "",
    meaning:
      "The address of `GET /metrics` without a credential, in cleartext, `host:port`: a separate port that only the monitoring should reach. Not set: metrics are on the main port alone, with the permission metrics.read.",
    ...ADDRESS,
    parse: (text) => (text === "" ? undefined : ADDRESS.parse(text)),
  },
  ...DATABASE_SETTINGS,
  adminKey: {
    environment: "LOCKKEEPER_ADMIN_KEY",
    fallback: "",
    meaning:
      "An owner's API key: any secret of at least 32 characters, used as it is. Not set: the first start creates a key and prints it once.",
    placeholder: "KEY",
    parse: parseAdminKey,
  },
  tlsCert: {
    flag: "tls-cert",
    environment: "LOCKKEEPER_TLS_CERT",
    fallback: "",
    meaning: "Serve TLS with this certificate chain, a PEM file. SIGHUP reloads it. Not set: cleartext.",
    ...FILE,
  },
  tlsKey: {
    flag: "tls-key",
    environment: "LOCKKEEPER_TLS_KEY",
    fallback: "",
    meaning: "The private key of the certificate, a PEM file.",
    ...FILE,
  },
  tlsClientCa: {
    flag: "tls-client-ca",
    environment: "LOCKKEEPER_TLS_CLIENT_CA",
    fallback: "",
    meaning: "Accept only clients that present a certificate of these authorities, a PEM file.",
    ...FILE,
  },
  oidcIssuers: {
    flag: "oidc-issuers",
    environment: "LOCKKEEPER_OIDC_ISSUERS",
    fallback: "",
    meaning: "Accept access tokens (JWT) of the OIDC issuers in this JSON file, in addition to API keys.",
    ...FILE,
  },
  trustedProxies: {
    flag: "trusted-proxy",
    environment: "LOCKKEEPER_TRUSTED_PROXY",
    fallback: "",
    meaning:
      "Networks of proxies that are trusted to report the client's address, comma-separated, such as `10.0.0.0/8,::1`. Not set: the client's address is that of the connection.",
    placeholder: "NETWORK,…",
    parse: parseNetworks,
  },
  trustedProxyHeader: {
    flag: "trusted-proxy-header",
    environment: "LOCKKEEPER_TRUSTED_PROXY_HEADER",
    fallback: "x-forwarded-for",
    meaning:
      "The header to which those proxies add the address: `x-forwarded-for` or `forwarded`; the other one is ignored.",
    ...oneOf(PROXY_HEADERS),
  },
  rateLimitAddress: {
    flag: "rate-limit-address",
    environment: "LOCKKEEPER_RATE_LIMIT_ADDRESS",
    fallback: "off",
    meaning:
      "How many calls one address (for IPv6, one /64 network) may make, whatever its credential, such as `100/s`, `600/m` or, with a burst, `100/s:500`; `off`: unlimited. Each replica counts for itself.",
    ...RATE,
  },
  rateLimitCaller: {
    flag: "rate-limit-caller",
    environment: "LOCKKEEPER_RATE_LIMIT_CALLER",
    fallback: "off",
    meaning: "How many calls one key, or one subject of an issuer, may make, in the same form.",
    ...RATE,
  },
  rateLimitResets: {
    flag: "rate-limit-resets",
    environment: "LOCKKEEPER_RATE_LIMIT_RESETS",
    fallback: "20/s:200",
    meaning:
      "How many calls an HTTP/2 connection may cancel beyond those that it lets complete, in the same form; then the connection is closed with ENHANCE_YOUR_CALM. `off`: unlimited.",
    ...RATE,
  },
  corsOrigins: {
    flag: "cors-origins",
    environment: "LOCKKEEPER_CORS_ORIGINS",
    fallback: "",
    meaning:
      "Origins whose pages may call the service from a browser, comma-separated, such as `https://console.example`; `*`: all.",
    placeholder: "ORIGIN,…",
    parse: parseOrigins,
  },
  docs: {
    flag: "docs",
    environment: "LOCKKEEPER_DOCS",
    fallback: "true",
    meaning: "Serve `/openapi.json` and its page `/docs` to anyone: `true` or `false`.",
    ...BOOLEAN,
  },
  console: {
    flag: "console",
    environment: "LOCKKEEPER_CONSOLE",
    fallback: "true",
    meaning: "Serve the browser console at `/console` to anyone, who then signs in there: `true` or `false`.",
    ...BOOLEAN,
  },
  fastPath: {
    flag: "fast-path",
    environment: "LOCKKEEPER_FAST_PATH",
    fallback: "true",
    meaning:
      "Serve plain unary calls of gRPC, gRPC-Web and Connect without connect-es, which answers alike and takes longer: `true` or `false`.",
    ...BOOLEAN,
  },
  threads: {
    flag: "threads",
    environment: "LOCKKEEPER_THREADS",
    fallback: "1",
    meaning:
      "How many threads serve connections, 1 to 16. With `1` all work is in one thread; with more, each takes its share of the connections, and the main thread keeps the database.",
    ...wholeNumber(1, 16),
  },
  watchStreams: {
    flag: "watch-streams",
    environment: "LOCKKEEPER_WATCH_STREAMS",
    fallback: "2000",
    meaning: "How many streams of WatchEvents may be open at once, 1 to 100000. Each replica counts for itself.",
    ...wholeNumber(1, 100_000),
  },
  watchStreamsCaller: {
    flag: "watch-streams-caller",
    environment: "LOCKKEEPER_WATCH_STREAMS_CALLER",
    fallback: "100",
    meaning:
      "How many of them one caller may have open, 1 to 100000. The credentials of one organization count as one caller.",
    ...wholeNumber(1, 100_000),
  },
  dialects: {
    flag: "dialects",
    environment: "LOCKKEEPER_DIALECTS",
    fallback: "",
    meaning:
      "Foreign APIs to serve in addition to lockkeeper's own, comma-separated; an unknown name is refused with a list of the known ones.",
    placeholder: "NAME,…",
    parse: parseNames,
  },
  logLevel: {
    flag: "log-level",
    environment: "LOCKKEEPER_LOG_LEVEL",
    fallback: "info",
    meaning:
      "The least severe level that is logged on standard error: `debug`, `info` (one line per call), `warn`, `error` or `off`.",
    ...oneOf(LOG_LEVELS),
  },
  logFormat: {
    flag: "log-format",
    environment: "LOCKKEEPER_LOG_FORMAT",
    fallback: "text",
    meaning: "The format of log lines: `text` (key=value) or `json`.",
    ...oneOf(LOG_FORMATS),
  },
  stopDrainMs: {
    flag: "stop-drain",
    environment: "LOCKKEEPER_STOP_DRAIN",
    fallback: "1s",
    meaning:
      "How long new calls are still accepted after SIGTERM or SIGINT, so that load balancers see `/readyz` fail and stop sending, such as `1s` or `15s`. `0s`: not at all.",
    ...TIME,
  },
  stopGraceMs: {
    flag: "stop-grace",
    environment: "LOCKKEEPER_STOP_GRACE",
    fallback: "10s",
    meaning: "How long running calls may take to finish after that, such as `10s` or `500ms`.",
    ...TIME,
  },
  allowClockBehind: {
    flag: "allow-clock-behind",
    environment: "LOCKKEEPER_ALLOW_CLOCK_BEHIND",
    fallback: "false",
    meaning: "Start even if the clock is more than 60 s behind the newest record: `true` or `false`.",
    ...BOOLEAN,
  },
  force: {
    flag: "force",
    environment: "LOCKKEEPER_FORCE",
    fallback: "false",
    meaning: "Serve a file that `migrate --to` has moved, and forget the move: `true` or `false`. For one start only.",
    ...BOOLEAN,
  },
  backupBytesPerSecond: {
    flag: "backup-rate",
    environment: "LOCKKEEPER_BACKUP_RATE",
    fallback: "20",
    meaning:
      "How fast a backup is read, in MB/s; down to a quarter of that while the service is busy. `0`: as fast as possible.",
    ...megabytes(0),
  },
  backupLogBytesMax: {
    flag: "backup-log-max",
    environment: "LOCKKEEPER_BACKUP_LOG_MAX",
    fallback: "4000",
    meaning: "How large the write-ahead log may become while a backup runs, in MB; beyond that, the backup is aborted.",
    ...megabytes(300),
  },
};

/** A setting with a value that is not allowed, or an unknown flag. */
export class ConfigError extends Error {
  override readonly name = "ConfigError";
}

/** Reads the settings. `args`: what follows the program's name. Throws ConfigError naming the setting. */
export function readConfig(args: readonly string[], environment: Readonly<Record<string, string | undefined>>): Config {
  const flagNames = Object.values<Setting<unknown>>(SETTINGS).flatMap(({ flag }) => flag ?? []);
  const flags = attempt("", () => readFlags(args, flagNames));
  const read = <K extends keyof Config>(name: K): Config[K] => {
    const setting: Setting<Config[K]> = SETTINGS[name];
    const flagValue = setting.flag === undefined ? undefined : flags[setting.flag];
    const environmentValue = environment[setting.environment] || undefined;
    const source = flagValue !== undefined ? `--${setting.flag}` : setting.environment;
    return attempt(`${source}: `, () => setting.parse(flagValue ?? environmentValue ?? setting.fallback));
  };
  const names = Object.keys(SETTINGS) as (keyof Config)[];
  // SETTINGS has exactly the keys of Config, each with its type.
  return Object.fromEntries(names.map((name) => [name, read(name)])) as unknown as Config;
}

/** Runs `read`; its errors become ConfigErrors whose messages begin with `prefix`. */
function attempt<T>(prefix: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    throw new ConfigError(`${prefix}${error instanceof Error ? error.message : String(error)}`);
  }
}
