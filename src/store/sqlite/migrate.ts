/** Brings a database to the schema of this version; forward only. */
import type { Database } from "better-sqlite3";
import { MIGRATIONS, type Migration } from "./migrations.ts";

/** Exactly the tables of Kysely's migrator: earlier releases use it and read them. */
const MIGRATION_TABLES = `
  CREATE TABLE IF NOT EXISTS "kysely_migration" ("name" varchar(255) not null primary key, "timestamp" varchar(255) not null);
  CREATE TABLE IF NOT EXISTS "kysely_migration_lock" ("id" varchar(255) not null primary key, "is_locked" integer default 0 not null);
  INSERT OR IGNORE INTO kysely_migration_lock (id, is_locked) VALUES ('migration_lock', 0)`;

/** "lock" in ASCII: distinguishes our files from other SQLite databases. */
const APPLICATION_ID = 0x6c_6f_63_6b;

/** The name of the newest migration of this version. */
export const SCHEMA_VERSION: string = MIGRATIONS.at(-1)?.name ?? "";

/**
 * Returns the names of the migrations that are due, in their order. Throws an error of one plain sentence if the file
 * is not a database of lockkeeper, if a newer version wrote it, or if an earlier migration is missing.
 */
export function dueMigrations(database: Database, path: string, migrations = MIGRATIONS): readonly string[] {
  assertOurs(database, path);
  const done = doneMigrations(database);
  const names = migrations.map(({ name }) => name);
  const unknown = done.filter((name) => !names.includes(name));
  if (unknown.length > 0) {
    throw new Error(
      `the database ${path} was written by a newer version of lockkeeper: it has the migration ${unknown.join(", ")}, this version ends at ${SCHEMA_VERSION}; start that version or restore an older copy`,
    );
  }
  const missing = names.slice(0, done.length).find((name) => !done.includes(name));
  // A migration that runs after a later one could read or drop what that one made.
  if (missing !== undefined) {
    throw new Error(
      `the database ${path} is damaged: it has the migration ${done.at(-1)}, but not the earlier ${missing}; restore a backup`,
    );
  }
  return names.slice(done.length);
}

/**
 * Runs the migrations that are due, all in one transaction. Throws an error of one plain sentence if the file is not a
 * database of lockkeeper, if a newer version wrote it, or if a migration fails; the file is then as it was.
 */
export function migrate(database: Database, path: string, migrations = MIGRATIONS): void {
  const names = dueMigrations(database, path, migrations);
  if (names.length === 0) return;
  const due = migrations.filter(({ name }) => names.includes(name));
  try {
    database.transaction(() => run(database, due)).immediate();
  } catch (error) {
    throw new Error(`the database ${path} could not be migrated`, { cause: error });
  }
}

function run(database: Database, due: readonly Migration[]): void {
  database.exec(MIGRATION_TABLES);
  const insertDone = database.prepare("INSERT INTO kysely_migration (name, timestamp) VALUES (?, ?)");
  for (const migration of due) {
    if ("run" in migration) migration.run(database);
    else for (const statement of migration.statements) database.exec(statement);
    insertDone.run(migration.name, new Date().toISOString());
  }
  database.pragma(`application_id = ${APPLICATION_ID}`);
}

function assertOurs(database: Database, path: string): void {
  const id = database.pragma("application_id", { simple: true });
  const tables = tableNames(database);
  // Earlier releases left Kysely's tables without an id if their first start was interrupted.
  if (id === APPLICATION_ID || tables.length === 0 || tables.includes("kysely_migration")) return;
  throw new Error(`the file ${path} is a SQLite database of something else; lockkeeper does not touch it`);
}

/** Returns the names of the migrations that ran on a database, in their order. */
export function doneMigrations(database: Database): readonly string[] {
  if (!tableNames(database).includes("kysely_migration")) return [];
  return database.prepare<[], string>("SELECT name FROM kysely_migration ORDER BY name").pluck().all();
}

function tableNames(database: Database): readonly string[] {
  return database.prepare<[], string>("SELECT name FROM sqlite_schema WHERE type = 'table'").pluck().all();
}
