/** Answers questions about the history from an engine: off the writer's thread, in bounded slices. */
import { sql } from "kysely";
import type {
  ChainEvent,
  ChainFault,
  ChainLink,
  ChainPlace,
  Checkpoint,
  CheckpointQuery,
  HistoryHead,
  HistorySlice,
} from "../history.ts";
import type { Limits } from "../limits.ts";
import { selectEventsShown } from "../lists/events/events-shown.ts";
import type { ListEngine, ListQueries } from "../lists/list-queries.ts";
import { toPage } from "../lists/page-walk.ts";
import { ChainWalk } from "../log/verify-chain.ts";
import type { Page } from "../queries.ts";
import { toChainEvent, toChainLink } from "../rows/chain-rows.ts";
import { type Asked, parsePageToken } from "../search/page-token.ts";
import { ErasingEvents } from "./erasing-events.ts";
import { ErasureVerifier, withoutRow } from "./erasure-verifier.ts";

/** Events of one query: a few MiB at most, because an event has a person of 64 KiB at most. */
const SLICE_EVENTS = 100;

/** Bytes of one slice of an export: its caller may read slowly, and many may export at once. */
const SLICE_BYTES_MAX = 512 * 1024;

/** A slice of a verification, as the engine gives it. */
export interface VerifiedSlice {
  readonly place: ChainPlace;
  readonly faults: readonly ChainFault[];
  /** The checkpoints that the database has in this slice. */
  readonly checkpoints: readonly Checkpoint[];
  /** The links at the positions of these and of those that were asked for; a position at which no commit ends has none. */
  readonly links: readonly ChainLink[];
  readonly isDone: boolean;
  /** The position of a checkpoint behind the end of the log: its tail is gone. */
  readonly beyond?: number;
}

export class HistoryAnswers {
  readonly #engine: ListEngine;
  readonly #limits: Limits;
  readonly #erasing = new ErasingEvents();
  readonly #erasures = new ErasureVerifier();

  constructor(engine: ListEngine, limits: Limits) {
    this.#engine = engine;
    this.#limits = limits;
  }

  head(): Promise<HistoryHead> {
    return this.#engine.snapshot(readHead);
  }

  slice(after: number, head: number): Promise<HistorySlice> {
    return this.#engine.snapshot(async (queries) => {
      const [events, links] = [await readEvents(queries, after, head), await readLinks(queries, after, head)];
      const ends = [events, links].map((rows) => (rows.length < SLICE_EVENTS ? head : (rows.at(-1)?.position ?? head)));
      const position = Math.min(...ends);
      return upTo(Math.min(position, lastWithin(events)), { events, links });
    });
  }

  /** Verifies until its time is over. `wanted`: positions whose links are asked for. */
  verify(place: ChainPlace, head: ChainLink, wanted: readonly number[]): Promise<VerifiedSlice> {
    const endTime = performance.now() + this.#limits.searchSliceMs;
    return this.#engine.snapshot(async (queries) => {
      const linkAt = new Map<number, ChainLink>();
      const walk = new ChainWalk(head, place, (link) => void linkAt.set(link.position, link));
      const source = {
        events: (after: number) => readEvents(queries, after, head.position),
        links: (after: number) => readLinks(queries, after, head.position),
      };
      // A part at least, however long the engine took to begin.
      do {
        await walk.slice(source, SLICE_EVENTS);
        walk.faults.push(...(await this.#erasing.unexplained(queries, walk.takeGone())));
        walk.faults.push(...(await withoutRow(queries, walk.takeErasing())));
        const pausing = queries.pause();
        if (pausing !== undefined) await pausing;
      } while (!walk.isAtEnd && performance.now() < endTime);
      if (walk.isAtEnd && place.erasures === null) walk.end(await hasStrays(queries));
      const erasures = { place: place.erasures ?? { after: null }, head: head.position, endTime };
      const rows = walk.isAtEnd ? await this.#erasures.slice(queries, erasures) : undefined;
      walk.faults.push(...(rows?.faults ?? []));
      const isDone = rows?.isDone === true;
      const checkpoints = await readCheckpoints(queries, place.position, walk.place.position);
      const positions = [...wanted, ...checkpoints.map(({ position }) => position)];
      const links = positions.flatMap((position) => linkAt.get(position) ?? []);
      const beyond = isDone ? await readBeyond(queries) : undefined;
      const reached = { ...walk.place, erasures: rows?.place ?? null };
      const found = { faults: walk.faults, checkpoints, links };
      return { place: reached, ...found, isDone, ...(beyond === undefined ? {} : { beyond }) };
    });
  }

  checkpoints(query: CheckpointQuery): Promise<Page<Checkpoint>> {
    const asked: Asked = { seal: this.#engine.seal, asked: ["checkpoints"], shape: ["position"] };
    const [before] = parsePageToken(asked, query.after) ?? [Number.MAX_SAFE_INTEGER];
    return this.#engine.snapshot(async (queries) => {
      const select = queries.build
        .selectFrom("checkpoints")
        .select(["position", "time", "note"])
        .where("position", "<", Number(before))
        .orderBy("position", "desc")
        .limit(query.pageSize + 1);
      const found = await queries.all(select.compile());
      const items = found.slice(0, query.pageSize);
      const last = items.at(-1);
      return toPage(
        asked,
        found.length > items.length && last !== undefined ? { items, next: [last.position] } : { items },
      );
    });
  }
}

/** Returns the position of the last event that a slice has room for, and of one event at least. */
function lastWithin(events: readonly ChainEvent[]): number {
  let bytes = 0;
  const beyond = events.findIndex(({ body, personal }, index) => {
    bytes += body.length + (personal?.length ?? 0);
    return index > 0 && bytes > SLICE_BYTES_MAX;
  });
  return events[beyond - 1]?.position ?? Number.POSITIVE_INFINITY;
}

function upTo(position: number, { events, links }: Pick<HistorySlice, "events" | "links">): HistorySlice {
  const isWithin = (row: ChainLink | ChainEvent): boolean => row.position <= position;
  return { events: events.filter(isWithin), links: links.filter(isWithin), position };
}

async function readHead(queries: ListQueries): Promise<HistoryHead> {
  const select = queries.build.selectFrom("log_head").select(["position", "link", "record_time"]);
  const [row] = await queries.all(select.compile());
  if (row === undefined) throw new Error("the log has no head");
  return { position: row.position, link: row.link, recordTime: row.record_time };
}

async function readEvents(queries: ListQueries, after: number, head: number): Promise<readonly ChainEvent[]> {
  const select = selectEventsShown(queries)
    .where("events.position", ">", after)
    .where("events.position", "<=", head)
    .orderBy("events.position")
    .limit(SLICE_EVENTS);
  return (await queries.all(select.compile())).map(toChainEvent);
}

async function readLinks(queries: ListQueries, after: number, head: number): Promise<readonly ChainLink[]> {
  const select = queries.build
    .selectFrom("links")
    .select(["last_position", "link"])
    .where("last_position", ">", after)
    .where("last_position", "<=", head)
    .orderBy("last_position")
    .limit(SLICE_EVENTS);
  return (await queries.all(select.compile())).map(toChainLink);
}

/** Returns the checkpoints after a position, up to another one. */
function readCheckpoints(queries: ListQueries, after: number, upTo: number): Promise<readonly Checkpoint[]> {
  const select = queries.build
    .selectFrom("checkpoints")
    .select(["position", "time", "note"])
    .where("position", ">", after)
    .where("position", "<=", upTo)
    .orderBy("position");
  return queries.all(select.compile());
}

/** Whether there are events or links outside the log as it is now: commits may have moved its head. */
async function hasStrays(queries: ListQueries): Promise<boolean> {
  const { position } = await readHead(queries);
  const counts = sql<{ last: number | null; first: number | null; link: number | null }>`
    SELECT (SELECT max(position) FROM events) AS last, (SELECT min(position) FROM events) AS first,
      (SELECT max(last_position) FROM links) AS link`;
  const [row] = await queries.all(counts.compile(queries.build));
  if (row === undefined) return true;
  return (row.last ?? 0) > position || (row.first ?? 1) < 1 || (row.link ?? 0) > position;
}

async function readBeyond(queries: ListQueries): Promise<number | undefined> {
  const { position } = await readHead(queries);
  const select = queries.build.selectFrom("checkpoints").select("position").where("position", ">", position).limit(1);
  return (await queries.all(select.compile()))[0]?.position;
}
