/** Verifies that the rows of users equal their replayed events. */
import { isDeepStrictEqual } from "node:util";
import type { Database } from "better-sqlite3";
import { replayUser } from "../../log/replay.ts";
import { toUserProfileRow, toUserStateRow } from "../../rows/rows.ts";
import type { UserProfileTable, UserStateTable } from "../../rows/schema.ts";
import { prepareHotStatements } from "../write/hot-statements.ts";
import { readEventsUpTo } from "../write/read-answer.ts";

export interface RowFault {
  readonly userId: string;
  readonly fault: string;
}

export interface RowReport {
  readonly users: number;
  readonly faults: readonly RowFault[];
}

/**
 * Verifies all users by id, `sliceRows` at a time; the event loop runs between two slices. Expects that no personal
 * value is erased: an erased value is missing in the event, but not in a row that was written before.
 */
export async function verifyUserRows(
  database: Database,
  sliceRows = 500,
  progress?: (users: number) => void,
): Promise<RowReport> {
  const statements = prepareHotStatements(database);
  const states = database.prepare<[string, number], UserStateTable>(
    "SELECT * FROM user_state WHERE id > ? ORDER BY id LIMIT ?",
  );
  const profiles = database.prepare<[string], UserProfileTable>("SELECT * FROM user_profile WHERE id = ?");
  const faults: RowFault[] = [];
  let users = 0;
  for (let after = ""; ; ) {
    const slice = states.all(after, sliceRows);
    for (const row of slice) {
      const events = readEventsUpTo(statements, row.last_position);
      const user = replayUser(events);
      if (!isSame(readable(toUserStateRow(user.state, row.last_position)), readable(row))) {
        faults.push({ userId: row.id, fault: "user_state is not what the events give" });
      }
      if (!isSame(readable(toUserProfileRow(user.state, user.person)), readable(profiles.get(row.id)))) {
        faults.push({ userId: row.id, fault: "user_profile is not what the events give" });
      }
      if (events.some(({ sequence }, index) => sequence !== index + 1)) {
        faults.push({ userId: row.id, fault: "the sequence of the events has a gap" });
      }
    }
    users += slice.length;
    progress?.(users);
    after = slice.at(-1)?.id ?? after;
    if (slice.length < sliceRows) break;
    await new Promise((resolve) => setImmediate(resolve));
  }
  return { users, faults };
}

function isSame(a: unknown, b: unknown): boolean {
  return isDeepStrictEqual(a, b);
}

const JSON_COLUMNS: ReadonlySet<string> = new Set(["restrictions", "profile", "attributes"]);

/** Returns a row with its JSON columns parsed, because the order of members does not matter. */
function readable(row: UserStateTable | UserProfileTable | undefined): object | undefined {
  if (row === undefined) return undefined;
  return Object.fromEntries(
    Object.entries(row).map(([name, value]: [string, unknown]) => [
      name,
      JSON_COLUMNS.has(name) && typeof value === "string" ? JSON.parse(value) : value,
    ]),
  );
}
