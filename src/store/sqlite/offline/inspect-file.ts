/** Looks into a database file that no service uses, locks it, and brings it to this version's schema. */
import { existsSync, statSync } from "node:fs";
import Database from "better-sqlite3";
import type { Migrated } from "../../offline.ts";
import { openWriter, toRealPath } from "../file/database-file.ts";
import { lockFile } from "../file/file-lock.ts";
import { doneMigrations, dueMigrations, migrate } from "../migrate.ts";
import { withSentences } from "./verify-database.ts";

/** Runs what is due, or only says it (`check`). Rejects with one plain sentence. */
export async function migrateFile(given: string, { check }: { readonly check: boolean }): Promise<Migrated> {
  if (check) {
    const found = await inspectDatabase(given);
    const path = toRealPath(given);
    // A lock file is not made for it: nothing is changed, not even beside the database.
    if (existsSync(`${path}.lock`)) lockFile(path).release();
    return found;
  }
  return withExisting(given, async (database, path) => {
    const found = migrationsOf(database, path);
    migrate(database, path);
    return found;
  });
}

/**
 * Asks a database what it is without writing to it, so that nothing is left in or beside a file that is not ours.
 * Rejects with one plain sentence when there is none, or it is empty, of something else or of a newer version.
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

/** Whether a file has no lockkeeper in it yet: nothing at all, or what a first start that was cut off has left. */
export async function isEmptyDatabase(path: string): Promise<boolean> {
  assertFile(path);
  return withSentences(path, async () => {
    const database = openInspector(path);
    try {
      // The organization `default` is there from the first start on.
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

/** Only reads. */
export function openInspector(path: string): Database.Database {
  // A connection opened for reading alone makes a log's files where there are none, and may not take them away again.
  const database = new Database(path, { fileMustExist: true, readonly: existsSync(`${path}-wal`) });
  database.pragma("query_only = ON");
  return database;
}

export async function withExisting<T>(
  given: string,
  work: (database: Database.Database, path: string) => Promise<T>,
): Promise<T> {
  // Before the path is made real, which would create its folder.
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
