/** What a start reports: its facts, a new database, and settings that an administrator may not have meant. */
import { readdirSync, statSync } from "node:fs";
import { basename, dirname, join, resolve } from "node:path";
import type { Config } from "../config.ts";
import { isLoopback } from "../config-values.ts";
import type { LogFields } from "../observability/log.ts";
import { readVersion } from "../version.ts";

/** Returns one sentence for each setting that exposes more than its default. */
export function openSettings({
  listen,
  tlsCert,
  trustedProxies,
  corsOrigins,
  metricsListen,
}: Config): readonly string[] {
  const isOpen = tlsCert === undefined && trustedProxies.length === 0 && !isLoopback(listen.host);
  return [
    ...(isOpen
      ? [
          `--listen ${listen.host} accepts connections from other machines in cleartext: others can read keys and personal data in transit; set --tls-cert and --tls-key, or name the proxy that terminates TLS with --trusted-proxy`,
        ]
      : []),
    ...(corsOrigins.includes("*")
      ? ["--cors-origins '*' lets the pages of every origin call from a browser; name the origins of your own pages"]
      : []),
    ...(metricsListen === undefined || isLoopback(metricsListen.host)
      ? []
      : [`--metrics-listen ${metricsListen.host} shows the metrics to other machines without a credential`]),
  ];
}

/** Returns a sentence if a word of the command line has a password in it. */
export function shownPasswords(words: readonly string[]): readonly string[] {
  const isShown = words.some((word) => /^(?:--database=)?postgres(?:ql)?:\/\/[^:@/?]*:[^@]/.test(word));
  if (!isShown) return [];
  return [
    "--database has a password, which every user of this machine can read with ps; set LOCKKEEPER_DATABASE instead, or PGPASSWORD for the password alone",
  ];
}

/** Returns the facts of a start, for its line of the log. */
export function startFacts(
  config: Config,
  service: {
    readonly url: string;
    readonly database: string;
    readonly generation: number;
    readonly schemaVersion: string;
  },
): LogFields {
  return {
    version: readVersion(),
    node: process.version,
    url: service.url,
    database: service.database,
    schema: service.schemaVersion,
    generation: service.generation,
    console: config.console ? `${service.url}/console` : "off",
    dialects: config.dialects.join(",") || "none",
    tls: config.tlsCert === undefined ? "off" : config.tlsClientCa === undefined ? "on" : "client certificates",
  };
}

/** Returns the lines about a database that this start created, so that a mistyped path is noticed. `place`: for people. */
export function newDatabaseLines(database: Config["database"], place: string): string {
  if (database.engine === "postgres") return `new, empty database ${place}\n`;
  const path = resolve(database.path);
  const others = databasesNextTo(path);
  const meant = others.length === 1 ? "it was" : "one of them was";
  const hint = `  the folder also has ${others.join(", ")}; if ${meant} meant, stop and correct --database\n`;
  return `new, empty database ${path}\n${others.length === 0 ? "" : hint}`;
}

const OTHERS_MAX = 3;

function databasesNextTo(path: string): readonly string[] {
  try {
    const names = readdirSync(dirname(path)).filter((name) => name.endsWith(".db") && name !== basename(path));
    return names.filter((name) => statSync(join(dirname(path), name)).size > 0).slice(0, OTHERS_MAX);
  } catch {
    return [];
  }
}

const PORT_FAULTS: Readonly<Record<string, (host: string, port: number) => string>> = {
  EADDRINUSE: (host, port) =>
    `port ${port} of ${host} is in use by another process; stop that process, or choose another port (0 picks a free one)`,
  EACCES: (_, port) => `this user may not listen on port ${port}; choose one above 1023`,
  EADDRNOTAVAIL: (host) => `this machine has no address ${host}`,
  ENOTFOUND: (host) => `the host name ${host} has no address`,
};

/** Returns why the service cannot listen on a port, in a sentence. `setting`: the flag and the variable that name it. */
export function portFault(
  error: unknown,
  setting: string,
  { host, port }: { readonly host: string; readonly port: number },
): string {
  const { code = "", message = String(error) } = error as { readonly code?: string; readonly message?: string };
  const say = Object.hasOwn(PORT_FAULTS, code) ? PORT_FAULTS[code] : undefined;
  return `${setting}: ${say?.(host, port) ?? message}`;
}
