/** Writes the summaries of the log behind the writer, some blocks at a time, also for a log of before. */
import { BLOCK_EVENTS, type NewSummaries } from "../lists/events/event-summary.ts";
import type { EventSummaryTable } from "../rows/schema.ts";

export interface SummariesOptions {
  /** Returns the position of the newest event; `undefined`: it is not known now. */
  readonly head: () => number | undefined;
  /** Reads what the next blocks without a summary need to have one, off the writer's thread. */
  readonly read: (count: number) => Promise<NewSummaries>;
  /** Writes summaries; those that are there stay, as another process may have written the same. */
  readonly write: (summaries: readonly EventSummaryTable[]) => Promise<void>;
}

/** Blocks of one step: about 10 ms of reading. */
const STEP_BLOCKS = 16;

export class Summaries {
  readonly #options: SummariesOptions;
  /** All blocks before this one have a summary. */
  #next = 0;

  constructor(options: SummariesOptions) {
    this.#options = options;
  }

  /** Writes the next summaries, if there are complete blocks without one. Returns whether there may be more. */
  readonly writeSome = async (): Promise<boolean> => {
    const { head, read, write } = this.#options;
    // While no block is complete nobody is asked: the reader's thread need not even start.
    if ((head() ?? 0) < (this.#next + 1) * BLOCK_EVENTS) return false;
    const { summaries, next } = await read(STEP_BLOCKS);
    if (summaries.length > 0) await write(summaries);
    this.#next = next;
    return summaries.length === STEP_BLOCKS;
  };
}
