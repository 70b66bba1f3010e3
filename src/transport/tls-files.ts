/** The certificate, key and client authorities that the settings name, read and checked. */
import { X509Certificate } from "node:crypto";
import { readFileSync } from "node:fs";
import { createSecureContext } from "node:tls";
import type { TlsOptions } from "./listener.ts";

/** Paths of PEM files. */
export interface TlsFiles {
  readonly cert: string;
  readonly key: string;
  /** Absent: clients need no certificate. */
  readonly clientCa: string | undefined;
}

/** Throws an Error that names the file at fault and says what it should hold. */
export function readTlsFiles({ cert, key, clientCa }: TlsFiles): TlsOptions {
  const options: TlsOptions = {
    cert: readCertificates(cert, "a certificate chain"),
    key: readPem(key, "a private key", "PRIVATE KEY"),
    ...(clientCa === undefined ? {} : { clientCa: readCertificates(clientCa, "certificates of authorities") }),
  };
  try {
    createSecureContext({ cert: options.cert, key: options.key });
  } catch (error) {
    throw new Error(`${cert} and ${key} cannot be used together: ${reasonOf(error)}`, { cause: error });
  }
  assertInForce(cert, options.cert);
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

/** OpenSSL passes over what it cannot read of authorities, and then knows none: each block is looked at here. */
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

/** A certificate that nobody would accept is better told at the start than by every client. */
function assertInForce(path: string, pem: string): void {
  const { validTo, validToDate } = new X509Certificate(pem);
  if (validToDate.getTime() <= Date.now()) throw new Error(`${path} has expired: it was valid until ${validTo}`);
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
