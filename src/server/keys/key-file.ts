/** The key file: the secret keys of an instance, apart from its database. It is read and written whole. */
import { randomBytes } from "node:crypto";
import {
  closeSync,
  fchmodSync,
  fchownSync,
  fstatSync,
  fsyncSync,
  openSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  type Stats,
  statSync,
  writeFileSync,
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
const MODE = 0o600;
/** What nobody else may do with a file. */
const FORBIDDEN = 0o077;
/**
 * The same for a file of root. A service that is not root reads such a file through its group, which root chose: a
 * mounted Kubernetes secret has the mode 0440, for example. PostgreSQL has the same rule for the key of its certificate.
 */
const FORBIDDEN_OF_ROOT = 0o037;
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

/**
 * Makes a key file for an instance. `earlier`: verifier keys of files that were lost. Throws an Error of one plain
 * sentence, also when there is a file.
 */
export function createKeyFile(path: string, origin: string, earlier: readonly string[] = []): void {
  const keys = [newKey(), ...toEarlier(earlier, origin)];
  const text = textOf({ lockkeeperKeyFile: FORMAT, instance: origin, keys });
  asWriteFault(path, () => {
    // Nothing but this reserves the name, and a rename replaces what was reserved. So a crash leaves an empty file or a
    // whole one. A hard link would need no reservation, but not every volume has hard links.
    closeSync(openSync(path, "wx", MODE));
    try {
      replaceFile(path, text);
    } catch (error) {
      rmSync(path, { force: true });
      throw error;
    }
  });
}

/**
 * Replaces the key that signs checkpoints; what verifies the one before stays known. `earlier`: more verifier keys to
 * know. Throws an Error of one plain sentence.
 */
export function rotateKeyFile(path: string, earlier: readonly string[] = []): void {
  const content = readContent(path);
  const { former } = toSigningKey(path, content);
  const keys = content.keys.map((key): NamedKey => (isSigning(key) ? toReplaced(key, content.instance) : key));
  const unknown = earlier.filter((key) => !former.includes(key));
  const text = textOf({ ...content, keys: [newKey(), ...keys, ...toEarlier(unknown, content.instance)] });
  asWriteFault(path, () => replaceFile(realpathSync(path), text));
}

function toEarlier(verifiers: readonly string[], origin: string): readonly NamedKey[] {
  return [...new Set(verifiers)].map((verifier) => {
    const { name } = parseVerifierKey(verifier);
    if (name !== origin) {
      throw new Error(`${JSON.stringify(verifier)} is a verifier key of ${name}, and this instance is ${origin}`);
    }
    return { name: CHECKPOINT, type: "ed25519", verifier };
  });
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
    const file = openSync(path, "r");
    try {
      const stats = fstatSync(file);
      checkMode(path, stats);
      if (stats.size > BYTES_MAX) throw malformed(path, `it has ${stats.size} bytes`);
      text = readFileSync(file, "utf8");
    } finally {
      closeSync(file);
    }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === undefined) throw error;
    throw new Error(`the key file ${path} cannot be read: ${fileFault(error)}`, { cause: error });
  }
  if (text === "") {
    throw malformed(path, "it is empty, as when its making was interrupted; it never held a key, so remove it");
  }
  return parseContent(path, text);
}

function checkMode(path: string, { mode, uid }: Stats): void {
  if ((mode & (uid === 0 ? FORBIDDEN_OF_ROOT : FORBIDDEN)) === 0) return;
  const right = uid === 0 && process.getuid?.() !== 0 ? "640" : "600";
  throw new Error(
    `the key file ${path} has the mode ${(mode & 0o777).toString(8).padStart(4, "0")}, so other users can use its keys; run chmod ${right} ${path}`,
  );
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

function textOf(content: Content): string {
  return `${JSON.stringify(content, undefined, 2)}\n`;
}

function asWriteFault(path: string, write: () => void): void {
  try {
    write();
  } catch (error) {
    throw new Error(`the key file ${path} cannot be written: ${fileFault(error)}`, { cause: error });
  }
}

/** Writes under another name first, so that a crash leaves the old file or the new one. Owner and mode stay. */
function replaceFile(path: string, text: string): void {
  const { mode, uid, gid } = statSync(path);
  const partial = `${path}.${process.pid}-${randomBytes(6).toString("hex")}.partial`;
  try {
    const file = openSync(partial, "wx", MODE);
    try {
      const made = fstatSync(file);
      if (made.uid !== uid || made.gid !== gid) fchownSync(file, uid, gid);
      if ((made.mode & 0o777) !== (mode & 0o777)) fchmodSync(file, mode & 0o777);
      writeFileSync(file, text);
      fsyncSync(file);
    } finally {
      closeSync(file);
    }
    renameSync(partial, path);
    syncFolder(dirname(path));
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
