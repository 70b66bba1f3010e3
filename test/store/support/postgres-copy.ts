/** Databases on PostgreSQL with the rows of a SQLite database, for tests that compare the two engines. */
import Database from "better-sqlite3";
import { parseAddress } from "../../../src/store/postgres/connect/address.ts";
import { Pool } from "../../../src/store/postgres/connect/pool.ts";
import { migrate } from "../../../src/store/postgres/schema/migrate.ts";
import { defer, type Scope } from "../../support/cleanup.ts";
import { sharedPostgres } from "../../support/postgres.ts";

/** The tables that lists read. */
const COPIED = [
  "events",
  "event_private",
  "user_state",
  "user_profile",
  "organizations",
  "api_keys",
  "sessions",
  "attempts",
];

/** Returns the connections of a database of its own that has all tables and no users. */
export async function openPostgresPool(scope: Scope): Promise<Pool> {
  const server = await sharedPostgres();
  const address = parseAddress(await server.createDatabase(scope));
  const pool = new Pool({ address, prepare: true, connectionsMax: 4 });
  defer(scope, () => pool.close());
  await pool.use((connection) => migrate(connection, { place: "the test's", holder: "test" }));
  return pool;
}

/** Copies the rows that lists read. */
export async function copyToPostgres(path: string, pool: Pool): Promise<void> {
  const database = new Database(path, { readonly: true });
  try {
    for (const table of COPIED) await copyTable(database, table, pool);
  } finally {
    database.close();
  }
}

async function copyTable(database: Database.Database, table: string, pool: Pool): Promise<void> {
  const select = database.prepare(`SELECT * FROM ${table}`).raw();
  const columns = select.columns().map(({ name }) => name);
  const values = columns.map((_, index) => `$${index + 1}`).join(", ");
  const insert = { name: `copy_${table}`, text: `INSERT INTO ${table} (${columns.join(", ")}) VALUES (${values})` };
  const rows = select.all() as unknown[][];
  await pool.use((connection) => Promise.all(rows.map((row) => connection.run(insert, row))));
}
