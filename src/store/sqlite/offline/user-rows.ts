/** The users of a SQLite database, for their verification. */
import type { Database } from "better-sqlite3";
import type { UserSource } from "../../log/verify-users.ts";
import type { RecordedEvent } from "../../queries.ts";
import { SELECT_STORED_ERASURES, type StoredErasure } from "../../rows/erasure-rows.ts";
import { type EventRow, toRecordedEvent } from "../../rows/rows.ts";
import type { UserProfileTable, UserStateTable } from "../../rows/schema.ts";

/** Returns them with their events. */
export function usersOf(database: Database): UserSource {
  // With values that an erasure under way hides: they are verified, too.
  const event = database.prepare<[number], EventRow>(
    `SELECT e.*, p.personal FROM events AS e LEFT JOIN event_private AS p ON p.position = e.position WHERE e.position = ?`,
  );
  const eventsUpTo = (position: number): readonly RecordedEvent[] => {
    const events: RecordedEvent[] = [];
    for (let row = event.get(position); row !== undefined; row = event.get(row.previous_position ?? 0)) {
      events.push(toRecordedEvent(row));
    }
    return events.reverse();
  };
  const states = database.prepare<[string, number], UserStateTable>(
    "SELECT * FROM user_state WHERE id > ? ORDER BY id LIMIT ?",
  );
  const profiles = database.prepare<[string], UserProfileTable>("SELECT * FROM user_profile WHERE id = ?");
  const erasures = database.prepare<[string], StoredErasure>(`${SELECT_STORED_ERASURES} WHERE x.user_id = ?`);
  return (after, limit) =>
    states.all(after, limit).map((state) => ({
      state,
      profile: profiles.get(state.id),
      erasure: erasures.get(state.id),
      events: () => eventsUpTo(state.last_position),
    }));
}
