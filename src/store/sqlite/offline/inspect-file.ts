/** Looks into a database file that no service uses, locks it, and brings it to this version's schema. */
import { existsSync, statSync } from "node:fs";
import Database from "better-sqlite3";
import type { Migrated } from "../../offline.ts";
import { openWriter, toRealPath } from "../file/database-file.ts";
import { lockFile } from "../file/file-lock.ts";
import { doneMigrations, dueMigrations, migrate } from "../migrate.ts";
import { assertNotMoved } from "../moves.ts";
import { withSentences } from "./verify-database.ts";

/** Runs the migrations that are due, or only reports them (`check`). Rejects with one plain sentence. */
export async function migrateFile(given: string, { check }: { readonly check: boolean }): Promise<Migrated> {
  if (check) {
    const found = await inspectDatabase(given);
    const path = toRealPath(given);
    // Creates no lock file: a check changes nothing, not even next to the database.
    if (existsSync(`${path}.lock`)) lockFile(path).release();
    return found;
  }
  return withExisting(given, async (database, path) => {
    const found = migrationsOf(database, path);
    migrate(database, path);
    assertNotMoved(database, path);
    return found;
  });
}

/**
 * Reads what a database is without writing to it, so that nothing is left in or next to a file that is not ours.
 * Rejects with one plain sentence when it does not exist, is empty, belongs to another program or to a newer version.
 */
export async function inspectDatabase(path: string): Promise<Migrated> {
  if (!existsSync(path)) throw new Error(`there is no database ${path}`);
  assertFile(path);
  return withSentences(path, async () => {
    const database = openInspector(path);
    try {
      const found = migrationsOf(database, path);
      if (found.from === "") throw new Error(`the file ${path} is empty: there is no database in it`);
      return found;
    } finally {
      database.close();
    }
  });
}

/** Whether a file has no data yet: it is empty, or a first start was interrupted. */
export async function isEmptyDatabase(path: string): Promise<boolean> {
  assertFile(path);
  return withSentences(path, async () => {
    const database = openInspector(path);
    try {
      // The first start creates the organization `default`.
      const isMigrated = migrationsOf(database, path).from !== "";
      return !isMigrated || database.prepare("SELECT 1 FROM organizations LIMIT 1").get() === undefined;
    } finally {
      database.close();
    }
  });
}

function migrationsOf(database: Database.Database, path: string): Migrated {
  return { due: dueMigrations(database, path), from: doneMigrations(database).at(-1) ?? "" };
}

/** Opens a connection that only reads. */
export function openInspector(path: string): Database.Database {
  // A read-only connection creates the files of a log if there are none, and may not delete them again.
  const database = new Database(path, { fileMustExist: true, readonly: existsSync(`${path}-wal`) });
  database.pragma("query_only = ON");
  return database;
}

export async function withExisting<T>(
  given: string,
  work: (database: Database.Database, path: string) => Promise<T>,
): Promise<T> {
  // First, because toRealPath would create the folder.
  await inspectDatabase(given);
  const path = toRealPath(given);
  return withLock(path, () =>
    withSentences(path, async () => {
      const database = openWriter(path);
      try {
        return await work(database, path);
      } finally {
        database.close();
      }
    }),
  );
}

export async function withLock<T>(path: string, work: () => Promise<T>): Promise<T> {
  const lock = lockFile(path);
  try {
    return await work();
  } finally {
    lock.release();
  }
}

export function assertFile(path: string): void {
  if (!statSync(path).isFile()) throw new Error(`${path} is not a file`);
}
