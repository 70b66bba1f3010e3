/** The events of many users whose histories are short together: their chains as one list of positions. */
import { sql } from "kysely";
import { toRecordedEvent } from "../../rows/rows.ts";
import type { ListQueries } from "../list-queries.ts";
import { selectEventsShown } from "./events-shown.ts";
import type { LogPart, LogRead } from "./log-read.ts";
import { CHAIN_EVENTS } from "./user-chain.ts";

/** Links that one page follows at most, a few microseconds each: each page follows all of them again. */
const LINKS_MAX = 2_500;

/**
 * Returns the position of the newest event of each user; `undefined`: their histories are so long together that the log is
 * read instead. Those who never were have none.
 */
export async function newestOfShort(
  queries: ListQueries,
  userIds: readonly string[],
): Promise<readonly number[] | undefined> {
  const stateOf = await queries.userStates(userIds);
  const newest: number[] = [];
  let links = 0;
  for (const id of userIds) {
    const row = stateOf(id);
    if (row === undefined) continue;
    const [, , , sequence, , , , position] = row;
    links += sequence;
    if (links > LINKS_MAX) return undefined;
    newest.push(position);
  }
  return newest;
}

/** Yields the events of the chains that end at these positions, in the order of the list. */
export async function* readMerged(read: LogRead, newest: readonly number[]): AsyncGenerator<LogPart> {
  const { queries, order, range, budget } = read;
  const isForward = order === "oldest_first";
  const positions = await positionsOf(queries, newest, range.low);
  const within = positions.filter((position) => position <= range.high).sort((a, b) => (isForward ? a - b : b - a));
  const count = Math.min(read.chunkRows, CHAIN_EVENTS);
  for (let at = 0; at < within.length; at += count) {
    const chunk = within.slice(at, at + count);
    const select = selectEventsShown(queries)
      .where("events.position", "in", chunk)
      .orderBy("events.position", isForward ? "asc" : "desc");
    const events = (await queries.all(select.compile())).map(toRecordedEvent);
    budget.spendRows(events.length);
    const end = isForward ? range.high : range.low + 1;
    yield { events, place: at + count < within.length ? (chunk.at(-1) ?? end) : end };
  }
}

/** Returns the positions after `low` of the chains that end at some. */
async function positionsOf(queries: ListQueries, newest: readonly number[], low: number): Promise<readonly number[]> {
  if (newest.length === 0) return [];
  const chains = sql<{ position: number }>`WITH RECURSIVE chain (position, previous_position) AS (
      SELECT position, previous_position FROM events WHERE position IN (${sql.join(newest)}) AND position > ${low}
      UNION ALL
      SELECT events.position, events.previous_position
        FROM chain JOIN events ON events.position = chain.previous_position WHERE chain.previous_position > ${low}
    ) SELECT position FROM chain`;
  return (await queries.all(chains.compile(queries.build))).map(({ position }) => position);
}
