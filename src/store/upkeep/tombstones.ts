/** Erases users that were deleted long ago: finds their deletions in the log, where they stand in the order of time. */
import type { ListReader } from "../lists/list-reader.ts";
import type { ListedEvent } from "../queries.ts";
import { SWEEPER_CONTEXT, type SweeperOptions } from "./sweeper.ts";

export interface TombstonesOptions extends Pick<SweeperOptions, "execute"> {
  /** How long a deleted user keeps its personal values, in milliseconds; Infinity: until somebody erases them. */
  readonly keptMs: number;
  /** The store's clock, in milliseconds since the epoch. */
  readonly now: () => number;
  readonly reader: Pick<ListReader, "listEvents" | "listUserEvents">;
}

/** Deletions of one step. */
const STEP_EVENTS = 16;
/** How long nothing is looked for after all that was due is erased; the period is counted in days. */
const PAUSE_MS = 3_600_000;
/** A tombstone gets few events: the end of a ban, and redactions. */
const LATER_EVENTS = 100;

const REASON_CODE = "RETENTION_ENDED";

export class Tombstones {
  readonly #options: TombstonesOptions;
  /**
   * Deletions up to this position are done. It is not written down: a start looks at the log again, and passes over the
   * blocks without a deletion by their summaries.
   */
  #place: number = 0;
  #nextTime: number = 0;

  constructor(options: TombstonesOptions) {
    this.#options = options;
  }

  /** Erases the users of the next few deletions that are due. Returns whether there may be more to do now. */
  async sweep(): Promise<boolean> {
    const { keptMs, reader } = this.#options;
    const now = this.#options.now();
    if (keptMs === Number.POSITIVE_INFINITY || now < this.#nextTime) return false;
    const page = await reader.listEvents({
      scope: null,
      filter: { type: ["UserDeleted"], before: now - keptMs },
      order: "oldest_first",
      pageSize: STEP_EVENTS,
      afterPosition: this.#place,
      // One slice.
      searchMs: 0,
    });
    const erased = await Promise.all(page.items.map((each) => this.#erase(each)));
    // A user that changes just now has its turn in the next round.
    if (erased.includes(false)) return false;
    if (page.next !== undefined) {
      this.#place = page.position;
      return true;
    }
    // The place of the last page is the end of the log, where deletions stand that are not due.
    this.#place = page.items.at(-1)?.position ?? this.#place;
    this.#nextTime = now + PAUSE_MS;
    return false;
  }

  /** Erases a user by its deletion, unless there is a later one or somebody is created under the id. */
  async #erase({ userId, sequence, event }: ListedEvent): Promise<boolean> {
    if (userId === null || (event.type === "UserDeleted" && event.data.erased === true)) return true;
    const expectedSequence = await this.#lastOfTombstone(userId, sequence);
    if (expectedSequence === undefined) return true;
    const outcome = await this.#options.execute(
      {
        type: "DeleteUser",
        ...{ userId, erase: true, reasonCode: REASON_CODE, note: "", expectedSequence },
        context: SWEEPER_CONTEXT,
      },
      { lane: "bulk" },
    );
    return outcome.ok;
  }

  /** Returns the sequence of a user that is as its deletion left it; undefined: it is not. */
  async #lastOfTombstone(userId: string, deletion: number): Promise<number | undefined> {
    let last: number | undefined;
    const query = { userId, order: "newest_first", pageSize: LATER_EVENTS } as const;
    for (let after: string | undefined; ; ) {
      const page = await this.#options.reader.listUserEvents(after === undefined ? query : { ...query, after });
      for (const { sequence, event } of page.items) {
        last ??= sequence;
        if (sequence <= deletion) return last;
        if (event.type === "UserDeleted" || event.type === "UserCreated" || event.type === "UserImported") return;
      }
      if (page.next === undefined) return;
      after = page.next;
    }
  }
}
