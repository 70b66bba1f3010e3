/** The flags of every command that calls a service. */
import { choice, type FlagTable, type FlagValues, file, short, text, toggle, value } from "../flag.ts";
import { parseServer, parseTimeoutMs } from "../flag-values.ts";
import { OUTPUT_FORMS, type OutputForm } from "../output.ts";
import type { Environment } from "../terminal.ts";
import type { Address } from "./connection.ts";
import type { Profile } from "./profile.ts";

const DEFAULT_SERVER = "http://127.0.0.1:8080";
const DEFAULT_TIMEOUT_MS = 30_000;

/** The flags of every command with a result. */
export const OUTPUT_FLAGS = {
  output: short(
    "o",
    choice(
      "the output format (default table); wide: all columns, json: the same as --json, name: only the ids",
      OUTPUT_FORMS,
    ),
  ),
  json: toggle("print JSON: one object per result, one per line for lists; errors as google.rpc.Status"),
} satisfies FlagTable;

/** The flags of every command that calls a service. */
export const CONNECTION_FLAGS = {
  server: short(
    "s",
    value(
      "URL",
      `the address of the service; otherwise LOCKKEEPER_SERVER, the profile, or ${DEFAULT_SERVER}`,
      parseServer,
    ),
  ),
  "key-file": file(
    "FILE",
    "the file with the API key; otherwise LOCKKEEPER_KEY, or the profile that `lockkeeper login` saved",
  ),
  ca: file("FILE", "trust only these authorities for https, a PEM file; otherwise LOCKKEEPER_CA"),
  "client-cert": file("FILE", "present this client certificate, a PEM file; otherwise LOCKKEEPER_CLIENT_CERT"),
  "client-key": file("FILE", "the private key of that certificate, a PEM file; otherwise LOCKKEEPER_CLIENT_KEY"),
  timeout: value(
    "TIME",
    "the time limit of each call, such as 500ms or 10s, at most 27h (default 30s)",
    parseTimeoutMs,
  ),
  yes: short("y", toggle("do not ask before actions that cannot be undone")),
} satisfies FlagTable;

/** The flags of every command that works on an organization. */
export const ORGANIZATION_FLAGS = {
  organization: short("O", text("ID", "the organization (default: the key's own, or all that the key may access)")),
} satisfies FlagTable;

/** Returns the output format. Throws an Error if two different ones are given. */
export function outputForm({ output, json }: FlagValues<typeof OUTPUT_FLAGS>): OutputForm {
  if (json && output !== undefined && output !== "json") {
    throw new Error("--output and --json cannot be used together; give one of them");
  }
  return json ? "json" : (output ?? "table");
}

/**
 * Returns the address: flag > environment > profile > default. The profile's key and certificates are sent only to the
 * profile's service. Throws an Error that names the variable at fault.
 */
export function addressOf(
  flags: FlagValues<typeof CONNECTION_FLAGS>,
  environment: Environment,
  readProfile: () => Profile | undefined,
): Address {
  const { LOCKKEEPER_SERVER, LOCKKEEPER_KEY } = environment;
  const isComplete =
    (flags.server !== undefined || Boolean(LOCKKEEPER_SERVER)) &&
    (flags["key-file"] !== undefined || Boolean(LOCKKEEPER_KEY));
  const profile = isComplete ? undefined : readProfile();
  const server = flags.server ?? serverOf(LOCKKEEPER_SERVER, profile);
  const own = profile !== undefined && new URL(profile.server).origin === server.origin ? profile : undefined;
  const forTls = (["ca", "client-cert", "client-key"] as const).find((name) => flags[name] !== undefined);
  // Variables of the environment may be meant for other calls.
  if (server.protocol === "http:" && forTls !== undefined) {
    throw new Error(`--${forTls} is for https, and the service is at ${server.origin}`);
  }
  // For the message that there is no key: the profile's is not sent to another service.
  const foreign = profile === undefined || own !== undefined ? {} : { isFor: new URL(profile.server).origin };
  return {
    server,
    ca: flags.ca ?? (environment.LOCKKEEPER_CA || own?.ca),
    clientCert: flags["client-cert"] ?? (environment.LOCKKEEPER_CLIENT_CERT || own?.clientCert),
    clientKey: flags["client-key"] ?? (environment.LOCKKEEPER_CLIENT_KEY || own?.clientKey),
    key:
      flags["key-file"] !== undefined
        ? { file: flags["key-file"] }
        : {
            text: LOCKKEEPER_KEY || (own?.key ?? ""),
            source: LOCKKEEPER_KEY ? "LOCKKEEPER_KEY" : "the profile",
            ...foreign,
          },
    timeoutMs: flags.timeout ?? DEFAULT_TIMEOUT_MS,
  };
}

function serverOf(ofEnvironment: string | undefined, profile: Profile | undefined): URL {
  if (!ofEnvironment) return new URL(profile?.server ?? DEFAULT_SERVER);
  try {
    return parseServer(ofEnvironment);
  } catch (error) {
    throw new Error(`LOCKKEEPER_SERVER: ${error instanceof Error ? error.message : String(error)}`);
  }
}
