/** Events: of a user along its chain, backwards as it is written or forwards; and the log itself. */
import { sentTogether, weightOf } from "../../../domain/page-weight.ts";
import type { Limits } from "../../limits.ts";
import type { EventQuery, ListedEvent, Page, RecordedEvent } from "../../queries.ts";
import { toRecordedEvent } from "../../rows/rows.ts";
import { toCursor } from "../../search/cursor.ts";
import { type Asked, type PageKey, parsePageToken } from "../../search/page-token.ts";
import type { ListEngine, ListQueries } from "../list-queries.ts";
import { Budget, fillPage, inOneStep, type KeyedPage, toPage, type Walk } from "../page-walk.ts";
import { selectEventsShown } from "./events-shown.ts";
import { CHAIN_EVENTS, lastOf, type Place, readBackwards, type UserChains } from "./user-chain.ts";

export class EventLister {
  readonly #engine: ListEngine;
  readonly #limits: Limits;
  readonly #chains: UserChains;

  constructor(engine: ListEngine, limits: Limits, chains: UserChains) {
    this.#engine = engine;
    this.#limits = limits;
    this.#chains = chains;
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
      const items = page.items.map((event) => ({ ...event, cursor: toCursor(asked.seal, event) }));
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
    { userId, pageSize, first = 1 }: EventQuery,
    after: PageKey | undefined,
    last: Place,
  ): Promise<KeyedPage<RecordedEvent>> {
    const shown = Number(after?.[0] ?? first - 1);
    if (shown >= last.sequence) return { items: [] };
    const part = { first: shown + 1, count: pageSize, budget: new Budget(this.#limits) };
    const read = await this.#chains.readFrom(queries, userId, last, part);
    if (read === undefined) return { items: [], next: [shown] };
    const chunk = { rows: read.events, isLast: read.isLast };
    return await this.#fill(queries, { chunks: [chunk], keyOf: ({ sequence }) => [sequence] }, pageSize);
  }
}

/** What one read of the log gives: it crosses to another thread, and waits there for a reader. */
const READ_WEIGHT_MAX = 1024 * 1024;

/** Returns the events after a position, at most `limit`; fewer, if they are large. */
export function readLog(engine: ListEngine, after: number, limit: number): Promise<readonly RecordedEvent[]> {
  return engine.snapshot(async (queries) => {
    const select = selectEventsShown(queries)
      .where("events.position", ">", after)
      .orderBy("events.position")
      .limit(limit);
    return sentTogether((await queries.all(select.compile())).map(toRecordedEvent), READ_WEIGHT_MAX);
  });
}
