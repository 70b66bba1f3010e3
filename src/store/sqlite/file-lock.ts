/** One process per database file: an exclusive lock that is held on a side database and falls with the process. */
import Database from "better-sqlite3";

export interface FileLock {
  release(): void;
}

/**
 * Locks `path`.lock. A lock on the database itself would shut out our own reader threads. The kernel drops it when the
 * process ends in whatever way, so nothing is left behind by kill -9. Throws a plain sentence when it is taken.
 */
export function lockFile(path: string): FileLock {
  const lockPath = `${path}.lock`;
  const database = new Database(lockPath, { timeout: 0 });
  try {
    database.exec("BEGIN EXCLUSIVE");
  } catch (error) {
    database.close();
    if (error instanceof Database.SqliteError && error.code.startsWith("SQLITE_BUSY")) {
      throw new Error(
        `the database ${path} is in use by another process, which holds ${lockPath}; stop it first, or use another file`,
        { cause: error },
      );
    }
    throw error;
  }
  return { release: () => void database.close() };
}
