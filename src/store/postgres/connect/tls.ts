/** Makes TLS options of what the URL of a database asks for. */
import { readFileSync } from "node:fs";
import type { ConnectionOptions } from "node:tls";
import { type Host, isSocket, type PostgresAddress } from "./address.ts";
import type { ServerAddress } from "./connection.ts";

/**
 * Returns how to enter one host of an address. The files of certificates are read each time, so a connection that is
 * opened after a renewal uses the new ones. Throws an Error of one sentence when a file cannot be read.
 */
export function serverAt(address: PostgresAddress, host: Host): ServerAddress {
  const { user, password, database } = address;
  return { host: host.name, port: host.port, user, password, database, tls: tlsOptions(address, host) };
}

function tlsOptions({ tls: { mode, rootCert, cert, key } }: PostgresAddress, host: Host): ConnectionOptions | false {
  // A socket does not leave the machine, and PostgreSQL offers no TLS there.
  if (mode === "disable" || isSocket(host)) return false;
  return {
    // As libpq does: who names an authority wants it asked.
    rejectUnauthorized: mode !== "require" || rootCert !== undefined,
    ...(rootCert === undefined ? {} : { ca: read("sslrootcert", rootCert) }),
    ...(cert === undefined ? {} : { cert: read("sslcert", cert) }),
    ...(key === undefined ? {} : { key: read("sslkey", key) }),
    ...(mode === "verify-full" ? {} : { checkServerIdentity: () => undefined }),
  };
}

function read(parameter: string, file: string): Buffer {
  try {
    return readFileSync(file);
  } catch (error) {
    const { code = "it cannot be read" } = error as NodeJS.ErrnoException;
    throw new Error(`the URL of the database: the file of ${parameter}, ${file}, is not usable: ${code}`, {
      cause: error,
    });
  }
}
