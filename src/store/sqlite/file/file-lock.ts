/** One process per database file: an exclusive lock on a side file, released when the process ends. */
import {
  closeSync,
  existsSync,
  fchmodSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  type Stats,
  statSync,
} from "node:fs";
import { basename, dirname, join } from "node:path";
import Database from "better-sqlite3";
import { LockHeldError, lockProcess, type ProcessLock } from "../../process-lock.ts";
import { ASIDE_INFIX, PRIVATE_FILE_MODE } from "./database-file.ts";
import { giveDescriptor } from "./file-owner.ts";

/** Appended to the name of the database. */
export const LOCK_SUFFIX = ".lock";

export interface FileLock {
  release(): void;
  /** Releases the lock and deletes the files that did not exist before. The database must be closed. */
  discard(): void;
}

/**
 * Locks `path`.lock. A lock on the database itself would block our own reader threads. The kernel releases it when the
 * process ends in any way, so kill -9 leaves nothing behind. Throws a plain sentence when the lock is taken or cannot
 * be taken, and when the database has several names: each would have a lock of its own.
 */
export function lockFile(path: string): FileLock {
  const lockPath = path + LOCK_SUFFIX;
  const made = newFiles(path, lockPath);
  makeFor(path, lockPath);
  const inode = statSync(lockPath, { throwIfNoEntry: false })?.ino;
  const held = tryLock(path, lockPath);
  // A start that failed may have deleted its lock file in the meantime: a lock on that file protects nothing.
  if (statSync(lockPath, { throwIfNoEntry: false })?.ino !== inode) {
    held.release();
    throw new Error(`the lock file ${lockPath} was removed while it was opened; start again`);
  }
  const alias = describeAlias(path);
  if (alias !== undefined) {
    held.release();
    throw new Error(
      `the database ${path} ${alias.fact}, and each would get a lock and a log of its own, so changes would be lost; ${alias.remedy}`,
    );
  }
  return {
    release: () => held.release(),
    discard: () => {
      // Before the release: nobody else uses the files yet.
      for (const file of made) rmSync(file, { force: true });
      held.release();
    },
  };
}

function tryLock(path: string, lockPath: string): ProcessLock {
  try {
    return lockProcess(lockPath);
  } catch (error) {
    throw new Error(toSentence(path, lockPath, error), { cause: error });
  }
}

/**
 * Returns the files that opening creates. The log of an existing database is never one: it may be the only copy of a
 * change.
 */
function newFiles(path: string, lockPath: string): readonly string[] {
  const database = existsSync(path) ? [] : [path, `${path}-wal`, `${path}-shm`];
  return existsSync(lockPath) ? database : [...database, lockPath];
}

/** Says how the file is reachable by another path, with another lock and log next to it; undefined: it is not. */
function describeAlias(path: string): { readonly fact: string; readonly remedy: string } | undefined {
  const found = statSync(path, { throwIfNoEntry: false });
  if (found?.isFile() !== true) return undefined;
  if (found.nlink > 1) return { fact: `has ${found.nlink} names (hard links)`, remedy: remedyForNames(path, found) };
  if (isMountPoint(path)) {
    return { fact: "is mounted here as a file, and so has several paths", remedy: "mount its folder instead" };
  }
  return undefined;
}

function remedyForNames(path: string, found: Stats): string {
  const [left] = leftByRestore(path, found);
  if (left !== undefined) return `a restore that was killed left ${left}, its second name: remove it`;
  const folder = dirname(path);
  const top = topOfFileSystem(folder);
  const elsewhere = top === folder ? "" : `, or in another folder with \`find ${top} -xdev -samefile ${path}\``;
  return `keep one: find its names with \`find ${folder} -xdev -samefile ${path}\`${elsewhere}, and remove the others, or make a copy`;
}

/** Returns names that a restore gave the database before it replaced it. */
function leftByRestore(path: string, { dev, ino }: Stats): readonly string[] {
  const folder = dirname(path);
  return readdirSync(folder)
    .filter((name) => name.startsWith(`${basename(path)}${ASIDE_INFIX}`))
    .map((name) => join(folder, name))
    .filter((name) => {
      const other = statSync(name, { throwIfNoEntry: false });
      return other?.ino === ino && other.dev === dev;
    });
}

/** Returns the highest folder on the same file system: all hard links are below it. */
function topOfFileSystem(folder: string): string {
  const { dev } = statSync(folder);
  let top = folder;
  while (dirname(top) !== top && statSync(dirname(top)).dev === dev) top = dirname(top);
  return top;
}

/** Whether something is mounted on the path itself, as containers do with single files; `false` outside Linux. */
function isMountPoint(path: string): boolean {
  let mounts: string;
  try {
    mounts = readFileSync("/proc/self/mountinfo", "utf8");
  } catch {
    return false;
  }
  // The fifth field of a line is the mount point, with white space and backslashes as octal numbers.
  const escaped = path.replace(/[\s\\]/g, (character) => `\\${character.charCodeAt(0).toString(8).padStart(3, "0")}`);
  return mounts.split("\n").some((line) => line.split(" ")[4] === escaped);
}

function toSentence(path: string, lockPath: string, error: unknown): string {
  if (error instanceof LockHeldError) {
    return `the database ${path} is in use by another process, which holds ${lockPath}; stop it first, or use another file`;
  }
  const code = error instanceof Database.SqliteError ? error.code : "";
  if (/^SQLITE_(?:READONLY|CANTOPEN|PERM)/.test(code)) {
    return `the lock file ${lockPath} cannot be written: it is another user's, or the disk is read-only; give it to the user who uses the database (chown), or remove it while nobody does`;
  }
  if (code.startsWith("SQLITE_NOTADB")) return `the lock file ${lockPath} is something else; remove it`;
  return `the lock file ${lockPath} cannot be used: ${error instanceof Error ? error.message : String(error)}`;
}

/** Creates the lock file for the owner of the database: if root owned it, the service could not lock it. */
function makeFor(path: string, lockPath: string): void {
  let descriptor: number;
  try {
    descriptor = openSync(lockPath, "wx", PRIVATE_FILE_MODE);
  } catch {
    // It exists already; or it cannot be created, which SQLite's own attempt reports.
    return;
  }
  try {
    const database = statSync(path, { throwIfNoEntry: false });
    giveDescriptor(descriptor, database ?? statSync(dirname(path)));
    fchmodSync(descriptor, database === undefined ? PRIVATE_FILE_MODE : database.mode & 0o666);
  } finally {
    closeSync(descriptor);
  }
}
