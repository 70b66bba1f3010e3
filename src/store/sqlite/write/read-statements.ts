/** The reads that nearly every call makes: each one statement, with its columns by position. */
import { sessionIsShown } from "../../rows/erasure-rows.ts";
import {
  COUNTER_COLUMN,
  SELECT_USER,
  SESSION_VIEW_COLUMNS,
  type SessionViewRow,
  type SignInRow,
  USER_STATE_COLUMNS,
  type UserRow,
} from "../../rows/narrow-rows.ts";
import type { Prepare } from "./attempt-statements.ts";

type CounterName = [subject: string, factor: string];

export function readStatements(prepare: Prepare) {
  return {
    readUser: prepare<[id: string], UserRow>(SELECT_USER).raw(),
    readSessionView: prepare<[id: string], SessionViewRow>(selectSessionView("id")).raw(),
    readSessionViewByToken: prepare<[tokenHash: string], SessionViewRow>(selectSessionView("token_hash")).raw(),
    readSignIn: prepare<[...CounterName, ...CounterName, userId: string], SignInRow>(
      `SELECT ${USER_STATE_COLUMNS},
        (SELECT ${COUNTER_COLUMN} FROM attempt_counters WHERE subject = ? AND factor = ?),
        (SELECT places FROM attempt_places WHERE subject = ? AND factor = ?)
        FROM user_state WHERE id = ?`,
    ).raw(),
  };
}

/**
 * Returns the statement that reads a session with its user. The key is an expression: for a bare parameter SQLite plans
 * a join again for each value, at five times the cost.
 */
function selectSessionView(key: "id" | "token_hash"): string {
  return `SELECT ${SESSION_VIEW_COLUMNS} FROM sessions CROSS JOIN user_state ON user_state.id = sessions.user_id
    WHERE sessions.${key} = ? || '' AND (sessions.epoch = user_state.epoch OR ${sessionIsShown()})`;
}
