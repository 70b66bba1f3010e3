/** The look-ups of lists: each for many keys at once. */
import { PERSON_COLUMN, USER_STATE_COLUMNS } from "../../rows/narrow-rows.ts";
import type { Statement } from "../connect/connection.ts";

export const LIST_STATEMENTS = {
  userStates: {
    name: "list_user_states",
    text: `SELECT ${USER_STATE_COLUMNS} FROM user_state WHERE id = ANY($1::text[])`,
  },
  users: {
    name: "list_users",
    text: `SELECT ${USER_STATE_COLUMNS}, ${PERSON_COLUMN} FROM user_state
      LEFT JOIN user_profile ON user_profile.id = user_state.id WHERE user_state.id = ANY($1::text[])`,
  },
  persons: {
    name: "list_persons",
    text: `SELECT id, ${PERSON_COLUMN} FROM user_profile WHERE id = ANY($1::text[])`,
  },
  profiles: {
    name: "list_profiles",
    text: "SELECT id, profile FROM user_profile WHERE id = ANY($1::text[])",
  },
  attributes: {
    name: "list_attributes",
    text: "SELECT id, attributes FROM user_profile WHERE id = ANY($1::text[])",
  },
} as const satisfies Record<string, Statement>;
