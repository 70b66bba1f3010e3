/** The users of a SQLite database, for their verification. */
import type { Database } from "better-sqlite3";
import type { UserSource } from "../../log/verify-users.ts";
import type { UserProfileTable, UserStateTable } from "../../rows/schema.ts";
import { prepareHotStatements } from "../write/hot-statements.ts";
import { readEventsUpTo } from "../write/read-answer.ts";

/** Returns them with their events. */
export function usersOf(database: Database): UserSource {
  const statements = prepareHotStatements(database);
  const states = database.prepare<[string, number], UserStateTable>(
    "SELECT * FROM user_state WHERE id > ? ORDER BY id LIMIT ?",
  );
  const profiles = database.prepare<[string], UserProfileTable>("SELECT * FROM user_profile WHERE id = ?");
  return (after, limit) =>
    states.all(after, limit).map((state) => ({
      state,
      profile: profiles.get(state.id),
      events: () => readEventsUpTo(statements, state.last_position),
    }));
}
