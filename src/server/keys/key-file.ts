/** The key file: the secret keys of an instance, apart from its database. It is read and written whole. */
import { randomBytes } from "node:crypto";
import {
  closeSync,
  fsyncSync,
  linkSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeSync,
} from "node:fs";
import { dirname } from "node:path";
import { formatVerifierKey, parseVerifierKey, publicKeyOf } from "../../domain/signed-note.ts";
import { fileFault } from "../../file-fault.ts";
import type { SigningKey } from "../../store/history/checkpoint-signer.ts";

/*
 * {
 *   "lockkeeperKeyFile": 1,
 *   "instance": "lockkeeper/0123456789abcdef",
 *   "keys": [
 *     { "name": "checkpoint", "type": "ed25519", "secret": base64 of 32 bytes, "created": instant },
 *     { "name": "checkpoint", "type": "ed25519", "verifier": the C2SP verifier key of one that was replaced, … }
 *   ]
 * }
 *
 * Keys of names and types that this version does not know stay in the file as they are.
 */

const FORMAT = 1;
const CHECKPOINT = "checkpoint";
const SEED_BYTES = 32;
/** Nobody but the owner. */
const MODE = 0o600;
const OTHERS = 0o077;
/** Larger files are not read. */
const BYTES_MAX = 1_000_000;

interface NamedKey {
  readonly name: string;
  readonly type: string;
  readonly secret?: string;
  readonly verifier?: string;
  readonly created?: string;
  readonly replaced?: string;
}

interface Content {
  readonly lockkeeperKeyFile: number;
  readonly instance: string;
  readonly keys: readonly NamedKey[];
}

/** Reads the key that signs checkpoints. Throws an Error of one plain sentence when the file cannot be used. */
export function readKeyFile(path: string): SigningKey {
  return toSigningKey(path, readContent(path));
}

/** Makes a key file for an instance. Throws an Error of one plain sentence, also when there is a file. */
export function createKeyFile(path: string, origin: string): void {
  writeContent(path, { lockkeeperKeyFile: FORMAT, instance: origin, keys: [newKey()] }, { replaces: false });
}

/**
 * Replaces the key that signs checkpoints; what verifies the one before stays known. Returns the new verifier key. Throws
 * an Error of one plain sentence.
 */
export function rotateKeyFile(path: string): string {
  const content = readContent(path);
  toSigningKey(path, content);
  const made = newKey();
  const keys = content.keys.map((key): NamedKey => (isSigning(key) ? toReplaced(key, content.instance) : key));
  writeContent(path, { ...content, keys: [made, ...keys] }, { replaces: true });
  return verifierOf(made, content.instance);
}

function newKey(): NamedKey {
  const secret = randomBytes(SEED_BYTES).toString("base64");
  return { name: CHECKPOINT, type: "ed25519", secret, created: new Date().toISOString() };
}

function toReplaced(key: NamedKey, origin: string): NamedKey {
  const { secret: _, ...known } = key;
  return { ...known, verifier: verifierOf(key, origin), replaced: new Date().toISOString() };
}

function verifierOf({ secret = "" }: NamedKey, name: string): string {
  return formatVerifierKey({ name, publicKey: publicKeyOf(Buffer.from(secret, "base64")) });
}

function isCheckpoint({ name, type }: NamedKey): boolean {
  return name === CHECKPOINT && type === "ed25519";
}

function isSigning(key: NamedKey): boolean {
  return isCheckpoint(key) && key.secret !== undefined;
}

function toSigningKey(path: string, { instance, keys }: Content): SigningKey {
  const [own, ...more] = keys.filter(isSigning);
  const seed = Buffer.from(own?.secret ?? "", "base64");
  if (more.length > 0 || seed.length !== SEED_BYTES) {
    throw malformed(path, "it must have one secret key named checkpoint, of 32 bytes");
  }
  const former = keys
    .filter((key) => isCheckpoint(key) && key.verifier !== undefined)
    .map(({ verifier = "" }) => verifier);
  for (const key of former) {
    try {
      parseVerifierKey(key);
    } catch (error) {
      throw malformed(path, (error as Error).message);
    }
  }
  return { origin: instance, seed, former };
}

function readContent(path: string): Content {
  let text: string;
  try {
    const { mode, size } = statSync(path);
    if ((mode & OTHERS) !== 0) {
      throw new Error(
        `the key file ${path} has the mode ${(mode & 0o777).toString(8).padStart(4, "0")}, so other users can use its keys; run chmod 600 ${path}`,
      );
    }
    if (size > BYTES_MAX) throw malformed(path, `it has ${size} bytes`);
    text = readFileSync(path, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === undefined) throw error;
    throw new Error(`the key file ${path} cannot be read: ${fileFault(error)}`, { cause: error });
  }
  return parseContent(path, text);
}

function parseContent(path: string, text: string): Content {
  let content: Partial<Content> | null;
  try {
    content = JSON.parse(text) as Partial<Content> | null;
  } catch {
    // The parser's message would quote secrets.
    throw malformed(path, "it is not JSON");
  }
  if (typeof content !== "object" || content === null || content.lockkeeperKeyFile === undefined) {
    throw malformed(path, "it has no member lockkeeperKeyFile");
  }
  const { lockkeeperKeyFile: format, instance, keys } = content;
  if (format !== FORMAT) throw malformed(path, `its format is ${JSON.stringify(format)}; this version reads ${FORMAT}`);
  if (typeof instance !== "string" || !/^[^\s+]+$/.test(instance)) throw malformed(path, "it names no instance");
  if (!Array.isArray(keys) || !keys.every(isNamedKey)) throw malformed(path, "its keys are not a list of named keys");
  return { ...content, lockkeeperKeyFile: format, instance, keys };
}

function isNamedKey(key: unknown): boolean {
  if (typeof key !== "object" || key === null) return false;
  const { name, type, secret, verifier } = key as Readonly<Record<string, unknown>>;
  const isText = (value: unknown): boolean => value === undefined || typeof value === "string";
  return typeof name === "string" && typeof type === "string" && isText(secret) && isText(verifier);
}

function malformed(path: string, why: string): Error {
  return new Error(`${path} is not a key file of lockkeeper: ${why}`);
}

/** Writes under another name first, so that a crash leaves the old file or the new one. */
function writeContent(path: string, content: Content, { replaces }: { readonly replaces: boolean }): void {
  const partial = `${path}.${process.pid}-${randomBytes(6).toString("hex")}.partial`;
  try {
    const file = openSync(partial, "wx", MODE);
    try {
      writeSync(file, `${JSON.stringify(content, undefined, 2)}\n`);
      fsyncSync(file);
    } finally {
      closeSync(file);
    }
    if (replaces) renameSync(partial, path);
    else linkSync(partial, path);
    syncFolder(dirname(path));
  } catch (error) {
    throw new Error(`the key file ${path} cannot be written: ${fileFault(error)}`, { cause: error });
  } finally {
    rmSync(partial, { force: true });
  }
}

function syncFolder(path: string): void {
  const folder = openSync(path, "r");
  try {
    fsyncSync(folder);
  } finally {
    closeSync(folder);
  }
}
