/** Events: of a user along the chain that links them, backwards as it is written or forwards; and the log itself. */
import { sql } from "kysely";
import { weightOf } from "../../domain/page-weight.ts";
import { PageTokenError } from "../errors.ts";
import type { Limits } from "../limits.ts";
import type { EventQuery, ListedEvent, Page, RecordedEvent } from "../queries.ts";
import { type EventRow, toRecordedEvent } from "../rows/rows.ts";
import { toCursor } from "../search/cursor.ts";
import { type Asked, type PageKey, parsePageToken } from "../search/page-token.ts";
import type { ListEngine, ListQueries } from "./list-queries.ts";
import { Budget, type Chunk, fillPage, inOneStep, type KeyedPage, toPage, type Walk } from "./page-walk.ts";

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

/** Events of one query: a few MiB at most, because an event has a person of 64 KiB at most. */
const CHAIN_EVENTS = 100;
/** Links of one query: a number each. */
const CHAIN_LINKS = 1_000;

export class EventLister {
  readonly #engine: ListEngine;
  readonly #limits: Limits;
  /** By user. Events never change, so a milestone stays valid. */
  readonly #milestones = new Map<string, Milestones>();

  constructor(engine: ListEngine, limits: Limits) {
    this.#engine = engine;
    this.#limits = limits;
  }

  list(query: EventQuery): Promise<Page<ListedEvent>> {
    const asked: Asked = {
      seal: this.#engine.seal,
      asked: ["events", query.userId, query.order],
      shape: [query.order === "newest_first" ? "position" : "sequence"],
    };
    const after = parsePageToken(asked, query.after);
    return this.#engine.snapshot(async (queries) => {
      const last = await lastOf(queries, query.userId);
      if (last === undefined) return { items: [] };
      const page =
        query.order === "newest_first"
          ? await this.#listBackwards(queries, query, after, last)
          : await this.#listForwards(queries, query, after, last);
      const items = page.items.map((event) => ({ ...event, cursor: toCursor(asked.seal, event.position) }));
      return toPage(asked, { ...page, items });
    });
  }

  #listBackwards(
    queries: ListQueries,
    { userId, pageSize }: EventQuery,
    after: PageKey | undefined,
    last: Place,
  ): Promise<KeyedPage<RecordedEvent>> {
    const budget = new Budget(this.#limits);
    const first = after === undefined ? last.position : Number(after[0]);
    const chunkRows = (): number => Math.min(pageSize, CHAIN_EVENTS, Math.max(budget.rows, 1));
    const walk: Walk<RecordedEvent> = {
      chunks: readBackwards(queries, first, userId, chunkRows),
      // The position of the next event.
      keyOf: ({ previousPosition }) => (previousPosition === null ? [] : [previousPosition]),
      budget,
    };
    return this.#fill(queries, walk, pageSize);
  }

  #fill(queries: ListQueries, walk: Walk<RecordedEvent>, pageSize: number): Promise<KeyedPage<RecordedEvent>> {
    const show = inOneStep(async () => (item: RecordedEvent) => {
      return { item, weight: weightOf(JSON.stringify(item.event)) };
    });
    return fillPage(walk, { pageSize, pageChars: this.#limits.pageChars, queries }, show);
  }

  /** The key is the sequence of the last event shown. A page is empty while the walk has not yet reached its events. */
  async #listForwards(
    queries: ListQueries,
    { userId, pageSize }: EventQuery,
    after: PageKey | undefined,
    last: Place,
  ): Promise<KeyedPage<RecordedEvent>> {
    const shown = Number(after?.[0] ?? 0);
    const end = Math.min(shown + pageSize, last.sequence);
    if (shown >= last.sequence) return { items: [] };
    const place = await this.#walkBack(queries, userId, end, last);
    if (place === undefined) return { items: [], next: [shown] };
    const events: RecordedEvent[] = [];
    const chunkRows = (): number => Math.min(end - shown - events.length, CHAIN_EVENTS);
    for await (const { rows } of readBackwards(queries, place.position, userId, chunkRows)) {
      events.push(...rows.filter(({ sequence }) => sequence > shown));
      if (events.length >= end - shown) break;
    }
    const chunk = { rows: events.reverse(), isLast: end === last.sequence };
    return await this.#fill(queries, { chunks: [chunk], keyOf: ({ sequence }) => [sequence] }, pageSize);
  }

  /** Returns the place of the event with this sequence; `undefined`: the budget is spent, and the next page goes on. */
  async #walkBack(queries: ListQueries, userId: string, end: number, last: Place): Promise<Place | undefined> {
    const budget = new Budget(this.#limits);
    let place = this.#nearest(userId, end, last);
    while (place.sequence > end) {
      if (budget.isSpent) {
        this.#milestonesOf(userId).resume = place;
        return undefined;
      }
      const count = Math.min(place.sequence - end, CHAIN_LINKS, budget.rows);
      const links = await queries.all(selectLinks(queries, place.position, count));
      if (links.length === 0) throw new Error(`there is no event at position ${place.position}, which is linked`);
      for (const { previous_position: previous } of links) {
        if (place.sequence % MILESTONE_EVENTS === 0) {
          this.#milestonesOf(userId).positions.set(place.sequence, place.position);
        }
        budget.spendRow();
        if (previous === null) throw new Error(`the event at position ${place.position} leads to no event before it`);
        place = { sequence: place.sequence - 1, position: previous };
      }
    }
    return place;
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
}

async function lastOf(queries: ListQueries, userId: string): Promise<Place | undefined> {
  const row = (await queries.userStates([userId]))(userId);
  if (row === undefined) return undefined;
  const [, , , sequence, , , , position] = row;
  return { sequence, position };
}

/** Reads the chain backwards. The position may come from a token: it must be an event of this user. */
async function* readBackwards(
  queries: ListQueries,
  first: number,
  userId: string,
  chunkRows: () => number,
): AsyncGenerator<Chunk<RecordedEvent>> {
  for (let next: number | null = first; next !== null; ) {
    const rows: readonly EventRow[] = await queries.all(selectEvents(queries, next, chunkRows()));
    const last = rows.at(-1);
    if (last === undefined || rows.some(({ user_id }) => user_id !== userId)) {
      throw new PageTokenError("the page token names no event of this user");
    }
    next = last.previous_position;
    yield { rows: rows.map(toRecordedEvent), isLast: next === null };
  }
}

/**
 * Begins a query of the event at a position and those before it of the same user, at most `count`. One query follows the
 * links in a fraction of the time that a query for each event would take, on both engines.
 */
function withChain(position: number, count: number) {
  return sql`WITH RECURSIVE chain (position, previous_position, depth) AS (
      SELECT position, previous_position, 1 FROM events WHERE position = ${position}
      UNION ALL
      SELECT events.position, events.previous_position, chain.depth + 1
        FROM chain JOIN events ON events.position = chain.previous_position WHERE chain.depth < ${count}
    )`;
}

function selectLinks({ build }: ListQueries, position: number, count: number) {
  const links = sql<{ previous_position: number | null }>`
    ${withChain(position, count)} SELECT previous_position FROM chain ORDER BY depth`;
  return links.compile(build);
}

function selectEvents({ build }: ListQueries, position: number, count: number) {
  const events = sql<EventRow>`${withChain(position, count)} SELECT events.*, event_private.personal FROM chain
    JOIN events ON events.position = chain.position
    LEFT JOIN event_private ON event_private.position = chain.position ORDER BY chain.depth`;
  return events.compile(build);
}

/** Returns the events after a position, at most `limit`. */
export function readLog(engine: ListEngine, after: number, limit: number): Promise<readonly RecordedEvent[]> {
  return engine.snapshot(async (queries) => {
    const select = queries.build
      .selectFrom("events")
      .leftJoin("event_private", "event_private.position", "events.position")
      .selectAll("events")
      .select("event_private.personal")
      .where("events.position", ">", after)
      .orderBy("events.position")
      .limit(limit);
    return (await queries.all(select.compile())).map(toRecordedEvent);
  });
}
