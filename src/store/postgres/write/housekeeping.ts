/** What is written without events: the activity of sessions, the secret of shadows, and what the sweeper deletes. */
import { REQUEST_KEPT_MS } from "../../commit/batch.ts";
import type { CheckpointSigner } from "../../history.ts";
import type { Limits } from "../../limits.ts";
import type { ListReader } from "../../lists/list-reader.ts";
import type { Tail } from "../../log/tail.ts";
import { toDueCounter } from "../../rows/attempt-rows.ts";
import { type OpenWork, READ_OPEN_WORK } from "../../rows/open-work.ts";
import { clearTimeBefore } from "../../rows/rows.ts";
import { Eraser } from "../../upkeep/eraser.ts";
import { SessionActivity } from "../../upkeep/session-activity.ts";
import { Shadows } from "../../upkeep/shadows.ts";
import { Summaries } from "../../upkeep/summaries.ts";
import { Sweeper, type SweeperOptions } from "../../upkeep/sweeper.ts";
import { Tombstones } from "../../upkeep/tombstones.ts";
import type { Statement } from "../connect/connection.ts";
import type { Pool } from "../connect/pool.ts";
import { toReadError } from "../connect/trouble.ts";
import { createCheckpointWriter } from "./checkpoints.ts";
import { eraseStep, FIND_ERASURES } from "./erase.ts";
import type { CounterName } from "./write-statements.ts";
import type { Writer } from "./writer.ts";

export interface HousekeepingOptions extends Pick<SweeperOptions, "intervalMs" | "onTrouble"> {
  readonly writer: Writer;
  /** Reads. */
  readonly pool: Pool;
  /** The store's clock, in milliseconds since the epoch. */
  readonly now: () => number;
}

/** $1: ids; $2: times. Replicas see different uses of a session; the latest one stays. */
const TOUCH_SESSIONS: Statement = {
  name: "touch_sessions",
  text: `UPDATE sessions AS s SET last_activity_time = v.time FROM unnest($1::text[], $2::int8[]) AS v (id, time)
    WHERE s.id = v.id AND s.last_activity_time < v.time`,
};

const TOUCH_API_KEYS: Statement = {
  name: "touch_api_keys",
  text: `UPDATE api_keys AS k SET last_used_day = v.day FROM unnest($1::text[], $2::text[]) AS v (id, day)
    WHERE k.id = v.id AND k.last_used_day < v.day`,
};

const READ_SECRET: Statement = { name: "read_secret", text: "SELECT value FROM secrets WHERE name = $1" };
const INSERT_SECRET: Statement = {
  name: "insert_secret",
  text: "INSERT INTO secrets (name, value) VALUES ($1, $2) ON CONFLICT (name) DO NOTHING",
};

/** $1: now; $2: the most. */
const FIND_DUE: Statement = {
  name: "find_due",
  text: "SELECT id FROM user_state WHERE next_due <= $1 ORDER BY next_due LIMIT $2",
};
const FIND_DUE_COUNTERS: Statement = {
  name: "find_due_counters",
  text: "SELECT subject, factor FROM attempt_places WHERE next_due <= $1 ORDER BY next_due LIMIT $2",
};

/** $1 to $4: the columns. */
const INSERT_SUMMARIES: Statement = {
  name: "insert_summaries",
  text: `INSERT INTO event_summaries (block, organizations, actors, types)
    SELECT * FROM unnest($1::int8[], $2::bytea[], $3::bytea[], $4::text[]) ON CONFLICT (block) DO NOTHING`,
};

/** $1: now. Milliseconds since the epoch of what is due longest; null: nothing is. */
const READ_OLDEST_DUE: Statement = {
  name: "read_oldest_due",
  text: `SELECT least((SELECT min(next_due) FROM user_state WHERE next_due <= $1),
    (SELECT min(next_due) FROM attempt_places WHERE next_due <= $1)) AS time`,
};

const OPEN_WORK: Statement = { name: "read_open_work", text: READ_OPEN_WORK };

/** $1: rows older than this go. Whether there are any is looked up without the head of the log, which writers wait for. */
const FIND_OLD_REQUEST: Statement = {
  name: "find_old_request",
  text: "SELECT 1 FROM requests WHERE time < $1 LIMIT 1",
};
const FIND_OLD_SESSION: Statement = {
  name: "find_old_session",
  text: "SELECT 1 FROM sessions WHERE clear_time < $1 LIMIT 1",
};
const FIND_OLD_ATTEMPT: Statement = {
  name: "find_old_attempt",
  text: "SELECT 1 FROM attempts WHERE begin_time < $1 LIMIT 1",
};

/** $1: rows older than this go; $2: the most that go at once. */
const DELETE_OLD_REQUESTS: Statement = {
  name: "delete_old_requests",
  text: `DELETE FROM requests WHERE (actor, scope, rpc, request_id) IN
    (SELECT actor, scope, rpc, request_id FROM requests WHERE time < $1 ORDER BY time LIMIT $2)`,
};
const DELETE_OLD_SESSIONS: Statement = {
  name: "delete_old_sessions",
  text: "DELETE FROM sessions WHERE id IN (SELECT id FROM sessions WHERE clear_time < $1 ORDER BY clear_time LIMIT $2)",
};
const DELETE_OLD_ATTEMPTS: Statement = {
  name: "delete_old_attempts",
  text: "DELETE FROM attempts WHERE id IN (SELECT id FROM attempts WHERE begin_time < $1 ORDER BY begin_time LIMIT $2)",
};

/** The exact condition of the index on counters of unknown users. Subjects begin with "shadow:" or "user:". */
const IS_SHADOW = "subject < 'user:'";

/**
 * Returns the statement that deletes the least recently changed counters of unknown users beyond the limit, with the
 * attempts under way that they have. $1: now; $2: the places of both groups; $3: the most rows. Each of the two groups
 * is guaranteed half of the places and uses those that the other leaves free.
 */
function deleteShadows(name: string, group: string, others: string): Statement {
  return {
    name,
    text: `WITH gone AS (DELETE FROM attempt_counters WHERE (subject, factor) IN
        (SELECT subject, factor FROM attempt_counters WHERE ${IS_SHADOW} AND touch_time ${group} $1::int8
          ORDER BY touch_time DESC LIMIT $3::int8 OFFSET greatest($2::int8 / 2,
          $2::int8 - (SELECT count(*) FROM attempt_counters WHERE ${IS_SHADOW} AND touch_time ${others} $1::int8)))
        RETURNING subject, factor),
      places AS (DELETE FROM attempt_places USING gone
        WHERE attempt_places.subject = gone.subject AND attempt_places.factor = gone.factor)
      SELECT subject FROM gone`,
  };
}

/** $1: how many counters of unknown users have a place. */
const FIND_SHADOW_BEYOND: Statement = {
  name: "find_shadow_beyond",
  text: `SELECT 1 FROM attempt_counters WHERE ${IS_SHADOW} OFFSET $1::int8 LIMIT 1`,
};

const DELETE_KEPT_SHADOWS = deleteShadows("delete_kept_shadows", ">", "<=");
const DELETE_RESTED_SHADOWS = deleteShadows("delete_rested_shadows", "<=", ">");

/** Returns the last activity of sessions, which is written from time to time. */
export function createActivity({ writer, now, intervalMs, onTrouble }: HousekeepingOptions): SessionActivity {
  return new SessionActivity({
    now,
    intervalMs,
    onTrouble,
    async write(times) {
      // In one order everywhere, as two replicas may write the same sessions.
      const sorted = times.toSorted(([a], [b]) => (a < b ? -1 : 1));
      const values = [sorted.map(([id]) => id), sorted.map(([, time]) => time)];
      await writer.write(async (connection) => (await connection.run(TOUCH_SESSIONS, values)).count);
    },
  });
}

/** Returns the pseudonyms of unknown users; every replica has the same secret. */
export function createShadows({ writer, pool }: Pick<HousekeepingOptions, "writer" | "pool">): Shadows {
  return new Shadows({
    async read(name) {
      const [row] = await readRows<{ readonly value: Buffer }>(pool, READ_SECRET, [name]);
      return row?.value;
    },
    async insert(name, secret) {
      await writer.write(
        async (connection) => (await connection.run(INSERT_SECRET, [name, Buffer.from(secret)])).count,
      );
    },
  });
}

/** Writes the UTC days on which API keys were last used. */
export async function touchApiKeys(writer: Writer, days: ReadonlyMap<string, string>): Promise<void> {
  const values = [[...days.keys()], [...days.values()]];
  await writer.write(async (connection) => (await connection.run(TOUCH_API_KEYS, values)).count);
}

/** Returns when the change that is due longest was due; undefined: none is. */
export async function readOldestDue(pool: Pool, now: number): Promise<number | undefined> {
  const [row] = await readRows<{ readonly time: number | null }>(pool, READ_OLDEST_DUE, [now]);
  return row?.time ?? undefined;
}

/** Returns what the upkeep has still to do. */
export async function readOpenWork(pool: Pool): Promise<OpenWork | undefined> {
  return (await readRows<OpenWork>(pool, OPEN_WORK, []))[0];
}

/** How long one step may erase while writers wait for the head of the log, in milliseconds; its COMMIT comes on top. */
const ERASE_MS = 5;

/** Returns what erases users. */
export function createEraser({ writer, pool, now, onTrouble }: HousekeepingOptions): Eraser {
  return new Eraser({
    onTrouble,
    async find(limit) {
      return (await readRows<{ readonly user_id: string }>(pool, FIND_ERASURES, [limit])).map(({ user_id }) => user_id);
    },
    async step(userIds) {
      let open: readonly string[] = [];
      await writer.write(async (connection) => {
        const endTime = performance.now() + ERASE_MS;
        open = await eraseStep(connection, userIds, now(), () => performance.now() >= endTime);
        return userIds.length;
      });
      return open;
    },
  });
}

export interface SweepOptions extends HousekeepingOptions, Pick<SweeperOptions, "execute" | "mayRun"> {
  readonly limits: Limits;
  readonly eraser: Eraser;
  readonly reader: Pick<ListReader, "listEvents" | "listUserEvents" | "summarise">;
  readonly tail: Pick<Tail, "position">;
  /** Absent: there are no checkpoints. */
  readonly signer: CheckpointSigner | undefined;
  readonly checkpointMs: number | undefined;
}

/** Returns a sweeper that runs from now on. */
export function createSweeper(given: SweepOptions): Sweeper {
  const { writer, pool, now, limits, eraser, reader, tail, signer, checkpointMs, ...options } = given;
  const checkpoints = signer && createCheckpointWriter({ pool, writer, now, signer, checkpointMs });
  const deleteFound = async (find: Statement, bound: number, remove: Statement, values: readonly unknown[]) => {
    const found = await readRows(pool, find, [bound]);
    return found.length === 0 ? 0 : writer.write(async (connection) => (await connection.run(remove, values)).count);
  };
  const deleteOld = (find: Statement, remove: Statement, before: number, limit: number): Promise<number> =>
    deleteFound(find, before, remove, [before, limit]);
  const deleteShadowsBy = (remove: Statement, limit: number): Promise<number> =>
    deleteFound(FIND_SHADOW_BEYOND, limits.shadowsMax, remove, [now(), limits.shadowsMax, limit]);
  const summaries = new Summaries({
    head: () => tail.position,
    read: (count) => reader.summarise(count),
    // Without the head of the log, which writers wait for: every replica would write the same.
    async write(rows) {
      const columns = (["block", "organizations", "actors", "types"] as const).map((name) =>
        rows.map((row) => row[name]),
      );
      await readRows(pool, INSERT_SUMMARIES, columns);
    },
  });
  const tombstones = new Tombstones({ keptMs: limits.deletedKeptMs, now, reader, execute: options.execute });
  return new Sweeper({
    ...options,
    eraseDeleted: () => tombstones.sweep(),
    erase: () => eraser.sweep(),
    summarise: summaries.writeSome,
    writeCheckpoint: checkpoints && (() => checkpoints.writeIfDue()),
    usersMax: limits.sweepUsers,
    async findDue(limit) {
      return (await readRows<{ readonly id: string }>(pool, FIND_DUE, [now(), limit])).map(({ id }) => id);
    },
    async findDueCounters(limit) {
      return (await readRows<CounterName>(pool, FIND_DUE_COUNTERS, [now(), limit])).map(toDueCounter);
    },
    deleteOld: [
      (limit) => deleteOld(FIND_OLD_REQUEST, DELETE_OLD_REQUESTS, now() - REQUEST_KEPT_MS, limit),
      (limit) => deleteOld(FIND_OLD_SESSION, DELETE_OLD_SESSIONS, clearTimeBefore(now(), limits.sessionKeptMs), limit),
      (limit) => deleteOld(FIND_OLD_ATTEMPT, DELETE_OLD_ATTEMPTS, now() - limits.attemptKeptMs, limit),
      (limit) => deleteShadowsBy(DELETE_KEPT_SHADOWS, limit),
      (limit) => deleteShadowsBy(DELETE_RESTED_SHADOWS, limit),
    ],
  });
}

/** Runs a statement that reads, or that may run twice. */
async function readRows<R>(pool: Pool, statement: Statement, values: readonly unknown[]): Promise<readonly R[]> {
  try {
    return await pool.use((connection) => connection.rows<R>(statement, values));
  } catch (error) {
    throw toReadError(error);
  }
}
