/** The flags that every command has which talks to a service. */

import { type FlagTable, type FlagValues, text, toggle, value } from "../flag.ts";
import { parseServer, parseTimeoutMs } from "../flag-values.ts";
import type { Address } from "./connection.ts";

const DEFAULT_SERVER = "http://127.0.0.1:8080";
const DEFAULT_TIMEOUT_MS = 30_000;

/** For every command. */
export const OUTPUT_FLAGS = {
  json: toggle("print JSON: one object for one result, one a line for lists; errors as google.rpc.Status"),
} satisfies FlagTable;

/** For every command that talks to a service. */
export const CONNECTION_FLAGS = {
  server: value("URL", `where the service is; else LOCKKEEPER_SERVER, else ${DEFAULT_SERVER}`, parseServer),
  "key-file": text("FILE", "the file with the API key; else LOCKKEEPER_KEY"),
  ca: text("FILE", "trust these authorities for https and no others, a PEM file; else LOCKKEEPER_CA"),
  "client-cert": text("FILE", "show this certificate, a PEM file; else LOCKKEEPER_CLIENT_CERT"),
  "client-key": text("FILE", "the private key of that certificate; else LOCKKEEPER_CLIENT_KEY"),
  timeout: value("TIME", "how long a call may take, such as 500ms or 10s (default 30s)", parseTimeoutMs),
  yes: toggle("do not ask before what cannot be undone"),
} satisfies FlagTable;

/** For every command that looks into one organization. */
export const ORGANIZATION_FLAGS = {
  organization: text("ID", "the organization; absent: the key's own, or wherever the key may look"),
} satisfies FlagTable;

type Environment = Readonly<Record<string, string | undefined>>;

/** Flag > environment > default. Throws an Error that names the variable at fault. */
export function addressOf(flags: FlagValues<typeof CONNECTION_FLAGS>, environment: Environment): Address {
  const server = flags.server ?? serverOf(environment);
  const forTls = (["ca", "client-cert", "client-key"] as const).find((name) => flags[name] !== undefined);
  // In the environment they may be meant for other calls.
  if (server.protocol === "http:" && forTls !== undefined) {
    throw new Error(`--${forTls} is for https, and the service is at ${server.origin}`);
  }
  return {
    server,
    ca: flags.ca ?? (environment.LOCKKEEPER_CA || undefined),
    clientCert: flags["client-cert"] ?? (environment.LOCKKEEPER_CLIENT_CERT || undefined),
    clientKey: flags["client-key"] ?? (environment.LOCKKEEPER_CLIENT_KEY || undefined),
    keyFile: flags["key-file"],
    timeoutMs: flags.timeout ?? DEFAULT_TIMEOUT_MS,
  };
}

function serverOf({ LOCKKEEPER_SERVER }: Environment): URL {
  try {
    return parseServer(LOCKKEEPER_SERVER || DEFAULT_SERVER);
  } catch (error) {
    throw new Error(`LOCKKEEPER_SERVER: ${error instanceof Error ? error.message : String(error)}`);
  }
}
