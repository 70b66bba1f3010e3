/** The statements of the sign-in gate: policies, counters of attempts, attempts. */
import type { Statement } from "better-sqlite3";
import type { Factor } from "../../../domain/policy.ts";
import type { AttemptCounterTable, AttemptTable, PolicyTable } from "../../rows/schema.ts";

export type Prepare = <P extends unknown[], R = unknown>(sql: string) => Statement<P, R>;

/** Returns the statements of policies, counters and attempts. */
export function attemptStatements(prepare: Prepare) {
  return {
    readPolicy: prepare<[id: string], PolicyTable>("SELECT * FROM policies WHERE id = ?"),
    putPolicy: prepare<[PolicyTable]>(
      `INSERT INTO policies (id, policy_values, sequence, creation_time, change_time, last_position) VALUES (@id,
        @policy_values, @sequence, @creation_time, @change_time, @last_position) ON CONFLICT (id) DO UPDATE SET
        policy_values = @policy_values, sequence = @sequence, change_time = @change_time, last_position = @last_position`,
    ),

    readCounter: prepare<[subject: string, factor: string], AttemptCounterTable>(
      "SELECT * FROM attempt_counters WHERE subject = ? AND factor = ?",
    ),
    readFactors: prepare<[subject: string], Factor>("SELECT factor FROM attempt_counters WHERE subject = ?").pluck(),
    putCounter: prepare<
      [
        subject: string,
        factor: string,
        failures: string,
        locks: number,
        life: number,
        shadowState: string | null,
        touchTime: number,
      ]
    >(
      `INSERT INTO attempt_counters (subject, factor, failures, locks, life, shadow_state, touch_time)
        VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (subject, factor) DO UPDATE SET failures = excluded.failures,
        locks = excluded.locks, life = excluded.life, shadow_state = excluded.shadow_state, touch_time = excluded.touch_time`,
    ),
    ...placesStatements(prepare),
    ...shadowStatements(prepare),

    readAttempt: prepare<[id: string], AttemptTable>("SELECT * FROM attempts WHERE id = ?"),
    insertAttempt: prepare<
      [
        id: string,
        subject: string,
        organizationId: string,
        factor: string,
        life: number,
        beginTime: number,
        endTime: number,
        outcome: string,
        settleTime: number | null,
        ip: string,
        network: string | null,
        userAgent: string,
        createdBy: string,
      ]
    >(
      `INSERT INTO attempts (id, subject, organization_id, factor, life, begin_time, end_time, outcome, settle_time, ip,
        network, user_agent, created_by) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
    ),
    // Nothing else of an attempt changes once it has begun.
    updateAttempt: prepare<[outcome: string, settleTime: number | null, id: string]>(
      "UPDATE attempts SET outcome = ?, settle_time = ? WHERE id = ?",
    ),
    expireAttempt: prepare<[settleTime: number, id: string]>(
      "UPDATE attempts SET outcome = 'EXPIRED', settle_time = ? WHERE id = ? AND outcome = 'OUTSTANDING'",
    ),
    deleteOldAttempts: prepare<[before: number, limit: number]>(
      `DELETE FROM attempts WHERE id IN (SELECT id FROM attempts WHERE begin_time < ? ORDER BY begin_time LIMIT ?)`,
    ),

    readSecret: prepare<[name: string], Buffer>("SELECT value FROM secrets WHERE name = ?").pluck(),
    insertSecret: prepare<[name: string, value: Uint8Array]>(
      "INSERT INTO secrets (name, value) VALUES (?, ?) ON CONFLICT (name) DO NOTHING",
    ),
  };
}

/** The attempts under way. */
function placesStatements(prepare: Prepare) {
  return {
    readPlaces: prepare<[subject: string, factor: string], string>(
      "SELECT places FROM attempt_places WHERE subject = ? AND factor = ?",
    ).pluck(),
    putPlaces: prepare<[subject: string, factor: string, places: string, nextDue: number]>(
      `INSERT INTO attempt_places (subject, factor, places, next_due) VALUES (?, ?, ?, ?)
        ON CONFLICT (subject, factor) DO UPDATE SET places = excluded.places, next_due = excluded.next_due`,
    ),
    deletePlaces: prepare<[subject: string, factor: string]>(
      "DELETE FROM attempt_places WHERE subject = ? AND factor = ?",
    ),
    findDueCounters: prepare<[now: number, limit: number], CounterName>(
      "SELECT subject, factor FROM attempt_places WHERE next_due <= ? ORDER BY next_due LIMIT ?",
    ),
    oldestDueCounter: prepare<[now: number], number | null>(
      "SELECT min(next_due) FROM attempt_places WHERE next_due <= ?",
    ).pluck(),
  };
}

/** The exact condition of the index on counters of unknown users. Subjects begin with "shadow:" or "user:". */
const IS_SHADOW = "subject < 'user:'";

type CounterName = Pick<AttemptCounterTable, "subject" | "factor">;

/** `max`: the places of both groups. `limit`: the most rows that one call deletes. */
type DeleteShadows = [{ readonly now: number; readonly max: number; readonly limit: number }];

/**
 * Statements that delete the least recently changed counters of unknown users beyond the limit. Each of the two groups
 * is guaranteed half of the places and uses those that the other leaves free. So counters that are kept in preference
 * never push out new ones, nor new ones them.
 */
function shadowStatements(prepare: Prepare) {
  const deleteBeyond = (group: string, others: string): string =>
    `DELETE FROM attempt_counters WHERE (subject, factor) IN (SELECT subject, factor FROM attempt_counters
      WHERE ${IS_SHADOW} AND touch_time ${group} @now ORDER BY touch_time DESC
      LIMIT @limit OFFSET max(CAST(@max AS INTEGER) / 2,
      @max - (SELECT count(*) FROM attempt_counters WHERE ${IS_SHADOW} AND touch_time ${others} @now)))
      RETURNING subject, factor`;
  return {
    deleteKeptShadows: prepare<DeleteShadows, CounterName>(deleteBeyond(">", "<=")),
    deleteRestedShadows: prepare<DeleteShadows, CounterName>(deleteBeyond("<=", ">")),
  };
}
