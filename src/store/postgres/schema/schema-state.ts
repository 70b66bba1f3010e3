/** Reads what a database is, without writing to it: empty, ours, of another program, or of a newer version. */
import type { Connection } from "../connect/connection.ts";
import type { Migration } from "./migrations.ts";

export interface SchemaState {
  /** Those that have run, in their order; empty: there is nothing of lockkeeper in the database. */
  readonly done: readonly string[];
  /** Those that a start runs, in their order. */
  readonly due: readonly string[];
  /** Contracting ones that wait for `migrate --finish`. */
  readonly unfinished: readonly string[];
}

// Relations of extensions are nobody's tables.
const READ_TABLES = {
  name: "read_tables",
  text: `SELECT c.relname AS name FROM pg_class c WHERE c.relnamespace = current_schema()::regnamespace
    AND c.relkind IN ('r', 'p', 'v', 'm', 'f') AND NOT EXISTS (
      SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e')
    ORDER BY c.relname`,
};
// Many programs have a table of that name; only ours has the column.
const READ_MARKS = {
  name: "read_marks",
  text: `SELECT c.relname AS name FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
    WHERE c.relnamespace = current_schema()::regnamespace
    AND (c.relname, a.attname) IN (('migrations', 'oldest_beside'), ('leases', 'fence'))`,
};
const READ_DONE = { name: "read_migrations", text: "SELECT name, oldest_beside FROM migrations ORDER BY name" };

interface Done {
  readonly name: string;
  readonly oldest_beside: string;
}

/**
 * Returns what has run and what is due. `place`: the database, for its errors. Throws an Error of one plain sentence if
 * the database is another program's, if a newer version wrote it that excludes this one, or if an earlier
 * migration is missing.
 */
export async function readSchemaState(
  connection: Connection,
  place: string,
  migrations: readonly Migration[],
): Promise<SchemaState> {
  const [tables, marked] = await Promise.all([
    connection.rows<{ name: string }>(READ_TABLES),
    connection.rows<{ name: string }>(READ_MARKS),
  ]);
  const marks = new Set(marked.map(({ name }) => name));
  if (!marks.has("migrations")) {
    // The first migration begins with the table of leases.
    const foreign = tables.find(({ name }) => name !== "leases" || !marks.has("leases"));
    if (foreign === undefined) return planOf([], place, migrations);
    throw new Error(
      `the database ${place} has tables of another program, such as ${foreign.name}; lockkeeper does not touch it: create a database of its own`,
    );
  }
  return planOf(await connection.rows<Done>(READ_DONE), place, migrations);
}

function planOf(rows: readonly Done[], place: string, migrations: readonly Migration[]): SchemaState {
  const done = rows.map(({ name }) => name);
  const names = migrations.map(({ name }) => name);
  const newest = names.at(-1) ?? "";
  const barring = rows.find(({ name, oldest_beside }) => !names.includes(name) && oldest_beside > newest);
  if (barring !== undefined) {
    throw new Error(
      `the database ${place} was written by a newer version of lockkeeper: it has the migration ${barring.name}, which only versions that know ${barring.oldest_beside} may use; this version ends at ${newest}; start that version`,
    );
  }
  const pending = names.filter((name) => !done.includes(name));
  const missing = pending.find((name) => name < (done.at(-1) ?? ""));
  // A migration that runs after a later one could read or drop what that one made.
  if (missing !== undefined) {
    throw new Error(
      `the database ${place} is damaged: it has the migration ${done.at(-1)}, but not the earlier ${missing}; restore a backup`,
    );
  }
  const contracting = new Set(migrations.filter(({ contracts }) => contracts).map(({ name }) => name));
  // What stands before the last expanding one runs too, because the order is kept.
  const count = pending.findLastIndex((name) => !contracting.has(name)) + 1;
  return { done, due: pending.slice(0, count), unfinished: pending.slice(count) };
}
