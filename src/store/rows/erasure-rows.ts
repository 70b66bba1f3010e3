/** Rows of erasures, and the conditions that hide what is erased already but not deleted yet: long histories take time. */
import type { Entry, Erasure } from "../commit/entries.ts";
import type { ErasureTable } from "./schema.ts";

/** A row, and what is there although its erasure has ended. */
export interface StoredErasure extends ErasureTable {
  /** Null: nothing, or the erasure is under way. */
  readonly kept: "sessions" | "attempts" | "answers" | null;
}

/** Begins a query of rows with what is there although their erasure has ended, on both engines. */
export const SELECT_STORED_ERASURES = `SELECT x.*, CASE WHEN x.end_time IS NULL THEN NULL
  WHEN EXISTS (SELECT 1 FROM sessions AS s WHERE s.user_id = x.user_id AND s.epoch < x.epoch) THEN 'sessions'
  WHEN EXISTS (SELECT 1 FROM attempts AS a WHERE a.subject = 'user:' || x.user_id AND a.life < x.sequence) THEN 'attempts'
  WHEN EXISTS (SELECT 1 FROM requests AS r WHERE r.user_id = x.user_id AND r.time < x.time) THEN 'answers'
  END AS kept FROM erasures AS x`;

export function toErasure(row: Omit<ErasureTable, "user_id" | "end_time">): Erasure {
  const { sequence, epoch, time, next_position: nextPosition } = row;
  return { sequence, epoch, time, nextPosition };
}

/** Returns the row; `undefined`: there is nothing to write. The user's last event must have its position. */
export function toErasureRow({ id, erasure, walks }: Entry<"erasure">): ErasureTable | undefined {
  if (erasure === undefined) return undefined;
  const { sequence, epoch, time, nextPosition } = erasure;
  const next = walks === undefined ? nextPosition : walks.lastPosition;
  return { user_id: id, sequence, epoch, time, next_position: next, end_time: null };
}

/** An SQL condition: the personal values of an event may be shown. `events`: the table's name in the query. */
export function personalIsShown(events: string): string {
  return isNotErased(`${events}.user_id`, `${events}.sequence < x.sequence`);
}

/** An SQL condition: a session may be shown. */
export function sessionIsShown(): string {
  return isNotErased("sessions.user_id", "sessions.epoch < x.epoch");
}

/** An SQL condition: an attempt may be shown. Subjects of users begin with "user:"; those of shadows lead to no user. */
export function attemptIsShown(): string {
  return isNotErased("substr(attempts.subject, 6)", "attempts.life < x.sequence");
}

/** An SQL condition: the remembered answer of a request may be shown. `requests`: the table's name in the query. */
export function answerIsShown(requests: string): string {
  return isNotErased(`${requests}.user_id`, `${requests}.time <= x.time`);
}

/**
 * A subquery that PostgreSQL makes no join of, and a condition that is not that of the index of open erasures: each row
 * then looks up one key, however many erasures there are.
 */
function isNotErased(userId: string, isOlder: string): string {
  return `(SELECT 1 FROM erasures AS x WHERE x.user_id = ${userId} AND coalesce(x.end_time, -1) < 0 AND ${isOlder}) IS NULL`;
}
