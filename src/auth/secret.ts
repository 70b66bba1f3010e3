/** The form of an API key: `lk_<id>_<secret>_<checksum>`, so that leaked ones are recognised and typos refused early. */
import { hash, randomBytes } from "node:crypto";
import { crc32 } from "node:zlib";

const PREFIX = "lk_";
const SECRET_BYTES = 32;
const ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
/** 62^43 > 2^256: every secret has this many characters. */
const SECRET_CHARS = 43;
const FORM = /^lk_([0-9a-z]{1,64})_([0-9A-Za-z]{43})_([0-9a-f]{8})$/;

/** A secret of 256 random bits that names its key. `keyId`: lower-case letters and digits. */
export function createSecret(keyId: string): string {
  let number = BigInt(`0x${randomBytes(SECRET_BYTES).toString("hex")}`);
  let secret = "";
  for (let i = 0; i < SECRET_CHARS; i++) {
    secret = ALPHABET.charAt(Number(number % 62n)) + secret;
    number /= 62n;
  }
  const head = `${PREFIX}${keyId}_${secret}`;
  return `${head}_${checksum(head)}`;
}

/** Whether a text that begins like a key of ours is one, by its form and checksum alone. */
export function isWellFormedSecret(text: string): boolean {
  const match = FORM.exec(text);
  if (match === null) return false;
  return checksum(text.slice(0, text.lastIndexOf("_"))) === match[3];
}

/** Whether a text claims to be a key of ours. */
export function looksLikeSecret(text: string): boolean {
  return text.startsWith(PREFIX);
}

/** What is stored of a secret: its SHA-256, lower-case hex. 256 random bits need no slow hash. */
export function hashSecret(secret: string): string {
  return hash("sha256", secret, "hex");
}

function checksum(head: string): string {
  return crc32(head).toString(16).padStart(8, "0");
}
