/** The statements that load what a batch touches: each takes any number of keys. */

import { answerIsShown, personalIsShown } from "../../rows/erasure-rows.ts";
import { PERSON_COLUMN, USER_STATE_COLUMNS } from "../../rows/narrow-rows.ts";
import type { EventRow } from "../../rows/rows.ts";
import type { Statement } from "../connect/connection.ts";
import { columnsOf } from "./bulk-statements.ts";
import {
  INSERT_API_KEYS,
  INSERT_ATTEMPTS,
  INSERT_EVENTS,
  INSERT_SESSIONS,
  PUT_ORGANIZATIONS,
  PUT_POLICIES,
  PUT_REQUESTS,
} from "./write-statements.ts";

/** A user with its person, as UserRow. */
const USER = `${USER_STATE_COLUMNS},
  (SELECT ${PERSON_COLUMN} FROM user_profile WHERE user_profile.id = user_state.id)`;

/**
 * Users by id ($1), and the users of these sessions ($2) and attempts ($3): so a batch on sessions or attempts needs no
 * further flight for its users. The list of ids is made first; the planner then takes the primary key.
 */
export const LOAD_USERS: Statement = {
  name: "load_users",
  text: `SELECT ${USER} FROM user_state WHERE id = ANY (ARRAY(SELECT unnest($1::text[])
      UNION SELECT user_id FROM sessions WHERE id = ANY ($2::text[])
      UNION SELECT substr(subject, 6) FROM attempts WHERE id = ANY ($3::text[]) AND subject >= 'user:'))`,
};

/** $1: ids. */
export const LOAD_SESSIONS: Statement = {
  name: "load_sessions",
  text: `SELECT ${columnsOf(INSERT_SESSIONS)} FROM sessions WHERE id = ANY ($1::text[])`,
};

/** $1: ids. */
export const LOAD_ATTEMPTS: Statement = {
  name: "load_attempts",
  text: `SELECT ${columnsOf(INSERT_ATTEMPTS)} FROM attempts WHERE id = ANY ($1::text[])`,
};

/**
 * Counters by subject and factor ($1, $2), and those of these attempts ($3). Names that only attempts have come without
 * a counter too; most names of users who are unlocked have none.
 */
export const LOAD_COUNTERS: Statement = {
  name: "load_counters",
  text: `WITH names AS (SELECT subject, factor, false AS is_found FROM unnest($1::text[], $2::text[]) AS v (subject, factor)
      UNION SELECT subject, factor, true FROM attempts WHERE id = ANY ($3::text[]))
    SELECT n.subject, n.factor, c.failures, c.locks, c.life, c.shadow_state, p.places FROM names AS n
    LEFT JOIN attempt_counters AS c ON c.subject = n.subject AND c.factor = n.factor
    LEFT JOIN attempt_places AS p ON p.subject = n.subject AND p.factor = n.factor
    WHERE n.is_found OR c.subject IS NOT NULL OR p.subject IS NOT NULL`,
};

export interface LoadedCounter {
  readonly subject: string;
  readonly factor: string;
  readonly failures: string | null;
  readonly locks: number | null;
  readonly life: number | null;
  readonly shadow_state: string | null;
  readonly places: string | null;
}

/** $1: subjects. */
export const LOAD_FACTORS: Statement = {
  name: "load_factors",
  text: "SELECT subject, factor FROM attempt_counters WHERE subject = ANY ($1::text[])",
};

/** $1: ids. */
export const LOAD_ORGANIZATIONS: Statement = {
  name: "load_organizations",
  text: `SELECT ${columnsOf(PUT_ORGANIZATIONS)} FROM organizations WHERE id = ANY ($1::text[])`,
};

/** $1: ids. */
export const LOAD_API_KEYS: Statement = {
  name: "load_api_keys",
  text: `SELECT ${columnsOf(INSERT_API_KEYS)} FROM api_keys WHERE id = ANY ($1::text[])`,
};

/** $1: ids. */
export const LOAD_POLICIES: Statement = {
  name: "load_policies",
  text: `SELECT ${columnsOf(PUT_POLICIES)} FROM policies WHERE id = ANY ($1::text[])`,
};

/** As `isLastingOwner` of the domain has it. */
export const LOAD_LASTING_OWNERS: Statement = {
  name: "load_lasting_owners",
  text: `SELECT id FROM api_keys WHERE organization_id IS NULL AND role = 'owner' AND expire_time IS NULL
    AND revoke_time IS NULL`,
};

export const LOAD_INSTANCE: Statement = {
  name: "load_instance",
  text: "SELECT generation, sequence, change_time, last_position FROM instance WHERE id = 1",
};

/** $1 to $4: actors, scopes, RPCs and ids of requests, in step. */
export const LOAD_REQUESTS: Statement = {
  name: "load_requests",
  text: `SELECT ${columnsOf(PUT_REQUESTS, "r")}, ${answerIsShown("r")} AS is_shown FROM unnest($1::text[], $2::text[], $3::text[], $4::text[]) AS v (actor, scope, rpc, request_id)
    JOIN requests AS r ON r.actor = v.actor AND r.scope = v.scope AND r.rpc = v.rpc AND r.request_id = v.request_id`,
};

export interface LoadedRequest {
  readonly actor: string;
  readonly scope: string;
  readonly rpc: string;
  readonly request_id: string;
  readonly content: Buffer;
  readonly resource_id: string;
  readonly answer: string | null;
  readonly position: number;
  readonly time: number;
  readonly is_shown: boolean;
}

/** The chain of events that ends at a position ($1), newest first, at most $2. */
export const LOAD_CHAIN: Statement = {
  name: "load_chain",
  text: `WITH RECURSIVE chain AS (SELECT ${columnsOf(INSERT_EVENTS)} FROM events WHERE position = $1::int8
      UNION ALL SELECT ${columnsOf(INSERT_EVENTS, "e")} FROM chain AS c JOIN events AS e ON e.position = c.previous_position)
    SELECT c.*, p.personal FROM chain AS c
    LEFT JOIN event_private AS p ON p.position = c.position AND ${personalIsShown("c")} LIMIT $2::int8`,
};

export type ChainRow = EventRow;
