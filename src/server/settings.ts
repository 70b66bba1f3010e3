/** Reads what the settings name: dialects and the files of TLS. */
import { type Config, ConfigError } from "../config.ts";
import type { Dialect } from "../dialect/dialects.ts";
import * as dialects from "../dialect/dialects.ts";
import type { TlsOptions } from "../transport/listen/listener.ts";
import { readTlsFiles } from "../transport/listen/tls-files.ts";

/** Throws ConfigError for files that cannot be used. */
export function withTls({ tlsCert: cert, tlsKey: key, tlsClientCa: clientCa }: Config): { readonly tls?: TlsOptions } {
  if (cert === undefined && key === undefined && clientCa === undefined) return {};
  if (cert === undefined || key === undefined) {
    // With half of it the port would serve cleartext although TLS was meant.
    throw new ConfigError("TLS: --tls-cert and --tls-key must be set together, and --tls-client-ca only with both");
  }
  try {
    return { tls: readTlsFiles({ cert, key, clientCa }) };
  } catch (error) {
    throw new ConfigError(`TLS: ${error instanceof Error ? error.message : String(error)}`);
  }
}

/** Returns the dialects that the settings name. Throws ConfigError for an unknown one. */
export function enabledDialects({ dialects: names }: Config): readonly Dialect[] {
  const known: readonly Dialect[] = Object.values(dialects);
  return names.map((name) => {
    const found = known.find((dialect) => dialect.name === name);
    if (found !== undefined) return found;
    const served = known.map((dialect) => dialect.name).join(", ");
    throw new ConfigError(
      `--dialects, LOCKKEEPER_DIALECTS: ${JSON.stringify(name)} is not a dialect; the dialects are ${served}`,
    );
  });
}
