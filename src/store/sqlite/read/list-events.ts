/** ListUserEvents: along the chain that links a user's events, backwards as it is written or forwards. */
import { weightOf } from "../../../domain/page-weight.ts";
import { PageTokenError } from "../../errors.ts";
import type { Limits } from "../../limits.ts";
import type { EventQuery, ListedEvent, Page, RecordedEvent } from "../../queries.ts";
import { toCursor } from "../../search/cursor.ts";
import { type Asked, type PageKey, parsePageToken, toPageToken } from "../../search/page-token.ts";
import { toRecordedEvent } from "../rows.ts";
import { Budget, build, type QueryRunner } from "./list-query.ts";

/** An event's place in its user's chain. */
interface Place {
  readonly sequence: number;
  readonly position: number;
}

/** The chain leads backwards alone: for reading forwards every so many places are remembered on the way. */
const MILESTONE_EVENTS = 256;
interface Milestones {
  /** Sequence → position. */
  readonly positions: Map<number, number>;
  /** Where the last page ended on its way, so that the next one goes on from there. */
  resume: Place | undefined;
}

/** Users whose milestones are remembered, the ones asked for last. */
const MILESTONE_USERS = 64;

export class EventLister {
  readonly #runner: QueryRunner;
  readonly #limits: Limits;
  readonly #lookups: ReturnType<typeof prepareLookups>;
  /** By user. Events never change, so a milestone stays true. */
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
      return page.next === undefined ? { items } : { items, next: toPageToken(asked, page.next) };
    });
  }

  #lastOf(userId: string): Place | undefined {
    const row = this.#lookups.last(userId);
    return row === undefined ? undefined : { sequence: row.sequence, position: row.last_position };
  }

  #listBackwards({ userId, pageSize }: EventQuery, after: PageKey | undefined, last: Place): KeyedPage {
    const items: RecordedEvent[] = [];
    const budget = new Budget(this.#limits);
    let next: number | null = after === undefined ? last.position : Number(after[0]);
    let weight = 0;
    while (next !== null && items.length < pageSize && weight <= this.#limits.pageChars && !budget.isSpent) {
      const event = this.#read(next, userId);
      items.push(event);
      weight += weightOf(JSON.stringify(event.event));
      next = event.previousPosition;
      budget.spendRow();
    }
    return { items, next: next === null ? undefined : [next] };
  }

  /** The key is the sequence of the last event shown. A page may be empty while the way to it is being walked. */
  #listForwards({ userId, pageSize }: EventQuery, after: PageKey | undefined, last: Place): KeyedPage {
    const shown = Number(after?.[0] ?? 0);
    const end = Math.min(shown + pageSize, last.sequence);
    if (shown >= last.sequence) return { items: [], next: undefined };
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
    const items: RecordedEvent[] = [];
    for (let next = place?.position ?? null; next !== null; ) {
      const event = this.#read(next, userId);
      if (event.sequence <= shown) break;
      items.push(event);
      next = event.previousPosition;
    }
    const page = this.#lightest(items.reverse());
    const shownLast = page.at(-1)?.sequence ?? end;
    return { items: page, next: shownLast < last.sequence ? [shownLast] : undefined };
  }

  /** The first of these events that fit into a page together, at least one. */
  #lightest(events: readonly RecordedEvent[]): readonly RecordedEvent[] {
    let weight = 0;
    const end = events.findIndex(({ event }) => {
      const isFull = weight > this.#limits.pageChars;
      weight += weightOf(JSON.stringify(event));
      return isFull;
    });
    return end < 0 ? events : events.slice(0, end);
  }

  /** The remembered place that is closest behind `sequence`. */
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
    // The order of a map is that of insertion: the first one is the one not asked for longest.
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

  /** A position comes from a token: it must be an event of this user. */
  #read(position: number, userId: string): RecordedEvent {
    const row = this.#lookups.event(position);
    if (row === undefined || row.user_id !== userId) {
      throw new PageTokenError("the page token names no event of this user");
    }
    return toRecordedEvent(row);
  }
}

interface KeyedPage {
  readonly items: readonly RecordedEvent[];
  readonly next: PageKey | undefined;
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
