/** What a page of the log is read from, and what a reader of it yields. */
import type { EventFilter } from "../../../domain/event-filter.ts";
import type { LogQuery, RecordedEvent } from "../../queries.ts";
import type { ListQueries } from "../list-queries.ts";
import type { Budget } from "../page-walk.ts";

/** Positions after `low`, up to `high`. */
export interface LogRange {
  readonly low: number;
  readonly high: number;
}

export interface LogRead {
  readonly queries: ListQueries;
  readonly filter: EventFilter;
  readonly order: LogQuery["order"];
  readonly range: LogRange;
  readonly budget: Budget;
  /** Events of one query, at most. */
  readonly chunkRows: number;
}

/** Some of the log, in the order of the list. */
export interface LogPart {
  /** May have events that do not match. */
  readonly events: readonly RecordedEvent[];
  /** The last position that was looked at. */
  readonly place: number;
}
