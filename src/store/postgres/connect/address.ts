/** Parses the URL of a PostgreSQL database, `postgres://USER:PASSWORD@HOST:PORT,HOST2/DATABASE?sslmode=…`. */
import { isIP } from "node:net";

/** One of the places where the database may be. */
export interface Host {
  /** A name, an IP address, or the folder of a Unix socket. */
  readonly name: string;
  readonly port: number;
}

/**
 * How a connection is secured. `disable`: cleartext. `require`: encrypted, but anyone may be the server. `verify-ca`: an
 * authority vouches for the server's certificate. `verify-full`: and it is the certificate of that host.
 */
export const TLS_MODES = ["disable", "require", "verify-ca", "verify-full"] as const;
export type TlsMode = (typeof TLS_MODES)[number];

export interface TlsChoice {
  readonly mode: TlsMode;
  /** PEM files; absent: the authorities that Node trusts, and no certificate of our own. */
  readonly rootCert: string | undefined;
  readonly cert: string | undefined;
  readonly key: string | undefined;
}

export interface PostgresAddress {
  /** At least one. */
  readonly hosts: readonly Host[];
  readonly user: string;
  readonly password: string | undefined;
  readonly database: string;
  readonly tls: TlsChoice;
}

const PORT = 5432;
const PORT_MAX = 65_535;
const PARAMETERS = ["sslmode", "sslrootcert", "sslcert", "sslkey"] as const;
type Parameters = { readonly [K in (typeof PARAMETERS)[number]]?: string };

const FORM = "postgres://USER:PASSWORD@HOST:PORT/DATABASE";
const ENCODE =
  "in a user and a password the characters : / ? # [ ] @ and % must be percent-encoded, such as %40 for @ and %2F for /";

/**
 * Parses a URL. A password that it does not have is PGPASSWORD of the environment, as PostgreSQL's own tools read it.
 * Throws an Error of one sentence that names the part at fault and what is allowed; it never repeats a
 * password, not even one that is taken for another part because its characters are not encoded.
 */
export function parseAddress(
  url: string,
  environment: Readonly<Record<string, string | undefined>> = process.env,
): PostgresAddress {
  const [, rest] = /^postgres(?:ql)?:\/\/(.*)$/s.exec(url) ?? [];
  if (rest === undefined) throw fault(`it must be like ${FORM}`);
  if (rest.includes("#")) throw fault(`a # is not allowed; ${ENCODE}`);
  const [, authority = "", path = "", query] = /^([^/?]*)(?:\/([^?]*))?(?:\?(.*))?$/s.exec(rest) ?? [];
  const parts = authority.split("@");
  // An @ further on belongs to a password with a / or a ? in it, and nothing may be said about what is around it.
  if (parts.length > 2 || path.includes("@") || query?.includes("@")) throw fault(`it has an @ too many; ${ENCODE}`);
  const [credentials, hosts] = parts;
  if (credentials === undefined || hosts === undefined) throw fault(`the user is missing; it must be like ${FORM}`);
  const colon = credentials.indexOf(":");
  const user = decode("user", colon < 0 ? credentials : credentials.slice(0, colon));
  const typed = colon < 0 ? "" : decode("password", credentials.slice(colon + 1));
  if (user === "") throw fault(`the user is missing; it must be like ${FORM}`);
  const database = decode("database", path) || user;
  const places = hosts.split(",").map(parseHost);
  const tls = parseTls(parseParameters(query ?? ""), places);
  const password = typed || environment.PGPASSWORD || undefined;
  return { hosts: places, user, password, database, tls };
}

/** Returns where a database is, for people: without user and password. */
export function describeAddress({ hosts, database }: PostgresAddress): string {
  return `${database} at ${hosts.map(describeHost).join(", ")}`;
}

/** Returns `host:port`; IPv6 addresses have brackets. */
export function describeHost({ name, port }: Host): string {
  return isIP(name) === 6 ? `[${name}]:${port}` : `${name}:${port}`;
}

/** Whether a host is a folder with the socket of a server on this machine. */
export function isSocket({ name }: Host): boolean {
  return name.startsWith("/");
}

function parseHost(text: string): Host {
  const [, v6, encoded, digits] = /^(?:\[([^\]]*)\]|([^:[\]]*))(?::(.*))?$/s.exec(text) ?? [];
  const name = v6 ?? decode("host", encoded ?? "");
  const isHost = v6 === undefined ? /^(?:[\w.-]+|\/[^\0]*)$/.test(name) : isIP(v6) === 6;
  if (!isHost) {
    throw fault(
      "a host is not allowed; it must be a name, an IPv4 address, an IPv6 address in brackets, or the percent-encoded folder of a socket",
    );
  }
  const port = digits === undefined || digits === "" ? PORT : Number(/^\d{1,5}$/.exec(digits)?.[0] ?? 0);
  if (port < 1 || port > PORT_MAX) {
    throw fault(`the port of ${name} is not allowed; it must be a number from 1 to ${PORT_MAX}`);
  }
  return { name, port };
}

function parseParameters(query: string): Parameters {
  const found: Record<string, string> = {};
  for (const pair of query.split("&").filter((each) => each !== "")) {
    const [name = "", ...values] = pair.split("=");
    if (!PARAMETERS.some((each) => each === name)) {
      throw fault(`the parameter ${JSON.stringify(name)} is not known; allowed are ${PARAMETERS.join(", ")}`);
    }
    if (found[name] !== undefined) throw fault(`the parameter ${name} is given twice; once is enough`);
    const value = decode(name, values.join("="));
    if (value === "") throw fault(`the parameter ${name} is empty; leave it out or give it a value`);
    found[name] = value;
  }
  return found;
}

function parseTls({ sslmode, sslrootcert, sslcert, sslkey }: Parameters, hosts: readonly Host[]): TlsChoice {
  // Without a word cleartext does not leave this machine, and nobody else is taken for the server.
  const mode = TLS_MODES.find((each) => each === (sslmode ?? (hosts.every(isHere) ? "disable" : "verify-full")));
  if (mode === undefined) {
    const why = sslmode === "prefer" || sslmode === "allow" ? ", because an attacker could choose cleartext" : "";
    throw fault(`sslmode=${JSON.stringify(sslmode)} is not allowed${why}; it must be one of ${TLS_MODES.join(", ")}`);
  }
  if ((sslcert === undefined) !== (sslkey === undefined)) throw fault("sslcert and sslkey must be given together");
  const idle = mode === "disable" && [sslrootcert, sslcert].some((file) => file !== undefined);
  if (idle) throw fault("sslrootcert, sslcert and sslkey need an sslmode other than disable");
  return { mode, rootCert: sslrootcert, cert: sslcert, key: sslkey };
}

function isHere(host: Host): boolean {
  const { name } = host;
  return isSocket(host) || name === "localhost" || name === "::1" || (isIP(name) === 4 && name.startsWith("127."));
}

function decode(part: string, text: string): string {
  let decoded: string;
  try {
    decoded = decodeURIComponent(text);
  } catch {
    throw fault(`the ${part} has a % that encodes nothing; ${ENCODE}`);
  }
  // PostgreSQL's messages end at it.
  if (decoded.includes("\0")) throw fault(`the ${part} has the character U+0000, which is not allowed`);
  if (part === "database" && text.includes("/")) throw fault("the database has a /; write it as %2F");
  return decoded;
}

function fault(what: string): Error {
  return new Error(`the URL of the database is not allowed: ${what}`);
}
