/** Turns a current database into one of a version before a migration. */
import { rmSync } from "node:fs";
import Database from "better-sqlite3";
import { migrate } from "../../../src/store/sqlite/migrate.ts";
import { MIGRATIONS } from "../../../src/store/sqlite/migrations.ts";

const NAMES = MIGRATIONS.map(({ name }) => name);
export const NEWEST_MIGRATION: string = NAMES.at(-1) ?? "";
export const MIGRATION_BEFORE: string = NAMES.at(-2) ?? "";

const PLACES_OF_COUNTER =
  "FROM newer.attempt_places p WHERE (p.subject, p.factor) = (attempt_counters.subject, attempt_counters.factor)";

/** Columns that are elsewhere by now. */
const MOVED: Readonly<Record<string, string>> = {
  "attempt_counters.outstanding": `coalesce((SELECT places ${PLACES_OF_COUNTER}), '[]')`,
  "attempt_counters.next_due": `(SELECT next_due ${PLACES_OF_COUNTER})`,
};

/** Rebuilds the file without this migration and later ones. Rows keep what the older schema has room for. */
export function toOlderSchema(path: string, without: string = NEWEST_MIGRATION): void {
  const [older, newer] = [`${path}.older`, path];
  const database = new Database(older);
  migrate(database, older, MIGRATIONS.slice(0, NAMES.indexOf(without)));
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
    const values = columns.map((column) => MOVED[`${table}.${column}`] ?? column);
    database.exec(
      `DELETE FROM main.${table}; INSERT INTO main.${table} (${columns}) SELECT ${values} FROM newer.${table}`,
    );
  }
  database.exec("DETACH DATABASE newer");
  for (const suffix of ["", "-wal", "-shm"]) rmSync(`${newer}${suffix}`, { force: true });
  database.prepare("VACUUM INTO ?").run(newer);
  database.close();
  rmSync(older);
}
