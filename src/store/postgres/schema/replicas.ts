/** The processes that use a database now: which versions run at the same time during an upgrade. */
import type { Connection } from "../connect/connection.ts";
import { SERVER_NOW } from "./lease.ts";

export interface Replica {
  /** Its own for each start. */
  readonly id: string;
  /** Of the program. */
  readonly version: string;
  /** The newest migration that it knows. */
  readonly schemaVersion: string;
}

/** What a replica learns each time it says that it is there. */
export interface Heartbeat {
  /** Milliseconds since the epoch, by the server's clock. */
  readonly serverTime: number;
  /** The newest migration that has run. */
  readonly newestMigration: string;
  /** Whether this version may still use the database; `false`: it must stop, because a later upgrade was finished. */
  readonly mayRun: boolean;
}

/** A replica that was silent for so long is taken to be gone, in milliseconds. */
export const GONE_MS = 60_000;
/** When a row is deleted, in milliseconds. */
const FORGET_MS = 86_400_000;

const BEAT = {
  name: "beat",
  text: `INSERT INTO replicas (id, version, schema_version, seen_time) VALUES ($1, $2, $3, ${SERVER_NOW})
    ON CONFLICT (id) DO UPDATE SET seen_time = excluded.seen_time`,
};
const FORGET = { name: "forget_replicas", text: `DELETE FROM replicas WHERE seen_time < ${SERVER_NOW} - ${FORGET_MS}` };
// A statement of its own: the one before may have waited for a migration, and would not see it.
const READ = {
  name: "read_schema_state",
  text: `SELECT ${SERVER_NOW} AS server_time, max(name) AS newest, max(oldest_beside) AS oldest_beside FROM migrations`,
};
const LEAVE = { name: "leave", text: "DELETE FROM replicas WHERE id = $1" };
const SELECT_SEEN = `SELECT id, version, ${SERVER_NOW} - seen_time AS silent_ms FROM replicas
  WHERE seen_time > ${SERVER_NOW} - ${GONE_MS}`;
const SEEN = { name: "replicas_seen", text: `${SELECT_SEEN} ORDER BY id LIMIT 5` };
const OLDER = { name: "older_replicas", text: `${SELECT_SEEN} AND schema_version < $1 ORDER BY id LIMIT 5` };

/** Says that a replica is there. Call it before the first use, after each reconnect, and every few seconds. */
export async function beat(connection: Connection, replica: Replica): Promise<Heartbeat> {
  const { id, version, schemaVersion } = replica;
  const [, , [found]] = await Promise.all([
    connection.run(BEAT, [id, version, schemaVersion]),
    connection.run(FORGET),
    connection.rows<{ server_time: number; newest: string; oldest_beside: string }>(READ),
  ]);
  if (found === undefined) throw new Error("PostgreSQL answered an aggregate without a row");
  return {
    serverTime: found.server_time,
    newestMigration: found.newest,
    mayRun: found.oldest_beside <= schemaVersion,
  };
}

/** Says that a replica is gone, so that an upgrade need not wait for its silence. */
export async function leave(connection: Connection, id: string): Promise<void> {
  await connection.run(LEAVE, [id]);
}

/** Returns a description of each replica, at most five, that was seen lately and knows no migration from a name on. */
export async function olderReplicas(connection: Connection, oldestBeside: string): Promise<readonly string[]> {
  return describe(await connection.rows<SeenRow>(OLDER, [oldestBeside]));
}

/** Returns a description of each replica, at most five, that was seen lately. */
export async function replicasSeen(connection: Connection): Promise<readonly string[]> {
  return describe(await connection.rows<SeenRow>(SEEN));
}

interface SeenRow {
  readonly id: string;
  readonly version: string;
  readonly silent_ms: number;
}

function describe(rows: readonly SeenRow[]): readonly string[] {
  return rows.map(
    ({ id, version, silent_ms }) => `${id} (version ${version}, seen ${Math.round(silent_ms / 1000)} s ago)`,
  );
}
