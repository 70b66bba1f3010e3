/** A database as a version before a migration left it, made from one of today. */
import { rmSync } from "node:fs";
import Database from "better-sqlite3";
import { Kysely, SqliteDialect } from "kysely";
import { Migrator } from "kysely/migration";
import { MIGRATIONS } from "../../../src/store/sqlite/migrate.ts";

const NAMES = Object.keys(MIGRATIONS);
export const NEWEST_MIGRATION: string = NAMES.at(-1) ?? "";
export const MIGRATION_BEFORE: string = NAMES.at(-2) ?? "";

/** Rebuilds the file without this migration and later ones. Rows keep what the older schema has room for. */
export async function toOlderSchema(path: string, without: string = NEWEST_MIGRATION): Promise<void> {
  const [older, newer] = [`${path}.older`, path];
  const database = new Database(older);
  const kysely = new Kysely<unknown>({ dialect: new SqliteDialect({ database }) });
  const migrations = Object.fromEntries(Object.entries(MIGRATIONS).slice(0, NAMES.indexOf(without)));
  await new Migrator({ db: kysely, provider: { getMigrations: async () => migrations } }).migrateToLatest();
  database.prepare("ATTACH DATABASE ? AS newer").run(newer);
  const tables = database
    .prepare<[], string>("SELECT name FROM main.sqlite_schema WHERE type = 'table'")
    .pluck()
    .all()
    .filter((name) => !/^(kysely|sqlite)_/.test(name));
  for (const table of tables) {
    const columns = database
      .prepare<[string], string>("SELECT name FROM pragma_table_info(?, 'main')")
      .pluck()
      .all(table);
    database.exec(
      `DELETE FROM main.${table}; INSERT INTO main.${table} (${columns}) SELECT ${columns} FROM newer.${table}`,
    );
  }
  const id = database.prepare<[], number>("PRAGMA newer.application_id").pluck().get() ?? 0;
  database.exec(`PRAGMA main.application_id = ${id}; DETACH DATABASE newer`);
  for (const suffix of ["", "-wal", "-shm"]) rmSync(`${newer}${suffix}`, { force: true });
  database.prepare("VACUUM INTO ?").run(newer);
  database.close();
  rmSync(older);
}
