/** A PostgreSQL server with settings as in production, its databases with users, and what it uses. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import Database from "better-sqlite3";
import pg from "pg";
import { openPostgresStore } from "../../src/store/postgres/postgres-store.ts";
import { type BulkStatement, insertStatement, toArrays } from "../../src/store/postgres/write/bulk-statements.ts";
import * as sql from "../../src/store/postgres/write/write-statements.ts";
import type { LinkTable, LogHeadTable } from "../../src/store/rows/schema.ts";
import type { Scope } from "../../test/support/cleanup.ts";
import { type PostgresServer, startPostgres } from "../../test/support/postgres.ts";
import { cpuSeconds } from "../support/cpu-time.ts";

/** Every COMMIT waits for the disk, as in production. Memory as on a small server of its own. */
export const SETTINGS = {
  fsync: "on",
  synchronous_commit: "on",
  full_page_writes: "on",
  shared_buffers: "1GB",
  max_wal_size: "4GB",
  checkpoint_timeout: "15min",
  max_connections: "200",
  wal_keep_size: "0",
  deadlock_timeout: "1s",
} as const;

const ROWS_PER_STATEMENT = 2_000;

/** Starts a server that ends with `scope`. */
export function startServer(scope: Scope): Promise<PostgresServer> {
  return startPostgres(scope, { settings: SETTINGS });
}

/** Makes a database with the users of a file, which nothing serves. */
export async function copyUsers(server: PostgresServer, database: string, path: string): Promise<void> {
  await server.query(`CREATE DATABASE ${database}`);
  const store = await openPostgresStore({ url: server.url(database), prepare: true, connections: 3, clock: Date.now });
  await store.close();
  const file = new Database(path, { readonly: true });
  const client = new pg.Client({ connectionString: server.url(database) });
  await client.connect();
  try {
    const links = insertStatement<LinkTable>("links", { last_position: "int8", link: "bytea" });
    await copyTable(file, client, "links", links);
    await copyTable(file, client, "organizations", sql.PUT_ORGANIZATIONS);
    await copyTable(file, client, "events", sql.INSERT_EVENTS);
    await copyTable(file, client, "event_private", sql.INSERT_PRIVATE);
    await copyTable(file, client, "user_state", sql.INSERT_STATES);
    await copyTable(file, client, "user_profile", sql.PUT_PROFILES);
    const head = file.prepare<[], LogHeadTable>("SELECT * FROM log_head").get();
    if (head === undefined) throw new Error(`${path} has no head of the log`);
    // The first event is the one that made the organization.
    await client.query(sql.PUT_HEAD.text, [head.position, head.link, head.record_time, 1]);
    await client.query("VACUUM (ANALYZE)");
    await client.query("CHECKPOINT");
  } finally {
    file.close();
    await client.end();
  }
}

async function copyTable<R>(
  file: Database.Database,
  client: pg.Client,
  table: string,
  bulk: BulkStatement<R>,
): Promise<void> {
  const { columns, statement } = bulk;
  const insert = (rows: readonly R[]): Promise<unknown> => client.query(statement.text, [...toArrays(bulk, rows)]);
  let rows: R[] = [];
  for (const row of file.prepare<[], R>(`SELECT ${columns.join(", ")} FROM ${table}`).iterate()) {
    rows.push(row);
    if (rows.length < ROWS_PER_STATEMENT) continue;
    await insert(rows);
    rows = [];
  }
  if (rows.length > 0) await insert(rows);
}

/** Returns the position of the newest event of a database. */
export async function positionOf(server: PostgresServer, database: string): Promise<number> {
  const [head] = await server.query<{ position: string }>("SELECT position FROM log_head", database);
  return Number(head?.position);
}

/** Returns user and system time of all processes of the server so far, in seconds. */
export function serverSeconds(server: PostgresServer): number {
  const [pid] = readFileSync(join(server.dataFolder, "postmaster.pid"), "utf8").split("\n");
  return cpuSeconds(Number(pid));
}
