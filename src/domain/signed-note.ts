/** Signed notes of C2SP (c2sp.org/signed-note) with Ed25519, and the checkpoints of a log that are written as such notes. */
import { createHash, createPrivateKey, createPublicKey, type KeyObject, sign, verify } from "node:crypto";

/*
 * note        = text ‖ "\n" ‖ signature lines; the text ends with a line feed, and the signature covers it
 * signature   = "— " ‖ name ‖ " " ‖ base64(key id ‖ 64 bytes of Ed25519) ‖ "\n"
 * key id      = the first 4 bytes of SHA-256(name ‖ "\n" ‖ 0x01 ‖ 32 bytes of the public key)
 * verifier key = name ‖ "+" ‖ hex of the key id ‖ "+" ‖ base64(0x01 ‖ 32 bytes of the public key)
 * checkpoint  = origin ‖ "\n" ‖ position, decimal ‖ "\n" ‖ base64 of the link ‖ "\n"
 */

const ED25519 = 0x01;
const KEY_ID_BYTES = 4;
const KEY_BYTES = 32;
const SIGNATURE_BYTES = 64;
/** The bytes that precede 32 bytes of key in PKCS #8 and in SPKI: RFC 8410. */
const PRIVATE_PREFIX = Buffer.from("302e020100300506032b657004220420", "hex");
const PUBLIC_PREFIX = Buffer.from("302a300506032b6570032100", "hex");

/** More than a note with 16 signatures needs; longer texts are not parsed. */
const NOTE_CHARS_MAX = 8_192;

/** Who signs: the seed is secret. */
export interface NoteSigner {
  /** Neither empty nor with spaces or `+`. */
  readonly name: string;
  /** 32 bytes. */
  readonly seed: Uint8Array;
}

/** What verifies a signature. */
export interface NoteVerifier {
  readonly name: string;
  /** 32 bytes. */
  readonly publicKey: Uint8Array;
}

/** The end of a log at one moment. */
export interface CheckpointText {
  readonly origin: string;
  readonly position: number;
  readonly link: Uint8Array;
}

/** Returns the public key of a seed, 32 bytes. */
export function publicKeyOf(seed: Uint8Array): Uint8Array {
  const spki = createPublicKey(privateKeyOf(seed)).export({ format: "der", type: "spki" });
  return new Uint8Array(spki.subarray(PUBLIC_PREFIX.length));
}

/** Returns a verifier key as C2SP writes it. */
export function formatVerifierKey({ name, publicKey }: NoteVerifier): string {
  return `${name}+${keyIdOf({ name, publicKey })}+${typed(publicKey).toString("base64")}`;
}

/** Reads a verifier key. Throws an Error that says what is allowed. */
export function parseVerifierKey(text: string): NoteVerifier {
  const [, name = "", id = "", key = ""] = /^([^\s+]+)\+([0-9a-f]{8})\+([A-Za-z0-9+/=]+)$/.exec(text) ?? [];
  const bytes = Buffer.from(key, "base64");
  const verifier = { name, publicKey: new Uint8Array(bytes.subarray(1)) };
  const isKnown = name !== "" && bytes.length === 1 + KEY_BYTES && bytes[0] === ED25519;
  if (isKnown && keyIdOf(verifier) === id) return verifier;
  throw new Error(
    `${JSON.stringify(text.slice(0, 100))} is not a verifier key; it must be NAME+ID+KEY of an Ed25519 key, as C2SP writes it`,
  );
}

/** Returns the signed note of a text that ends with a line feed. */
export function signNote(text: string, { name, seed }: NoteSigner): string {
  const signature = sign(null, Buffer.from(text), privateKeyOf(seed));
  const id = keyIdBytes({ name, publicKey: publicKeyOf(seed) });
  return `${text}\n— ${name} ${Buffer.concat([id, signature]).toString("base64")}\n`;
}

/** Returns the text of a note, unsigned; `undefined`: it is not a note. */
export function textOf(note: string): string | undefined {
  return partsOf(note)?.text;
}

/**
 * Returns the text of a note that one of these keys has signed. Signatures of other keys are ignored, as the
 * specification says. `undefined`: it is not a note, no key signed it, or a signature of one of them is wrong.
 */
export function openNote(note: string, verifiers: readonly NoteVerifier[]): string | undefined {
  const parts = partsOf(note);
  if (parts === undefined) return undefined;
  let signatures = 0;
  for (const { name, bytes } of parts.signatures) {
    const isOwn = (verifier: NoteVerifier): boolean =>
      verifier.name === name && keyIdBytes(verifier).equals(bytes.subarray(0, KEY_ID_BYTES));
    for (const { publicKey } of verifiers.filter(isOwn)) {
      const signature = bytes.subarray(KEY_ID_BYTES);
      const isRight = signature.length === SIGNATURE_BYTES;
      if (!isRight || !verify(null, Buffer.from(parts.text), toPublicKey(publicKey), signature)) return undefined;
      signatures++;
    }
  }
  return signatures === 0 ? undefined : parts.text;
}

/** Returns the ids of the keys that a note names, in hex; they prove nothing. */
export function keyIdsOf(note: string): readonly string[] {
  return (partsOf(note)?.signatures ?? []).map(({ bytes }) => bytes.subarray(0, KEY_ID_BYTES).toString("hex"));
}

/** Returns the id of a key, 8 characters of hex. */
export function keyIdOf(verifier: NoteVerifier): string {
  return keyIdBytes(verifier).toString("hex");
}

/** Returns the text of a checkpoint. */
export function formatCheckpoint({ origin, position, link }: CheckpointText): string {
  return `${origin}\n${position}\n${Buffer.from(link).toString("base64")}\n`;
}

/** Reads the text of a checkpoint; `undefined`: it is none. Lines after the third are ignored. */
export function parseCheckpoint(text: string): CheckpointText | undefined {
  const [, origin = "", size = "", root = ""] = /^([^\n]+)\n(0|[1-9]\d{0,15})\n([A-Za-z0-9+/]{43}=)\n/.exec(text) ?? [];
  const position = Number(size);
  if (origin === "" || !Number.isSafeInteger(position)) return undefined;
  return { origin, position, link: new Uint8Array(Buffer.from(root, "base64")) };
}

interface NoteParts {
  readonly text: string;
  readonly signatures: readonly { readonly name: string; readonly bytes: Buffer }[];
}

function partsOf(note: string): NoteParts | undefined {
  const split = note.lastIndexOf("\n\n");
  if (split === -1 || note.length > NOTE_CHARS_MAX || !note.endsWith("\n")) return undefined;
  const lines = note.slice(split + 2, -1).split("\n");
  const signatures = lines.map((line) => {
    const [, name = "", text = ""] = /^— ([^\s+]+) ([A-Za-z0-9+/]+={0,2})$/u.exec(line) ?? [];
    return { name, bytes: Buffer.from(text, "base64") };
  });
  if (signatures.some(({ bytes }) => bytes.length <= KEY_ID_BYTES)) return undefined;
  return { text: note.slice(0, split + 1), signatures };
}

function typed(publicKey: Uint8Array): Buffer {
  return Buffer.concat([Buffer.of(ED25519), publicKey]);
}

function keyIdBytes({ name, publicKey }: NoteVerifier): Buffer {
  const digest = createHash("sha256").update(`${name}\n`).update(typed(publicKey)).digest();
  return digest.subarray(0, KEY_ID_BYTES);
}

function privateKeyOf(seed: Uint8Array): KeyObject {
  return createPrivateKey({ key: Buffer.concat([PRIVATE_PREFIX, seed]), format: "der", type: "pkcs8" });
}

function toPublicKey(publicKey: Uint8Array): KeyObject {
  return createPublicKey({ key: Buffer.concat([PUBLIC_PREFIX, publicKey]), format: "der", type: "spki" });
}
