/** The loop of every list: rows along an order, chunk by chunk, until a page is full or its budget is spent. */
import type { Limits } from "../../limits.ts";
import type { Page } from "../../queries.ts";
import { type Asked, type PageKey, toPageToken } from "../../search/page-token.ts";

/** Limits what one page may read before it ends short. */
export class Budget {
  #rows: number;
  readonly #endTime: number;

  constructor({ sliceRows, sliceMs }: Pick<Limits, "sliceRows" | "sliceMs">) {
    this.#rows = sliceRows;
    this.#endTime = performance.now() + sliceMs;
  }

  get rows(): number {
    return this.#rows;
  }

  get isSpent(): boolean {
    return this.#rows <= 0 || performance.now() >= this.#endTime;
  }

  spendRow(): void {
    this.#rows--;
  }
}

/** One row of a walk. */
export interface Step<R> {
  readonly row: R;
  /** Where a later page continues if this one ends here. */
  readonly key: PageKey;
  /** Nothing comes after it. */
  readonly isLast: boolean;
}

export interface Walk<R> {
  /** Returns the rows after this place, at most `limit`. */
  readonly chunk: (after: PageKey | undefined, limit: number) => readonly R[];
  readonly keyOf: (row: R) => PageKey;
  readonly after: PageKey | undefined;
  readonly budget: Budget;
  /** Rows per query, at most and if absent CHUNK_ROWS. */
  readonly chunkRows?: number | undefined;
}

/** Rows per query: more than a page of matches in the plain case, few enough to check the clock in between. */
const CHUNK_ROWS = 250;

/** Yields the rows of a walk and counts each against the budget; the caller stops when the budget is spent. */
export function* walk<R>({ chunk, keyOf, after, budget, chunkRows = CHUNK_ROWS }: Walk<R>): Generator<Step<R>> {
  for (let key = after; ; ) {
    const limit = Math.min(chunkRows, CHUNK_ROWS, Math.max(budget.rows, 1));
    // One more than the chunk shows whether anything comes after it.
    const rows = chunk(key, limit + 1);
    for (const [index, row] of rows.slice(0, limit).entries()) {
      key = keyOf(row);
      budget.spendRow();
      yield { row, key, isLast: index === rows.length - 1 };
    }
    if (rows.length <= limit) return;
  }
}

export interface PageBounds {
  readonly pageSize: number;
  readonly pageChars: number;
  /** Absent: the steps are in memory already. */
  readonly budget?: Budget;
}

export interface Shown<T> {
  readonly item: T;
  /** In characters, against `pageChars`. */
  readonly weight: number;
}

export interface KeyedPage<T> {
  readonly items: readonly T[];
  /** Absent: this is the last page. */
  readonly next?: PageKey;
}

/** Takes steps until the page is full, too heavy or out of budget. `show` returns `undefined` for rows to pass over. */
export function fillPage<R, T>(
  steps: Iterable<Step<R>>,
  { pageSize, pageChars, budget }: PageBounds,
  show: (row: R) => Shown<T> | undefined,
): KeyedPage<T> {
  const items: T[] = [];
  let weight = 0;
  for (const { row, key, isLast } of steps) {
    const shown = show(row);
    if (shown !== undefined) {
      items.push(shown.item);
      weight += shown.weight;
    }
    const isFull = items.length >= pageSize || weight > pageChars || budget?.isSpent === true;
    if (isFull) return isLast ? { items } : { items, next: key };
  }
  return { items };
}

/** Returns the page with its place as a token. */
export function toPage<T>(asked: Asked, { items, next }: KeyedPage<T>): Page<T> {
  return next === undefined ? { items } : { items, next: toPageToken(asked, next) };
}
