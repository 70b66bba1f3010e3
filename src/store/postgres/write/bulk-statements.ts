/** Statements that write any number of rows at once: one array for each column. */
import type { Statement } from "../connect/connection.ts";

/** The columns of a table in their order, each with its type. */
export type Columns<R> = { readonly [C in keyof R & string]: "text" | "int4" | "int8" | "bytea" };

/** A statement that takes rows of this form. */
export interface BulkStatement<R> {
  readonly statement: Statement;
  readonly columns: readonly (keyof R & string)[];
}

/**
 * Returns the columns that a statement writes, for one that reads them. A named statement must list its columns: once
 * a later version has added one, `*` would fail.
 */
export function columnsOf<R>({ columns }: BulkStatement<R>, table?: string): string {
  return columns.map((column) => (table === undefined ? column : `${table}.${column}`)).join(", ");
}

/** Returns the values of a bulk statement: an array for each column. */
export function toArrays<R>({ columns }: BulkStatement<R>, rows: readonly R[]): readonly unknown[][] {
  return columns.map((column) => rows.map((row) => row[column]));
}

/** Returns the statement that inserts rows. `replacing`: the key by which a row that is there gets the new values. */
export function insertStatement<R>(
  table: string,
  columns: Columns<R>,
  replacing?: readonly (keyof R & string)[],
): BulkStatement<R> {
  const names = namesOf(columns);
  const others = names.filter((name) => replacing?.includes(name) === false);
  const conflict =
    replacing === undefined
      ? ""
      : ` ON CONFLICT (${replacing.join(", ")}) DO UPDATE SET ${others.map((name) => `${name} = excluded.${name}`).join(", ")}`;
  const text = `INSERT INTO ${table} (${names.join(", ")}) SELECT * FROM ${unnest(columns)}${conflict}`;
  return { statement: { name: `${replacing === undefined ? "insert" : "put"}_${table}`, text }, columns: names };
}

/** Returns the statement that changes rows. Columns of `key` find them; all others get the new values. */
export function updateStatement<R>(
  table: string,
  columns: Columns<R>,
  key: readonly (keyof R & string)[],
): BulkStatement<R> {
  const names = namesOf(columns);
  const changes = names.filter((name) => !key.includes(name)).map((name) => `${name} = v.${name}`);
  const found = key.map((name) => `t.${name} = v.${name}`);
  const text = `UPDATE ${table} AS t SET ${changes.join(", ")} FROM ${unnest(columns)} AS v (${names.join(", ")})
    WHERE ${found.join(" AND ")}`;
  return { statement: { name: `update_${table}`, text }, columns: names };
}

/** Returns the statement that deletes the rows with these keys. */
export function deleteStatement<R>(table: string, key: Columns<R>): BulkStatement<R> {
  const names = namesOf(key);
  const found = names.map((name) => `t.${name} = v.${name}`);
  const text = `DELETE FROM ${table} AS t USING ${unnest(key)} AS v (${names.join(", ")}) WHERE ${found.join(" AND ")}`;
  return { statement: { name: `delete_${table}`, text }, columns: names };
}

function namesOf<R>(columns: Columns<R>): readonly (keyof R & string)[] {
  return Object.keys(columns) as (keyof R & string)[];
}

function unnest<R>(columns: Columns<R>): string {
  const arrays = Object.values<string>(columns).map((type, index) => `$${index + 1}::${type}[]`);
  return `unnest(${arrays.join(", ")})`;
}
