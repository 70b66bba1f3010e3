/** The reads by key that nearly every call makes, each for any number of keys. */

import type { SignInKey } from "../../queries.ts";
import { sessionIsShown } from "../../rows/erasure-rows.ts";
import {
  COUNTER_COLUMN,
  PERSON_COLUMN,
  SESSION_VIEW_COLUMNS,
  type SessionViewRow,
  USER_STATE_COLUMNS,
  type UserRow,
  type UserStateRow,
} from "../../rows/narrow-rows.ts";
import type { Statement } from "../connect/connection.ts";
import { columnsOf } from "../write/bulk-statements.ts";
import { INSERT_API_KEYS, PUT_ORGANIZATIONS, PUT_POLICIES } from "../write/write-statements.ts";
import type { GatheredRead } from "./read-gatherer.ts";

export type SignInRow = readonly [
  ...UserStateRow,
  counter: string | null,
  places: string | null,
  factor: string,
  instancePolicy: string | null,
  ownPolicy: string | null,
];

export const READ_USERS: GatheredRead<string, UserRow> = {
  statement: {
    name: "read_users",
    text: `SELECT ${USER_STATE_COLUMNS},
      (SELECT ${PERSON_COLUMN} FROM user_profile WHERE user_profile.id = user_state.id)
      FROM user_state WHERE id = ANY ($1::text[])`,
  },
  values: (ids) => [ids],
  nameOfKey: (id) => id,
  nameOfRow: ([id]) => id,
};

export const READ_SESSIONS: GatheredRead<string, SessionViewRow> = {
  statement: sessionsBy("id"),
  values: (ids) => [ids],
  nameOfKey: (id) => id,
  nameOfRow: (row) => row[9],
};

/** The token's hash is the last column. */
export type SessionByTokenRow = readonly [...SessionViewRow, tokenHash: string];

export const READ_SESSIONS_BY_TOKEN: GatheredRead<string, SessionByTokenRow> = {
  statement: sessionsBy("token_hash"),
  values: (hashes) => [hashes],
  nameOfKey: (hash) => hash,
  nameOfRow: (row) => row[24],
};

function sessionsBy(key: "id" | "token_hash"): Statement {
  return {
    name: `read_sessions_by_${key}`,
    text: `SELECT ${SESSION_VIEW_COLUMNS}, sessions.token_hash FROM sessions
      JOIN user_state ON user_state.id = sessions.user_id WHERE sessions.${key} = ANY ($1::text[])
      AND (sessions.epoch = user_state.epoch OR ${sessionIsShown()})`,
  };
}

/** A user's state, the counter of a factor, and the policies that bound it, as of one moment. */
export const READ_SIGN_INS: GatheredRead<SignInKey, SignInRow> = {
  statement: {
    name: "read_sign_ins",
    text: `SELECT ${USER_STATE_COLUMNS},
      (SELECT ${COUNTER_COLUMN} FROM attempt_counters AS c WHERE c.subject = 'user:' || k.id AND c.factor = k.factor),
      (SELECT places FROM attempt_places AS p WHERE p.subject = 'user:' || k.id AND p.factor = k.factor),
      k.factor,
      (SELECT policy_values FROM policies WHERE policies.id = ''),
      (SELECT policy_values FROM policies WHERE policies.id = user_state.organization_id)
      FROM unnest($1::text[], $2::text[]) AS k (id, factor) JOIN user_state ON user_state.id = k.id`,
  },
  values: (keys) => [keys.map(({ userId }) => userId), keys.map(({ factor }) => factor)],
  nameOfKey: ({ userId, factor }) => `${factor} ${userId}`,
  nameOfRow: (row) => `${row[11]} ${row[0]}`,
};

/** $1: the organization; $2: the key that a search for the identifier has. */
export const FIND_BY_KEY: Statement = {
  name: "find_by_key",
  text: `SELECT id FROM user_profile WHERE organization_id = $1 AND username_key = $2
    UNION SELECT id FROM user_profile WHERE organization_id = $1 AND email_key = $2 LIMIT 2`,
};

export const READ_POLICY: Statement = {
  name: "read_policy",
  text: `SELECT ${columnsOf(PUT_POLICIES)} FROM policies WHERE id = $1`,
};

export const READ_ORGANIZATION: Statement = {
  name: "read_organization",
  text: `SELECT ${columnsOf(PUT_ORGANIZATIONS)} FROM organizations WHERE id = $1`,
};

export const READ_API_KEY: Statement = {
  name: "read_api_key",
  text: `SELECT ${columnsOf(INSERT_API_KEYS)} FROM api_keys WHERE id = $1`,
};

/** By a secret that it has, or had before a rotation. */
export const READ_API_KEY_BY_SECRET: Statement = {
  name: "read_api_key_by_secret",
  text: `SELECT ${columnsOf(INSERT_API_KEYS)} FROM api_keys WHERE secret_hash = $1
    OR id = (SELECT api_key_id FROM former_api_key_secrets WHERE secret_hash = $1)`,
};

/** $1: now. */
export const READ_EFFECTIVE_API_KEYS: Statement = {
  name: "read_effective_api_keys",
  text: `SELECT ${columnsOf(INSERT_API_KEYS)} FROM api_keys
    WHERE revoke_time IS NULL AND (expire_time IS NULL OR expire_time > $1) ORDER BY id`,
};
