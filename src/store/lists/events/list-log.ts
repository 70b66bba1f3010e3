/** The log as a filtered list, in both directions: by user along its chain, else block by block. */
import {
  type EventFilter,
  type FilterField,
  isEmpty,
  keyOfFilter,
  matches,
  narrow,
} from "../../../domain/event-filter.ts";
import { eventWeight } from "../../../domain/page-weight.ts";
import type { Limits } from "../../limits.ts";
import type { ListedEvent, LogPage, LogQuery, RecordedEvent } from "../../queries.ts";
import { assertInLog, assertSameHistory, type EventMark, markTextOf, toCursor } from "../../search/cursor.ts";
import { type Asked, type PageKey, parsePageToken, toPageToken } from "../../search/page-token.ts";
import { type ListEngine, type ListQueries, usersWithin } from "../list-queries.ts";
import { Budget } from "../page-walk.ts";
import { headOf } from "./event-summary.ts";
import { readBlocks } from "./log-blocks.ts";
import type { LogPart, LogRange, LogRead } from "./log-read.ts";
import { newestOfShort, readMerged } from "./merged-chains.ts";
import { CHAIN_EVENTS, type UserChains } from "./user-chain.ts";

/**
 * A page must reach its place in the chain of each user within one budget, or it ends where it began: for more users their
 * chains are read as one, if they are short, or the log is read, where every row is progress.
 */
const MERGED_USERS_MAX = 4;
/** Events of one query of the log. */
const QUERY_EVENTS = 256;
/** Fields by which events are left out after they were read: along a chain, and in the log. */
const LATE_FIELDS = {
  chain: ["type", "actor", "initiator"],
  log: ["initiator"],
} as const satisfies Record<string, readonly FilterField[]>;

export class LogLister {
  readonly #engine: ListEngine;
  readonly #limits: Limits;
  readonly #chains: UserChains;

  constructor(engine: ListEngine, limits: Limits, chains: UserChains) {
    this.#engine = engine;
    this.#limits = limits;
    this.#chains = chains;
  }

  list(query: LogQuery): Promise<LogPage> {
    const { scope, order, pageSize, afterPosition = 0 } = query;
    const scoped = scope === null ? query.filter : narrow(query.filter, "organization", [scope]);
    const asked: Asked = {
      seal: this.#engine.seal,
      asked: ["log", scope, keyOfFilter(query.filter), order, afterPosition],
      shape: ["place", "mark"],
    };
    const given = parsePageToken(asked, query.after);
    const place = given && Number(given[0]);
    return this.#engine.snapshot(async (queries) => {
      const head = await headOf(queries);
      assertInLog(Math.max(afterPosition, place ?? 0), head);
      if (given !== undefined) await assertSamePlace(queries, given);
      const filter = await withoutForeignUsers(queries, scoped);
      const isEnded = isEmpty(filter);
      const range = isEnded ? { low: head, high: head } : await rangeOf(queries, { ...query, filter, place, head });
      const budget = new Budget(this.#limits);
      const { user: users } = filter;
      // The events of no user have no chain.
      const chained = users === undefined || users.includes("") ? undefined : users;
      const isFew = chained !== undefined && chained.length <= MERGED_USERS_MAX;
      const newest = chained === undefined || isFew ? undefined : await newestOfShort(queries, chained);
      const isChained = isFew || newest !== undefined;
      // A small page that few of the events match would take a query for each that does not.
      const isLate = LATE_FIELDS[isChained ? "chain" : "log"].some((field) => filter[field] !== undefined);
      const chunkRows = isLate ? QUERY_EVENTS : Math.min(pageSize, QUERY_EVENTS);
      const read = { queries, filter, order, range, budget, chunkRows };
      const parts = isFew ? this.#readChains(read, chained) : newest ? readMerged(read, newest) : readBlocks(read);
      const page = await this.#fill(read, parts, query);
      const { items, next } = page;
      const position = next ?? (order === "oldest_first" ? head : range.low);
      const mark = items.find((event) => event.position === position) ?? (await markAt(queries, position));
      const ended = { items, position, cursor: toCursor(this.#engine.seal, mark) };
      return next === undefined ? ended : { ...ended, next: toPageToken(asked, [next, markTextOf(mark)]) };
    });
  }

  /** Takes events until the page is full, too heavy or out of budget. `next`: the place after which a later page goes on. */
  async #fill(
    { queries, filter, order, range, budget }: LogRead,
    parts: AsyncIterable<LogPart>,
    { pageSize, pageWeight = this.#limits.pageChars }: LogQuery,
  ): Promise<{ readonly items: readonly ListedEvent[]; readonly next?: number }> {
    const items: ListedEvent[] = [];
    let weight = 0;
    const endAt = (place: number) => {
      const isLast = order === "oldest_first" ? place >= range.high : place <= range.low + 1;
      return isLast ? { items } : { items, next: place };
    };
    for await (const { events, place } of parts) {
      for (const event of events) {
        const pausing = queries.pause();
        if (pausing !== undefined) await pausing;
        if (!matches(filter, event)) continue;
        items.push({ ...event, cursor: toCursor(this.#engine.seal, event) });
        weight += eventWeight(event);
        if (items.length >= pageSize || weight > pageWeight) return endAt(event.position);
      }
      if (budget.isSpent) return endAt(place);
    }
    return { items };
  }

  /** Merges the chains of several users: up to the place that all of them were read to. */
  async *#readChains(read: LogRead, users: readonly string[]): AsyncGenerator<LogPart> {
    const { queries, order, range, budget } = read;
    const isForward = order === "oldest_first";
    const options = { count: Math.max(1, Math.ceil(Math.min(read.chunkRows, CHAIN_EVENTS) / users.length)), budget };
    const end = isForward ? range.high : range.low + 1;
    for (let place = isForward ? range.low : range.high + 1; place !== end; ) {
      const events: RecordedEvent[] = [];
      let reached = end;
      for (const userId of users) {
        const part = isForward
          ? await this.#chains.readAfter(queries, userId, place, options)
          : await this.#chains.readBefore(queries, userId, place, options);
        if (part === undefined) return yield { events: [], place };
        events.push(...part.events);
        const last = part.events.at(-1)?.position;
        if (!part.isLast && last !== undefined) reached = isForward ? Math.min(reached, last) : Math.max(reached, last);
      }
      budget.spendRows(events.length);
      const within = events.filter(({ position }) => (isForward ? position <= reached : position >= reached));
      yield { events: within.sort((a, b) => (isForward ? 1 : -1) * (a.position - b.position)), place: reached };
      place = reached;
    }
  }
}

/** Returns the event at a position, as a mark. */
async function markAt(queries: ListQueries, position: number): Promise<EventMark> {
  if (position === 0) return { position, hash: undefined };
  const select = queries.build.selectFrom("events").select("hash").where("position", "=", position);
  return { position, hash: (await queries.all(select.compile()))[0]?.hash };
}

/** Throws HistoryChangedError if the event at the place of a page token is not the one that was there. */
async function assertSamePlace(queries: ListQueries, [place, mark]: PageKey): Promise<void> {
  const { position, hash } = await markAt(queries, Number(place));
  assertSameHistory({ position, mark: Buffer.from(String(mark), "hex") }, hash);
}

/**
 * Returns a filter that matches the same, without users of other organizations: the time that a list takes must not tell
 * whether there are such users, nor how long their histories are.
 */
async function withoutForeignUsers(queries: ListQueries, filter: EventFilter): Promise<EventFilter> {
  const { user: users, organization: organizations } = filter;
  if (users === undefined || organizations === undefined) return filter;
  const within = await usersWithin(queries, users, organizations);
  // The empty text stands for no user.
  return { ...filter, user: users.filter((id) => id === "" || within.has(id)) };
}

interface RangeQuery extends Pick<LogQuery, "filter" | "order" | "afterPosition"> {
  readonly place: number | undefined;
  readonly head: number;
}

/** Returns the positions that are left. The record time never falls, so that its bounds are bounds of positions. */
async function rangeOf(
  queries: ListQueries,
  { filter, order, afterPosition = 0, place, head }: RangeQuery,
): Promise<LogRange> {
  const isForward = order === "oldest_first";
  const { from, before } = filter;
  const low = [afterPosition, isForward ? (place ?? 0) : 0];
  const high = [head, isForward || place === undefined ? head : place - 1];
  // Where a token says where to go on, the bound on the side of its page was looked up for the first page.
  if (from !== undefined && !(isForward && place !== undefined)) low.push((await firstSince(queries, from, head)) - 1);
  if (before !== undefined && (isForward || place === undefined)) {
    high.push((await firstSince(queries, before, head)) - 1);
  }
  const bound = Math.min(...high);
  return { low: Math.min(Math.max(...low), bound), high: bound };
}

/** Returns the position of the first event that was recorded at this time or later; the one after the head: none was. */
async function firstSince(queries: ListQueries, time: number, head: number): Promise<number> {
  let [low, high] = [1, head + 1];
  while (low < high) {
    const middle = Math.floor((low + high) / 2);
    const select = queries.build.selectFrom("events").select("record_time").where("position", "=", middle);
    const [row] = await queries.all(select.compile());
    if (row === undefined) throw new Error(`there is no event at position ${middle}, and the log ends at ${head}`);
    if (row.record_time < time) low = middle + 1;
    else high = middle;
  }
  return low;
}
