/** Summaries of the log: for each block of 1,024 positions, which organizations, actors and types occur in it. */
import { hash } from "node:crypto";
import type { EventFilter } from "../../../domain/event-filter.ts";
import type { EventSummaryTable } from "../../rows/schema.ts";
import type { ListEngine, ListQueries } from "../list-queries.ts";

/*
 * A filtered list passes over the blocks in which nothing can match. A block has a summary only after its last position
 * was written, and events never change, so a summary stays right. A block without one is read.
 *
 * organizations, actors: the first 4 bytes of SHA-256 of each different id, sorted, without repeats; the id of none is
 *   the empty text. Two ids may have the same bytes: a summary says where something may be, never where it is.
 * types: ",UserBanned,UserLocked,"
 */

/** Positions in a block. Block 0 begins at position 1. */
export const BLOCK_EVENTS = 1_024;
const HASH_BYTES = 4;

/** Returns the block of a position. */
export function blockOf(position: number): number {
  return Math.floor((position - 1) / BLOCK_EVENTS);
}

/** Returns the last position before a block. */
export function startOf(block: number): number {
  return block * BLOCK_EVENTS;
}

/** What is known of some blocks that had no summary. */
export interface NewSummaries {
  readonly summaries: readonly EventSummaryTable[];
  /** The first block after them: earlier ones all have a summary, once these are written. */
  readonly next: number;
}

/** Reads the next `count` blocks that are complete and have no summary, or as many as there are. */
export function summarise(engine: ListEngine, count: number): Promise<NewSummaries> {
  return engine.snapshot(async (queries) => {
    const [first, head] = await Promise.all([firstWithout(queries), headOf(queries)]);
    const summaries: EventSummaryTable[] = [];
    for (let block = first; block < first + count && startOf(block + 1) <= head; block++) {
      summaries.push(await summaryOf(queries, block));
    }
    return { summaries, next: first + summaries.length };
  });
}

/** Returns the position of the newest event; 0: there is none. */
export async function headOf(queries: ListQueries): Promise<number> {
  return (await queries.all(queries.build.selectFrom("log_head").select("position").compile()))[0]?.position ?? 0;
}

/** Summaries are written in the order of their blocks. */
async function firstWithout(queries: ListQueries): Promise<number> {
  const last = queries.build.selectFrom("event_summaries").select("block").orderBy("block", "desc").limit(1);
  const [row] = await queries.all(last.compile());
  return row === undefined ? 0 : row.block + 1;
}

async function summaryOf(queries: ListQueries, block: number): Promise<EventSummaryTable> {
  const select = queries.build
    .selectFrom("events")
    .select(["organization_id", "actor", "type"])
    .distinct()
    .where("position", ">", startOf(block))
    .where("position", "<=", startOf(block + 1));
  const rows = await queries.all(select.compile());
  return {
    block,
    organizations: toHashes(rows.map(({ organization_id: id }) => id ?? "")),
    actors: toHashes(rows.map(({ actor }) => actor)),
    types: `,${[...new Set(rows.map(({ type }) => type))].sort().join(",")},`,
  };
}

function toHashes(ids: readonly string[]): Buffer {
  const hashes = [...new Set(ids)].map(hashOf);
  const sorted = [...new Set(hashes)].sort((a, b) => a - b);
  const bytes = Buffer.alloc(sorted.length * HASH_BYTES);
  for (const [index, each] of sorted.entries()) bytes.writeUInt32BE(each, index * HASH_BYTES);
  return bytes;
}

function hashOf(id: string): number {
  return hash("sha256", id, "buffer").readUInt32BE();
}

/** Returns a function that says whether an event of a block may match; `undefined`: summaries do not tell. */
export function compileSummaryFilter({
  organization,
  actor,
  type,
}: EventFilter): ((summary: EventSummaryTable) => boolean) | undefined {
  if (organization === undefined && actor === undefined && type === undefined) return undefined;
  const organizations = organization?.map(hashOf);
  const actors = actor?.map(hashOf);
  const types = type?.map((each) => `,${each},`);
  return (summary) =>
    organizations?.some((each) => hasHash(summary.organizations, each)) !== false &&
    actors?.some((each) => hasHash(summary.actors, each)) !== false &&
    types?.some((each) => summary.types.includes(each)) !== false;
}

function hasHash(sorted: Buffer, wanted: number): boolean {
  let [low, high] = [0, sorted.length / HASH_BYTES];
  while (low < high) {
    const middle = (low + high) >>> 1;
    const found = sorted.readUInt32BE(middle * HASH_BYTES);
    if (found === wanted) return true;
    if (found < wanted) low = middle + 1;
    else high = middle;
  }
  return false;
}
