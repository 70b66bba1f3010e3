/** Says in one plain sentence why a database cannot be entered, and what to do; it never repeats a password. */
import pg from "pg";
import { describeAddress, describeHost, type Host, type PostgresAddress } from "./address.ts";

/** A server that answers, but does not take writes: a standby, or one that was made read-only. */
export class ReadOnlyError extends Error {
  override readonly name = "ReadOnlyError";
}

interface Place {
  readonly address: PostgresAddress;
  readonly host: Host;
  /** How long the opening was allowed to take, in milliseconds; absent: it has succeeded. */
  readonly connectMs?: number;
}

const BY_STATE: Readonly<Record<string, (place: Place, error: Error) => string>> = {
  "28P01": refused,
  "28000": (place, error) => `${refused(place)} (${error.message})`,
  "3D000": ({ address: { database }, host }) =>
    `there is no database ${database} at ${describeHost(host)}; create it: CREATE DATABASE "${database}" ENCODING 'UTF8' TEMPLATE template0`,
  "42501": ({ address }, error) =>
    `the user ${address.user} lacks a right in the database ${describeAddress(address)} (${error.message}); make it the owner of the database`,
  "53100": ({ address }) => `the disk of the database ${describeAddress(address)} is full; free some space`,
  "53300": ({ host }) =>
    `PostgreSQL at ${describeHost(host)} has no connection left; raise its max_connections, or lower --database-connections`,
  "57P03": ({ host }, error) =>
    `PostgreSQL at ${describeHost(host)} takes no connections yet (${error.message}); try again`,
};

const BY_CODE: Readonly<Record<string, (place: Place) => string>> = {
  ECONNREFUSED: ({ host }) =>
    `nothing listens at ${describeHost(host)}; start PostgreSQL, or correct the host and the port`,
  ENOENT: ({ host }) => `there is no socket of PostgreSQL in ${host.name} for the port ${host.port}`,
  ENOTFOUND: ({ host }) => `the host ${host.name} is not known; correct its name`,
  EAI_AGAIN: ({ host }) => `the name ${host.name} cannot be resolved now; try again`,
  ETIMEDOUT: unanswered,
  EHOSTUNREACH: unanswered,
  ENETUNREACH: unanswered,
  ECONNRESET: ({ host }) => `${describeHost(host)} closed the connection; is PostgreSQL there?`,
  ERR_TLS_CERT_ALTNAME_INVALID: ({ host }) =>
    `the certificate of ${describeHost(host)} is not one of ${host.name}; correct the host, or use sslmode=verify-ca`,
  CERT_HAS_EXPIRED: ({ host }) => `the certificate of ${describeHost(host)} has expired; renew it`,
};

const BY_MESSAGE: Readonly<Record<string, (place: Place) => string>> = {
  "timeout expired": unanswered,
  "The server does not support SSL connections": ({ host }) =>
    `PostgreSQL at ${describeHost(host)} does not offer TLS; switch it on there, or add sslmode=disable for cleartext`,
  "Connection terminated unexpectedly": ({ host }) =>
    `${describeHost(host)} closed the connection; is PostgreSQL there?`,
};

/** Codes of OpenSSL for a certificate that no known authority has signed. */
const UNTRUSTED = /^(?:SELF_SIGNED|DEPTH_ZERO|UNABLE_TO|CERT_)/;

/** Returns the sentence for an error that opening a connection, or the first statements on it, ended with. */
export function startFault(error: unknown, place: Place): string {
  if (!(error instanceof Error)) return String(error);
  const { code = "" } = error as NodeJS.ErrnoException;
  const { host } = place;
  if (error.constructor === Error) {
    const byMessage = BY_MESSAGE[error.message];
    if (byMessage !== undefined) return byMessage(place);
    // The driver refuses an empty password for SCRAM by itself.
    if (/password must be a/.test(error.message)) return passwordless(host);
  }
  const say = error instanceof pg.DatabaseError ? BY_STATE[code] : BY_CODE[code];
  if (say !== undefined) return say(place, error);
  if (UNTRUSTED.test(code)) {
    return `the certificate of ${describeHost(host)} is not trusted (${code}); name the file of its authority with sslrootcert`;
  }
  return `PostgreSQL at ${describeHost(host)} cannot be used: ${error.message}`;
}

function refused({ address, host }: Place): string {
  if (address.password === undefined) return passwordless(host);
  return `PostgreSQL at ${describeHost(host)} refuses the user ${address.user} or the password`;
}

function passwordless(host: Host): string {
  return `PostgreSQL at ${describeHost(host)} asks for a password, and neither the URL nor PGPASSWORD has one`;
}

function unanswered({ host, connectMs }: Place): string {
  const limit = connectMs === undefined ? "" : ` within ${connectMs} ms`;
  return `${describeHost(host)} does not answer${limit}; correct the host and the port, or look at the network`;
}
