/** Reads the log block by block, and passes over the blocks whose summaries say that nothing in them can match. */
import { type RawBuilder, sql } from "kysely";
import type { FilterField } from "../../../domain/event-filter.ts";
import { type EventRow, toRecordedEvent } from "../../rows/rows.ts";
import type { EventSummaryTable } from "../../rows/schema.ts";
import { blockOf, compileSummaryFilter, startOf } from "./event-summary.ts";
import { selectEventsShown } from "./events-shown.ts";
import type { LogPart, LogRange, LogRead } from "./log-read.ts";

/** Yields all that may match within the range, in the order of the list. */
export async function* readBlocks(read: LogRead): AsyncGenerator<LogPart> {
  const { queries, order, range, budget, chunkRows } = read;
  const isForward = order === "oldest_first";
  const summaries = new SummaryReader(read);
  const end = isForward ? range.high : range.low + 1;
  for (let place = isForward ? range.low : range.high + 1; place !== end; ) {
    const block = blockOf(isForward ? place + 1 : place - 1);
    const low = Math.max(startOf(block), range.low);
    const high = Math.min(startOf(block + 1), range.high);
    const blockEnd = isForward ? high : low + 1;
    if (!(await summaries.mayMatch(block))) {
      place = blockEnd;
      budget.spendRows(1);
      yield { events: [], place };
      continue;
    }
    // The database looks at all that it passes over: no more than what is left to spend.
    const rowsMax = Math.max(budget.rows, 1);
    const left = isForward
      ? { low: place, high: Math.min(high, place + rowsMax) }
      : { low: Math.max(low, place - 1 - rowsMax), high: place - 1 };
    const rows = await queries.all(selectEvents(read, left));
    const last = rows.at(-1);
    const isWhole = last === undefined || rows.length < chunkRows;
    const reached = isWhole ? (isForward ? left.high : left.low + 1) : last.position;
    budget.spendRows(Math.abs(reached - place));
    place = reached;
    yield { events: rows.map(toRecordedEvent), place };
  }
}

const COLUMNS = { organization: "organization_id", user: "user_id", actor: "actor", type: "type" } as const;

function selectEvents({ queries, filter, order, chunkRows }: LogRead, { low, high }: LogRange) {
  const columns = Object.entries(COLUMNS) as [Exclude<FilterField, "initiator">, string][];
  const conditions: RawBuilder<boolean>[] = columns.flatMap(([field, column]) => {
    const values = filter[field];
    // The empty text stands for none.
    return values === undefined
      ? []
      : [sql<boolean>`coalesce(${sql.ref(`events.${column}`)}, '') in (${sql.join(values)})`];
  });
  let select = selectEventsShown(queries)
    .where("events.position", ">", low)
    .where("events.position", "<=", high)
    .orderBy("events.position", order === "oldest_first" ? "asc" : "desc")
    .limit(chunkRows);
  for (const condition of conditions) select = select.where(condition);
  return select.$castTo<EventRow>().compile();
}

/** Summaries of one query: the first one reads few, as a page is often full soon. */
const SUMMARIES_MIN = 4;
const SUMMARIES_MAX = 64;

/** Reads summaries ahead of a walk in one direction. */
class SummaryReader {
  readonly #queries: LogRead["queries"];
  readonly #isForward: boolean;
  readonly #filter: ReturnType<typeof compileSummaryFilter>;
  readonly #known = new Map<number, EventSummaryTable>();
  #count = SUMMARIES_MIN;
  /** The blocks that were looked up last, both ends included. */
  #first = 0;
  #last = -1;

  constructor({ queries, filter, order }: LogRead) {
    this.#queries = queries;
    this.#isForward = order === "oldest_first";
    this.#filter = compileSummaryFilter(filter);
  }

  /** Returns whether an event of the block may match; true for a block without a summary. */
  async mayMatch(block: number): Promise<boolean> {
    if (this.#filter === undefined) return true;
    if (block < this.#first || block > this.#last) await this.#read(block);
    const summary = this.#known.get(block);
    return summary === undefined || this.#filter(summary);
  }

  async #read(block: number): Promise<void> {
    const ahead = this.#count - 1;
    [this.#first, this.#last] = this.#isForward ? [block, block + ahead] : [block - ahead, block];
    this.#count = Math.min(2 * this.#count, SUMMARIES_MAX);
    const select = this.#queries.build
      .selectFrom("event_summaries")
      .select(["block", "organizations", "actors", "types"])
      .where("block", ">=", this.#first)
      .where("block", "<=", this.#last);
    this.#known.clear();
    for (const row of await this.#queries.all(select.compile())) this.#known.set(row.block, row);
  }
}
