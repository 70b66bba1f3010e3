/** One process per database file: an exclusive lock that is held on a side database and falls with the process. */
import { closeSync, fchmodSync, openSync, statSync } from "node:fs";
import { dirname } from "node:path";
import Database from "better-sqlite3";
import { giveDescriptor } from "./owner.ts";

export interface FileLock {
  release(): void;
}

/**
 * Locks `path`.lock. A lock on the database itself would shut out our own reader threads. The kernel drops it when the
 * process ends in whatever way, so nothing is left behind by kill -9. Throws a plain sentence when it is taken, or
 * cannot be.
 */
export function lockFile(path: string): FileLock {
  const lockPath = `${path}.lock`;
  makeFor(path, lockPath);
  let database: Database.Database | undefined;
  try {
    database = new Database(lockPath, { timeout: 0 });
    database.pragma("journal_mode = MEMORY");
    // The write is what tells: of a file that may not be written, SQLite would take a lock for reading and call it done.
    database.exec("BEGIN EXCLUSIVE; PRAGMA user_version = 0");
  } catch (error) {
    database?.close();
    throw new Error(toSentence(path, lockPath, error), { cause: error });
  }
  const held = database;
  return { release: () => void held.close() };
}

function toSentence(path: string, lockPath: string, error: unknown): string {
  const code = error instanceof Database.SqliteError ? error.code : "";
  if (code.startsWith("SQLITE_BUSY")) {
    return `the database ${path} is in use by another process, which holds ${lockPath}; stop it first, or use another file`;
  }
  if (/^SQLITE_(?:READONLY|CANTOPEN|PERM)/.test(code)) {
    return `the lock file ${lockPath} cannot be written: it is another user's, or the disk is read-only; give it to the user who uses the database (chown), or remove it while nobody does`;
  }
  if (code.startsWith("SQLITE_NOTADB")) return `the lock file ${lockPath} is something else; remove it`;
  return `the lock file ${lockPath} cannot be used: ${error instanceof Error ? error.message : String(error)}`;
}

/** Made by root beside another's database, the lock file has to be that user's: else the service could not take it. */
function makeFor(path: string, lockPath: string): void {
  let descriptor: number;
  try {
    descriptor = openSync(lockPath, "wx", 0o644);
  } catch {
    // It is there already; or it cannot be made, which SQLite's own try will tell.
    return;
  }
  try {
    const database = statSync(path, { throwIfNoEntry: false });
    giveDescriptor(descriptor, database ?? statSync(dirname(path)));
    if (database !== undefined) fchmodSync(descriptor, database.mode & 0o666);
  } finally {
    closeSync(descriptor);
  }
}
