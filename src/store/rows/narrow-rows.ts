/** Rows as arrays, for the reads that nearly every call makes: the properties of an object would cost more than the read. */
import { type AttemptCounter, NO_ATTEMPTS } from "../../domain/attempt.ts";
import type { Session } from "../../domain/session.ts";
import { settle } from "../../domain/settle.ts";
import {
  type Attributes,
  EMPTY_PERSON,
  type Person,
  type Profile,
  type User,
  type UserState,
} from "../../domain/user.ts";
import { toOutstanding } from "./attempt-rows.ts";
import { parseRestrictions } from "./rows.ts";

/**
 * The columns of UserStateRow. Longer rows begin with them. A comparison alone would be a number on SQLite and a boolean
 * on PostgreSQL: CASE is a number on both.
 */
export const USER_STATE_COLUMNS = `user_state.id, user_state.organization_id,
  CASE user_state.state WHEN 'DELETED' THEN 1 ELSE 0 END, user_state.sequence, user_state.epoch,
  user_state.creation_time, user_state.change_time, user_state.last_position, user_state.restrictions`;

export type UserStateRow = readonly [
  id: string,
  organizationId: string,
  deleted: 0 | 1,
  sequence: number,
  epoch: number,
  creationTime: number,
  changeTime: number,
  lastPosition: number,
  restrictions: string | null,
];

export type UserRow = readonly [...UserStateRow, person: string | null];
export const USER_ROW_LENGTH = 10 satisfies UserRow["length"];
export type SignInRow = readonly [...UserStateRow, counter: string | null, places: string | null];
export type SessionViewRow = readonly [
  ...UserStateRow,
  sessionId: string,
  sessionOrganizationId: string,
  generation: number,
  epoch: number,
  sequence: number,
  creationTime: number,
  changeTime: number,
  expireTime: number,
  idleTimeoutMs: number | null,
  lastActivityTime: number,
  revokeTime: number | null,
  userAgent: string,
  ip: string,
  attributes: string,
  createdBy: string,
];

/** Returns the state as it is stored: restrictions that are due are not settled yet. */
export function toUserState(row: readonly [...UserStateRow, ...unknown[]]): UserState {
  const [id, organizationId, deleted, sequence, epoch, creationTime, changeTime, , restrictions] = row;
  return {
    id,
    organizationId,
    deleted: deleted === 1,
    sequence,
    epoch,
    creationTime,
    changeTime,
    restrictions: parseRestrictions(restrictions),
  };
}

/** The profile and the attributes as one JSON text, which is parsed once. */
export const PERSON_COLUMN = "'[' || profile || ',' || attributes || ']'";

/** `text`: PERSON_COLUMN; null: there is no row, as the user is deleted. */
export function toPerson(text: string | null): Person {
  if (text === null) return EMPTY_PERSON;
  const [profile, attributes] = JSON.parse(text) as [Profile, Attributes];
  return { profile, attributes };
}

/** Reads a UserRow by id. A join would cost more: see `selectSessionView`. */
export const SELECT_USER = `SELECT ${USER_STATE_COLUMNS},
  (SELECT ${PERSON_COLUMN} FROM user_profile WHERE user_profile.id = user_state.id) FROM user_state WHERE id = ?`;

/** Returns the user as it is stored. */
export function toUser(row: UserRow): User {
  return { state: toUserState(row), person: toPerson(row[9]) };
}

/** Returns the user as it is at `now`. */
export function toSettledUser(row: UserRow, now: number): User {
  return { state: settle(toUserState(row), now).state, person: toPerson(row[9]) };
}

/** What lasts of a counter as one JSON text. */
export const COUNTER_COLUMN = "'[' || failures || ',' || locks || ',' || life || ']'";

/** `text`: COUNTER_COLUMN; `places`: of the subject's row of attempt_places. Both are null without a row. */
export function toCounter(text: string | null, places: string | null): AttemptCounter {
  if (text === null) return places === null ? NO_ATTEMPTS : { ...NO_ATTEMPTS, outstanding: toOutstanding(places) };
  const [failures, locks, life] = JSON.parse(text) as [failures: number[], locks: number, life: number];
  return { failures, outstanding: toOutstanding(places), locks, life };
}

/** The columns of SessionViewRow. */
export const SESSION_VIEW_COLUMNS = `${USER_STATE_COLUMNS}, sessions.id, sessions.organization_id, sessions.generation,
  sessions.epoch, sessions.sequence, sessions.creation_time, sessions.change_time, sessions.expire_time,
  sessions.idle_timeout_ms, sessions.last_activity_time, sessions.revoke_time, sessions.user_agent, sessions.ip,
  sessions.attributes, sessions.created_by`;

export function toSessionOfView(row: SessionViewRow): Session {
  return {
    id: row[9],
    userId: row[0],
    organizationId: row[10],
    generation: row[11],
    epoch: row[12],
    sequence: row[13],
    creationTime: row[14],
    changeTime: row[15],
    expireTime: row[16],
    idleTimeoutMs: row[17],
    lastActivityTime: row[18],
    revokeTime: row[19],
    userAgent: row[20],
    ip: row[21],
    attributes: JSON.parse(row[22]) as Attributes,
    createdBy: row[23],
  };
}
