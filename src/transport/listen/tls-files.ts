/** Reads and checks the certificate, key and client authorities that the settings name. */
import { createPrivateKey, type KeyObject, X509Certificate } from "node:crypto";
import { readFileSync } from "node:fs";
import { createSecureContext } from "node:tls";
import type { TlsOptions } from "./listener.ts";

/** The paths of the PEM files. */
export interface TlsFiles {
  readonly cert: string;
  readonly key: string;
  /** Absent: clients need no certificate. */
  readonly clientCa: string | undefined;
}

/**
 * Reads the files. Throws an Error that names the faulty file and what it should hold. `now`: milliseconds since the
 * epoch.
 */
export function readTlsFiles({ cert, key, clientCa }: TlsFiles, now: number = Date.now()): TlsOptions {
  const options: TlsOptions = {
    cert: readCertificates(cert, "a certificate chain"),
    key: readPem(key, "a private key", "PRIVATE KEY"),
    ...(clientCa === undefined ? {} : { clientCa: readCertificates(clientCa, "certificates of authorities") }),
  };
  const leaf = new X509Certificate(options.cert);
  // OpenSSL keeps one pair per key type: an RSA certificate and an EC key give a context without any pair.
  if (!leaf.checkPrivateKey(readKey(key, options.key))) {
    throw new Error(
      `${key} is not the key of the first certificate in ${cert} (${leaf.subject || "no subject"}); the server's own certificate comes first, then those that signed it`,
    );
  }
  try {
    createSecureContext({ cert: options.cert, key: options.key });
  } catch (error) {
    throw new Error(`${cert} and ${key} cannot be used together: ${reasonOf(error)}`, { cause: error });
  }
  assertInForce(cert, leaf, now);
  return options;
}

function readPem(path: string, what: string, label: string): string {
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch (error) {
    throw new Error(`${path} cannot be read: ${reasonOf(error)}`, { cause: error });
  }
  if (!text.includes(`${label}-----`)) throw new Error(`${path} is not ${what} in PEM form`);
  return text;
}

function readKey(path: string, pem: string): KeyObject {
  try {
    return createPrivateKey(pem);
  } catch (error) {
    if (/ENCRYPTED/.test(pem)) {
      throw new Error(`${path} is encrypted; give a private key without a passphrase`, { cause: error });
    }
    throw new Error(`${path} is not a private key in PEM form: ${reasonOf(error)}`, { cause: error });
  }
}

/** Checks each certificate: OpenSSL skips authorities that it cannot read, and would then have none. */
function readCertificates(path: string, what: string): string {
  const text = readPem(path, what, "CERTIFICATE");
  const begun = text.match(/-----BEGIN (?:X509 |TRUSTED )?CERTIFICATE-----/g) ?? [];
  const blocks = text.match(/-----BEGIN ((?:X509 |TRUSTED )?CERTIFICATE)-----[^-]*-----END \1-----/g) ?? [];
  if (blocks.length === 0 || blocks.length < begun.length) {
    throw new Error(`${path} is not ${what} in PEM form: ${blocks.length} of ${begun.length} certificates are whole`);
  }
  for (const [index, block] of blocks.entries()) {
    try {
      new X509Certificate(block);
    } catch (error) {
      const which = `certificate ${index + 1} of ${blocks.length}`;
      throw new Error(`${path}: ${which} cannot be read: ${reasonOf(error)}`, { cause: error });
    }
  }
  return text;
}

/** Throws if no client would accept the certificate: better an error at the start than one per client. */
function assertInForce(path: string, certificate: X509Certificate, now: number): void {
  const { validFrom, validFromDate, validTo, validToDate } = certificate;
  if (validToDate.getTime() <= now) throw new Error(`${path} has expired: it was valid until ${validTo}`);
  if (validFromDate.getTime() > now) throw new Error(`${path} is not valid yet: it is valid from ${validFrom}`);
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
