/** A lock on a file that the kernel drops when the process ends in whatever way. It is SQLite's: Node has none itself. */
import Database from "better-sqlite3";

export interface ProcessLock {
  release(): void;
}

/** Thrown when another process holds the lock. */
export class LockHeldError extends Error {
  override readonly name = "LockHeldError";
}

/**
 * Takes the exclusive lock of a file, which is created when it is not there, so nothing is left behind by kill -9.
 * Throws LockHeldError when another process holds it, and what SQLite says when it cannot be taken at all.
 */
export function lockProcess(lockPath: string): ProcessLock {
  let database: Database.Database | undefined;
  try {
    database = new Database(lockPath, { timeout: 0 });
    database.pragma("journal_mode = MEMORY");
    // Without the write SQLite would take a read lock on a file that it may not write, and report success.
    database.exec("BEGIN EXCLUSIVE; PRAGMA user_version = 0");
  } catch (error) {
    database?.close();
    const isHeld = error instanceof Database.SqliteError && error.code.startsWith("SQLITE_BUSY");
    throw isHeld ? new LockHeldError(`another process holds ${lockPath}`, { cause: error }) : error;
  }
  const held = database;
  return { release: () => void held.close() };
}
