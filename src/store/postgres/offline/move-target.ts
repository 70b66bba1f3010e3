/** A PostgreSQL database that takes the place of another engine's: it is filled slice by slice, and usable at the end. */
import { randomUUIDv7 } from "node:crypto";
import { type Move, toMove } from "../../move/move.ts";
import type { MovedHead, MoveTarget } from "../../move/move-database.ts";
import {
  describeKey,
  type Key,
  keyOf,
  MOVED_TABLE_NAMES,
  MOVED_TABLES,
  type MovedTable,
  type Row,
} from "../../move/moved-tables.ts";
import type { CheckpointTable, InstanceTable, LinkTable } from "../../rows/schema.ts";
import { TOKEN_KEY_NAME } from "../../search/token-seal.ts";
import { describeAddress, parseAddress } from "../connect/address.ts";
import type { Connection } from "../connect/connection.ts";
import { enterServer } from "../connect/enter-server.ts";
import { transact } from "../connect/transact.ts";
import { migrate } from "../schema/migrate.ts";
import { readMove } from "../schema/moves.ts";
import { type BulkStatement, insertStatement, toArrays } from "../write/bulk-statements.ts";
import { PUT_ERASURES } from "../write/erasure-statements.ts";
import * as sql from "../write/write-statements.ts";
import { chainUpTo } from "./chain-rows.ts";

interface SecretRow {
  readonly name: string;
  readonly value: Uint8Array;
}

const INSERT_INTO: { readonly [T in MovedTable]: BulkStatement<never> } = {
  instance: insertStatement<InstanceTable>("instance", {
    id: "int4",
    generation: "int8",
    sequence: "int8",
    change_time: "int8",
    last_position: "int8",
  }),
  secrets: insertStatement<SecretRow>("secrets", { name: "text", value: "bytea" }),
  organizations: sql.PUT_ORGANIZATIONS,
  policies: sql.PUT_POLICIES,
  api_keys: sql.INSERT_API_KEYS,
  former_api_key_secrets: sql.INSERT_FORMER_SECRETS,
  links: insertStatement<LinkTable>("links", { last_position: "int8", link: "bytea" }),
  events: sql.INSERT_EVENTS,
  event_private: sql.INSERT_PRIVATE,
  checkpoints: insertStatement<CheckpointTable>("checkpoints", { position: "int8", time: "int8", note: "text" }),
  user_state: sql.INSERT_STATES,
  user_profile: sql.PUT_PROFILES,
  sessions: sql.INSERT_SESSIONS,
  requests: sql.PUT_REQUESTS,
  attempt_counters: sql.PUT_COUNTERS,
  attempt_places: sql.PUT_PLACES,
  attempts: sql.INSERT_ATTEMPTS,
  erasures: PUT_ERASURES,
};

const TAKE_HEAD = { name: "move_take_head", text: "UPDATE log_head SET position = position RETURNING position" };
const READ_TOKEN_KEY = {
  name: "move_read_token_key",
  text: "SELECT value FROM secrets WHERE name = $1",
};
const INSERT_MOVE = {
  name: "move_insert",
  text: "INSERT INTO moves (id, place, begin_time, end_time) VALUES ($1, $2, $3, NULL)",
};
const END_MOVE = { name: "move_end", text: "UPDATE moves SET end_time = $2 WHERE id = $1 AND end_time IS NULL" };
const INSERT_HEAD = {
  name: "move_insert_head",
  text: `INSERT INTO log_head (id, position, link, record_time, config_position)
    VALUES (1, $1, $2, $3, (SELECT coalesce(max(position), 0) FROM events WHERE user_id IS NULL))`,
};
const EMPTY = `TRUNCATE ${[...MOVED_TABLE_NAMES, "event_summaries", "log_head", "moves"].join(", ")}`;
const ANALYZE = `ANALYZE ${MOVED_TABLE_NAMES.join(", ")}`;

/** Tables that a database has rows in before it is used. */
const FILLED_BY_MIGRATIONS: ReadonlySet<MovedTable> = new Set(["instance", "secrets"]);

/** What reads a whole table takes as long as it needs. */
const UNBOUNDED = { statementMs: 0 };

/**
 * Runs work on the database of a URL, at this version's schema. Rejects with one plain sentence when the server or the
 * database is not fit for it.
 */
export function withMoveTarget<T>(url: string, work: (target: MoveTarget) => Promise<T>): Promise<T> {
  const address = parseAddress(url);
  const place = describeAddress(address);
  return enterServer(address, async (connection) => {
    await migrate(connection, { place, holder: randomUUIDv7() });
    const [key] = await connection.rows<Pick<SecretRow, "value">>(READ_TOKEN_KEY, [TOKEN_KEY_NAME]);
    const move = toMove(await readMove(connection));
    return await work(new Target(connection, place, move, key?.value));
  });
}

class Target implements MoveTarget {
  readonly place: string;
  readonly move: Move | undefined;
  readonly tokenKey: Uint8Array | undefined;
  readonly #connection: Connection;

  constructor(connection: Connection, place: string, move: Move | undefined, tokenKey: Uint8Array | undefined) {
    this.#connection = connection;
    this.place = place;
    this.move = move;
    this.tokenKey = tokenKey;
  }

  async begin({ id, place, beginTime }: Move): Promise<void> {
    await transact(this.#connection, async () => {
      // Services write under the head alone: from here on the database stays as it is found.
      await this.#connection.run(TAKE_HEAD);
      if (!(await this.#isInterruptedMove())) await this.#assertEmpty();
      await this.#connection.simple(EMPTY);
      await this.#connection.run(INSERT_MOVE, [id, place, beginTime]);
    });
  }

  async count(table: MovedTable): Promise<number> {
    const statement = { name: `move_count_${table}`, text: `SELECT count(*) AS count FROM ${table}` };
    const [found] = await transact(
      this.#connection,
      () => this.#connection.rows<{ count: number }>(statement),
      UNBOUNDED,
    );
    return found?.count ?? 0;
  }

  async lastKey(table: MovedTable): Promise<Key | undefined> {
    const order = MOVED_TABLES[table].map((column) => `${column} DESC`);
    const statement = {
      name: `move_last_${table}`,
      text: `SELECT ${MOVED_TABLES[table].join(", ")} FROM ${table} ORDER BY ${order.join(", ")} LIMIT 1`,
    };
    const [row] = await this.#connection.rows<Row>(statement);
    return row === undefined ? undefined : keyOf(table, row);
  }

  async write(table: MovedTable, rows: readonly Row[]): Promise<void> {
    const bulk = INSERT_INTO[table];
    for (const row of rows) assertStorable(table, row);
    // The columns of the statement are columns of the table.
    await this.#connection.run(bulk.statement, toArrays(bulk, rows as never[]));
  }

  async rows(table: MovedTable, after: Key | undefined, limit: number): Promise<readonly Row[]> {
    const columns = MOVED_TABLES[table];
    const key = columns.join(", ");
    const beyond = after === undefined ? "" : `WHERE (${key}) > (${columns.map((_, index) => `$${index + 1}`)})`;
    const statement = {
      name: `move_rows_${table}${after === undefined ? "" : "_after"}`,
      text: `SELECT * FROM ${table} ${beyond} ORDER BY ${key} LIMIT ${limit}`,
    };
    return await this.#connection.rows<Row>(statement, after ?? []);
  }

  chain(head: MovedHead) {
    return chainUpTo(this.#connection, head);
  }

  /** Gives the planner its statistics: without them the first searches would walk whole tables. */
  async settle(): Promise<void> {
    await transact(this.#connection, () => this.#connection.simple(ANALYZE), UNBOUNDED);
  }

  async end(id: string, time: number, { position, link, recordTime }: MovedHead): Promise<void> {
    await transact(
      this.#connection,
      async () => {
        const { count } = await this.#connection.run(END_MOVE, [id, time]);
        if (count !== 1) throw new Error(`the database ${this.place} does not hold the move that ends`);
        await this.#connection.run(INSERT_HEAD, [position, link, recordTime]);
      },
      UNBOUNDED,
    );
  }

  async #isInterruptedMove(): Promise<boolean> {
    const move = await readMove(this.#connection);
    return move !== undefined && move.end_time === null;
  }

  async #assertEmpty(): Promise<void> {
    for (const table of MOVED_TABLE_NAMES.filter((name) => !FILLED_BY_MIGRATIONS.has(name))) {
      if ((await this.lastKey(table)) === undefined) continue;
      throw new Error(`the database ${this.place} is not empty: ${table} has rows; name an empty one`);
    }
  }
}

/** Throws one plain sentence that names the value when PostgreSQL cannot store it. */
function assertStorable(table: MovedTable, row: Row): void {
  for (const [column, cell] of Object.entries(row)) {
    if (typeof cell !== "string" || !cell.includes("\0")) continue;
    throw new Error(
      `the column ${column} of the row ${describeKey(table, row)} of ${table} has the character U+0000, which PostgreSQL cannot store`,
    );
  }
}
