/** Events: of a user along the chain that links them, backwards as it is written or forwards; and the log itself. */
import { weightOf } from "../../../domain/page-weight.ts";
import { PageTokenError } from "../../errors.ts";
import type { Limits } from "../../limits.ts";
import type { EventQuery, ListedEvent, Page, RecordedEvent } from "../../queries.ts";
import { toRecordedEvent } from "../../rows/rows.ts";
import { toCursor } from "../../search/cursor.ts";
import { type Asked, type PageKey, parsePageToken } from "../../search/page-token.ts";
import { build, type QueryRunner } from "./list-query.ts";
import { Budget, fillPage, type KeyedPage, type Step, toPage } from "./page-walk.ts";

/** An event's place in its user's chain. */
interface Place {
  readonly sequence: number;
  readonly position: number;
}

/** The chain leads only backwards: to read forwards, one place in every 256 is remembered on the way. */
const MILESTONE_EVENTS = 256;
interface Milestones {
  /** Sequence → position. */
  readonly positions: Map<number, number>;
  /** Where the last page stopped on its way: the next one continues there. */
  resume: Place | undefined;
}

/** Users whose milestones are remembered: the most recently listed ones. */
const MILESTONE_USERS = 64;

export class EventLister {
  readonly #runner: QueryRunner;
  readonly #limits: Limits;
  readonly #lookups: ReturnType<typeof prepareLookups>;
  /** By user. Events never change, so a milestone stays valid. */
  readonly #milestones = new Map<string, Milestones>();

  constructor(runner: QueryRunner, limits: Limits) {
    this.#runner = runner;
    this.#limits = limits;
    this.#lookups = prepareLookups(runner);
  }

  list(query: EventQuery): Page<ListedEvent> {
    const asked: Asked = {
      seal: this.#runner.seal,
      asked: ["events", query.userId, query.order],
      shape: [query.order === "newest_first" ? "position" : "sequence"],
    };
    const after = parsePageToken(asked, query.after);
    return this.#runner.snapshot(() => {
      const last = this.#lastOf(query.userId);
      if (last === undefined) return { items: [] };
      const page =
        query.order === "newest_first"
          ? this.#listBackwards(query, after, last)
          : this.#listForwards(query, after, last);
      const items = page.items.map((event) => ({ ...event, cursor: toCursor(asked.seal, event.position) }));
      return toPage(asked, { ...page, items });
    });
  }

  #lastOf(userId: string): Place | undefined {
    const row = this.#lookups.last(userId);
    return row === undefined ? undefined : { sequence: row.sequence, position: row.last_position };
  }

  #listBackwards({ userId, pageSize }: EventQuery, after: PageKey | undefined, last: Place): KeyedPage<RecordedEvent> {
    const budget = new Budget(this.#limits);
    const first = after === undefined ? last.position : Number(after[0]);
    return this.#fill(this.#chain(first, userId, budget), pageSize, budget);
  }

  /** Yields the chain backwards. The key is the position of the next event. */
  *#chain(first: number, userId: string, budget: Budget): Generator<Step<RecordedEvent>> {
    for (let next: number | null = first; next !== null; ) {
      const row = this.#read(next, userId);
      next = row.previousPosition;
      budget.spendRow();
      yield { row, key: next === null ? [] : [next], isLast: next === null };
    }
  }

  #fill(steps: Iterable<Step<RecordedEvent>>, pageSize: number, budget?: Budget): KeyedPage<RecordedEvent> {
    const bounds = { pageSize, pageChars: this.#limits.pageChars, ...(budget === undefined ? {} : { budget }) };
    return fillPage(steps, bounds, (item) => ({ item, weight: weightOf(JSON.stringify(item.event)) }));
  }

  /** The key is the sequence of the last event shown. A page is empty while the walk has not yet reached its events. */
  #listForwards({ userId, pageSize }: EventQuery, after: PageKey | undefined, last: Place): KeyedPage<RecordedEvent> {
    const shown = Number(after?.[0] ?? 0);
    const end = Math.min(shown + pageSize, last.sequence);
    if (shown >= last.sequence) return { items: [] };
    const budget = new Budget(this.#limits);
    let place: Place | undefined = this.#nearest(userId, end, last);
    while (place !== undefined && place.sequence > end) {
      if (place.sequence % MILESTONE_EVENTS === 0) {
        this.#milestonesOf(userId).positions.set(place.sequence, place.position);
      }
      if (budget.isSpent) {
        this.#milestonesOf(userId).resume = place;
        return { items: [], next: [shown] };
      }
      place = this.#previousOf(place, userId);
      budget.spendRow();
    }
    const events: RecordedEvent[] = [];
    for (let next = place?.position ?? null; next !== null; ) {
      const event = this.#read(next, userId);
      if (event.sequence <= shown) break;
      events.push(event);
      next = event.previousPosition;
    }
    const steps = events.reverse().map((row) => {
      return { row, key: [row.sequence], isLast: row.sequence === last.sequence };
    });
    return this.#fill(steps, pageSize);
  }

  /** Returns the remembered place that is closest after `sequence`. */
  #nearest(userId: string, sequence: number, last: Place): Place {
    const known = this.#milestones.get(userId);
    if (known === undefined) return last;
    let nearest = last;
    const first = Math.ceil(sequence / MILESTONE_EVENTS) * MILESTONE_EVENTS;
    for (let milestone = first; milestone < nearest.sequence; milestone += MILESTONE_EVENTS) {
      const position = known.positions.get(milestone);
      if (position !== undefined) nearest = { sequence: milestone, position };
    }
    const { resume } = known;
    return resume !== undefined && resume.sequence >= sequence && resume.sequence < nearest.sequence ? resume : nearest;
  }

  #milestonesOf(userId: string): Milestones {
    const milestones = this.#milestones.get(userId) ?? { positions: new Map<number, number>(), resume: undefined };
    // A map keeps the order of insertion: its first entry is the least recently used.
    this.#milestones.delete(userId);
    this.#milestones.set(userId, milestones);
    const [oldest] = this.#milestones.keys();
    if (this.#milestones.size > MILESTONE_USERS && oldest !== undefined) this.#milestones.delete(oldest);
    return milestones;
  }

  #previousOf({ position }: Place, userId: string): Place | undefined {
    const row = this.#lookups.link(position);
    if (row === undefined || row.user_id !== userId || row.previous_position === null) return undefined;
    return { sequence: row.sequence - 1, position: row.previous_position };
  }

  /** Returns the event at a position. The position may come from a token: it must be an event of this user. */
  #read(position: number, userId: string): RecordedEvent {
    const row = this.#lookups.event(position);
    if (row === undefined || row.user_id !== userId) {
      throw new PageTokenError("the page token names no event of this user");
    }
    return toRecordedEvent(row);
  }
}

/** Returns the events after a position, at most `limit`. */
export function readLog(runner: QueryRunner, after: number, limit: number): readonly RecordedEvent[] {
  const rows = runner.all(
    build
      .selectFrom("events")
      .leftJoin("event_private", "event_private.position", "events.position")
      .selectAll("events")
      .select("event_private.personal")
      .where("events.position", ">", after)
      .orderBy("events.position")
      .limit(limit)
      .compile(),
  );
  return rows.map(toRecordedEvent);
}

function prepareLookups(runner: QueryRunner) {
  const events = build.selectFrom("events").where("events.position", "=", 0);
  return {
    last: runner.byKey(
      build.selectFrom("user_state").select(["sequence", "last_position"]).where("id", "=", "").compile(),
    ),
    link: runner.byKey(events.select(["previous_position", "sequence", "user_id"]).compile()),
    event: runner.byKey(
      events
        .leftJoin("event_private", "event_private.position", "events.position")
        .selectAll("events")
        .select("event_private.personal")
        .compile(),
    ),
  };
}
