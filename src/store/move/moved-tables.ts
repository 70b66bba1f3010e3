/** The tables that a move copies, with their primary keys, in the order in which they are copied. */

/**
 * `log_head` is not one of them: the target gets it as the last step, and without it nobody can write there. Nor is
 * `event_summaries`: the target makes its own from the log. Tables of one engine alone (its migrations, leases, replicas)
 * stay where they are.
 */
export const MOVED_TABLES = {
  instance: ["id"],
  secrets: ["name"],
  organizations: ["id"],
  policies: ["id"],
  api_keys: ["id"],
  former_api_key_secrets: ["secret_hash"],
  links: ["last_position"],
  events: ["position"],
  event_private: ["position"],
  checkpoints: ["position"],
  user_state: ["id"],
  user_profile: ["id"],
  sessions: ["id"],
  requests: ["actor", "scope", "rpc", "request_id"],
  attempt_counters: ["subject", "factor"],
  attempt_places: ["subject", "factor"],
  attempts: ["id"],
  erasures: ["user_id"],
} as const satisfies Readonly<Record<string, readonly string[]>>;

export type MovedTable = keyof typeof MOVED_TABLES;

export const MOVED_TABLE_NAMES = Object.keys(MOVED_TABLES) as readonly MovedTable[];

/** Tables that the hash chain proves: each event, each link, and the personal values that are there. */
const CHAINED: ReadonlySet<MovedTable> = new Set(["links", "events", "event_private"]);

/** Whether the rows of a table must be compared, because no hash covers them. */
export function isCompared(table: MovedTable): boolean {
  return !CHAINED.has(table);
}

/** A value as both engines read and write it. */
export type Cell = string | number | Uint8Array | null;

/** A row by the names of its columns. */
export type Row = Readonly<Record<string, Cell>>;

/** The values of a primary key, in its order. */
export type Key = readonly Cell[];

/** Returns the key of a row. */
export function keyOf(table: MovedTable, row: Row): Key {
  return MOVED_TABLES[table].map((column) => row[column] ?? null);
}

/** Describes a row by its key alone: its other values may be personal. */
export function describeKey(table: MovedTable, row: Row): string {
  return JSON.stringify(keyOf(table, row));
}
