/** Verifies that the rows of users equal their replayed events, and that an event says so where a personal value is gone. */
import { isDeepStrictEqual } from "node:util";
import type { RecordedEvent } from "../queries.ts";
import type { StoredErasure } from "../rows/erasure-rows.ts";
import { toUserProfileRow, toUserStateRow } from "../rows/rows.ts";
import type { UserProfileTable, UserStateTable } from "../rows/schema.ts";
import { goneFault } from "./gone-values.ts";
import { replayUser } from "./replay.ts";
import { ErasureJudge } from "./verify-erasures.ts";

export interface RowFault {
  readonly userId: string;
  readonly fault: string;
  /** The event that the fault is in; absent: it is in a row of the user. */
  readonly position?: number;
}

export interface RowReport {
  readonly users: number;
  /** Events of these users. */
  readonly events: number;
  readonly faults: readonly RowFault[];
}

/** A user as it is stored. */
export interface StoredUser {
  readonly state: UserStateTable;
  readonly profile: UserProfileTable | undefined;
  readonly erasure: StoredErasure | undefined;
  /** Reads its events, oldest first. */
  readonly events: () => readonly RecordedEvent[];
}

/** Reads at most `limit` users after an id, by id. */
export type UserSource = (after: string, limit: number) => readonly StoredUser[] | Promise<readonly StoredUser[]>;

/**
 * Verifies all users by id, `sliceRows` at a time; the event loop runs between two slices. An erased value is missing
 * both in the event and in the row.
 */
export async function verifyUsers(
  source: UserSource,
  sliceRows: number,
  progress?: (users: number) => void,
): Promise<RowReport> {
  const faults: RowFault[] = [];
  let [users, events] = [0, 0];
  for (let after = ""; ; ) {
    const slice = await source(after, sliceRows);
    for (const stored of slice) {
      const userId = stored.state.id;
      const history = stored.events();
      events += history.length;
      faults.push(...faultsOf(stored, history).map((fault) => ({ userId, ...fault })));
    }
    users += slice.length;
    progress?.(users);
    after = slice.at(-1)?.state.id ?? after;
    if (slice.length < sliceRows) break;
    await new Promise((resolve) => setImmediate(resolve));
  }
  return { users, events, faults };
}

function faultsOf(
  { state, profile, erasure }: StoredUser,
  events: readonly RecordedEvent[],
): readonly Omit<RowFault, "userId">[] {
  if (events.length === 0) return [{ fault: "user_state has a row, and there is no event" }];
  const user = replayUser(events);
  const isStateSame = isSame(toUserStateRow(user.state, state.last_position), state);
  const isProfileSame = isSame(toUserProfileRow(user.state, user.person), profile);
  const hasGap = events.some(({ sequence }, index) => sequence !== index + 1);
  return [
    ...missingValue(events),
    ...erasureFault(erasure, events),
    ...(isStateSame ? [] : [{ fault: "user_state is not what the events give" }]),
    ...(isProfileSame ? [] : [{ fault: "user_profile is not what the events give" }]),
    ...(hasGap ? [{ fault: "the sequence of the events has a gap" }] : []),
  ];
}

function erasureFault(
  erasure: StoredErasure | undefined,
  events: readonly RecordedEvent[],
): readonly Omit<RowFault, "userId">[] {
  const judge = new ErasureJudge(erasure);
  for (const event of events.toReversed()) judge.take(event);
  const fault = judge.end();
  return fault === undefined ? [] : [fault];
}

/** Returns the first personal value that is gone although no later event erased it. `events`: oldest first. */
function missingValue(events: readonly RecordedEvent[]): readonly Omit<RowFault, "userId">[] {
  const redacted = new Set<string>();
  let first: Omit<RowFault, "userId"> | undefined;
  for (const { event, position, sequence, erasedNames = [] } of events.toReversed()) {
    const name = erasedNames.find((erased) => !redacted.has(`${sequence} ${erased}`));
    if (name !== undefined) first = { position, fault: goneFault(name) };
    if (event.type === "UserDeleted" && event.data.erased === true) break;
    if (event.type !== "EventRedacted") continue;
    for (const field of event.data.fields) redacted.add(`${event.data.sequence} ${field}`);
  }
  return first === undefined ? [] : [first];
}

type Row = UserStateTable | UserProfileTable | undefined;

function isSame(a: Row, b: Row): boolean {
  return isDeepStrictEqual(readable(a), readable(b));
}

const JSON_COLUMNS: ReadonlySet<string> = new Set(["restrictions", "profile", "attributes"]);

/** Returns a row with its JSON columns parsed, because the order of members does not matter. */
function readable(row: Row): object | undefined {
  if (row === undefined) return undefined;
  return Object.fromEntries(
    Object.entries(row).map(([name, value]: [string, unknown]) => [
      name,
      JSON_COLUMNS.has(name) && typeof value === "string" ? parsed(value) : value,
    ]),
  );
}

/** Returns the text itself where somebody wrote what is not JSON: it differs from every row. */
function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
