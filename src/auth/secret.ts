/** The form of keys (`lk_<id>_<secret>_<checksum>`) and session tokens: scanners find leaks, typos are refused early. */
import { hash, randomBytes } from "node:crypto";
import { crc32 } from "node:zlib";

const PREFIX = "lk_";
const SECRET_BYTES = 32;
const ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
/** 62^43 > 2^256: every secret has this many characters. */
const SECRET_CHARS = 43;
const SESSION_PREFIX = "lks_";
const SESSION_FORM = /^lks_[0-9A-Za-z]{43}_[0-9a-f]{8}$/;
const FORM = /^lk_([0-9a-z]{1,64})_([0-9A-Za-z]{43})_([0-9a-f]{8})$/;

/** Returns a secret of 256 random bits that names its key. `keyId`: lower-case letters and digits. */
export function createSecret(keyId: string): string {
  return withChecksum(`${PREFIX}${keyId}_${randomText()}`);
}

/** Returns a session token: 256 random bits, in a form that differs from a key's. */
export function createSessionToken(): string {
  return withChecksum(`${SESSION_PREFIX}${randomText()}`);
}

/** Returns whether a text has the form and checksum of a session token. */
export function isWellFormedSessionToken(text: string): boolean {
  return SESSION_FORM.test(text) && text === withChecksum(text.slice(0, text.lastIndexOf("_")));
}

/** Returns 256 random bits as letters and digits. */
function randomText(): string {
  let number = BigInt(`0x${randomBytes(SECRET_BYTES).toString("hex")}`);
  let text = "";
  for (let i = 0; i < SECRET_CHARS; i++) {
    text = ALPHABET.charAt(Number(number % 62n)) + text;
    number /= 62n;
  }
  return text;
}

function withChecksum(head: string): string {
  return `${head}_${checksum(head)}`;
}

/** Returns whether a text has the form and checksum of a key. */
export function isWellFormedSecret(text: string): boolean {
  const match = FORM.exec(text);
  if (match === null) return false;
  return checksum(text.slice(0, text.lastIndexOf("_"))) === match[3];
}

/** Returns whether a text begins like a key. */
export function looksLikeSecret(text: string): boolean {
  return text.startsWith(PREFIX);
}

/** Returns what is stored of a secret: its SHA-256 in lower-case hex. 256 random bits need no slow hash. */
export function hashSecret(secret: string): string {
  return hash("sha256", secret, "hex");
}

function checksum(head: string): string {
  return crc32(head).toString(16).padStart(8, "0");
}
