/** The loop of every list: rows along an order, chunk by chunk, until a page is full or its budget is spent. */
import type { Limits } from "../limits.ts";
import type { Page } from "../queries.ts";
import { type Asked, type PageKey, toPageToken } from "../search/page-token.ts";
import type { ListQueries } from "./list-queries.ts";

/** How long the rows of a chunk may take when the time was over before they came, in milliseconds. */
const CHUNK_MS = 10;

/** Limits what one page may read before it ends short. */
export class Budget {
  #rows: number;
  readonly #endTime: number;
  #chunkEndTime = 0;

  constructor({ sliceRows, sliceMs }: Pick<Limits, "sliceRows" | "sliceMs">) {
    this.#rows = sliceRows;
    this.#endTime = performance.now() + sliceMs;
  }

  get rows(): number {
    return this.#rows;
  }

  /** Whether no other chunk may be read. */
  get isSpent(): boolean {
    return this.#rows <= 0 || performance.now() >= this.#endTime;
  }

  /** Whether not even the next row of this chunk may be looked at. */
  get isSpentWithinChunk(): boolean {
    return this.isSpent && (this.#rows <= 0 || performance.now() >= this.#chunkEndTime);
  }

  /** Where a database is slow, the rows that it has answered are looked at: else a page could end with one of many. */
  startChunk(): void {
    this.#chunkEndTime = performance.now() + CHUNK_MS;
  }

  /** `count`: rows that were looked at, in this process or in the database. */
  spendRows(count: number): void {
    this.#rows -= count;
  }
}

/** Rows of one query. */
export interface Chunk<R> {
  readonly rows: readonly R[];
  /** Nothing comes after its last row. */
  readonly isLast: boolean;
}

/** Rows in the order of a list. */
export interface Walk<R> {
  readonly chunks: AsyncIterable<Chunk<R>> | Iterable<Chunk<R>>;
  /** Returns where a later page continues if this one ends at the row. */
  readonly keyOf: (row: R) => PageKey;
  /** Absent: the rows are in memory already. */
  readonly budget?: Budget;
}

export interface WalkOptions<R> {
  /** Returns the rows after this place, at most `limit`. */
  readonly read: (after: PageKey | undefined, limit: number) => Promise<readonly R[]>;
  readonly keyOf: (row: R) => PageKey;
  readonly after: PageKey | undefined;
  readonly budget: Budget;
  /** Rows per query, at most and if absent CHUNK_ROWS. */
  readonly chunkRows?: number | undefined;
}

/** Rows per query: more than a page of matches in the plain case, few enough to check the clock in between. */
export const CHUNK_ROWS = 250;
/** Users whose persons one query reads: a person may have 64 KiB, so these are a few MiB at most. */
export const PERSON_ROWS = 100;

export function walk<R>(options: WalkOptions<R>): Walk<R> & { readonly budget: Budget } {
  return { chunks: chunksOf(options), keyOf: options.keyOf, budget: options.budget };
}

/** Yields chunks until nothing is left. The caller counts the rows against the budget, and stops when it is spent. */
async function* chunksOf<R>({ read, keyOf, after, budget, chunkRows = CHUNK_ROWS }: WalkOptions<R>) {
  for (let key = after; ; ) {
    const limit = Math.min(chunkRows, CHUNK_ROWS, Math.max(budget.rows, 1));
    // One more than the chunk shows whether anything comes after it.
    const found = await read(key, limit + 1);
    const isLast = found.length <= limit;
    const rows = isLast ? found : found.slice(0, limit);
    yield { rows, isLast };
    const last = rows.at(-1);
    if (isLast || last === undefined) return;
    key = keyOf(last);
  }
}

export interface PageBounds {
  readonly queries: Pick<ListQueries, "pause">;
  readonly pageSize: number;
  readonly pageChars: number;
}

export interface Shown<T> {
  readonly item: T;
  /** In characters, against `pageChars`. */
  readonly weight: number;
}

/** How the rows of a walk become items. */
export interface Show<R, M, T> {
  /** Looks up what a chunk needs; the function returns `undefined` for rows to pass over. */
  readonly find: (rows: readonly R[]) => Promise<(row: R) => M | undefined>;
  /** Looks up what items need that will be shown, at most PERSON_ROWS at once, and weighs them. */
  readonly show: (found: readonly M[]) => Promise<readonly Shown<T>[]>;
}

/** Shows rows for which one look-up is enough. */
export function inOneStep<R, T>(
  find: (rows: readonly R[]) => Promise<(row: R) => Shown<T> | undefined>,
): Show<R, Shown<T>, T> {
  return { find, show: async (found) => found };
}

export interface KeyedPage<T> {
  readonly items: readonly T[];
  /** Absent: this is the last page. */
  readonly next?: PageKey;
}

/** Takes rows until the page is full, too heavy or out of budget. */
export async function fillPage<R, M, T>(
  { chunks, keyOf, budget }: Walk<R>,
  { pageSize, pageChars, queries }: PageBounds,
  { find, show }: Show<R, M, T>,
): Promise<KeyedPage<T>> {
  const items: T[] = [];
  let weight = 0;
  for await (const { rows, isLast } of chunks) {
    const match = await find(rows);
    budget?.startChunk();
    const endAt = (index: number): KeyedPage<T> => {
      const row = rows[index];
      return row === undefined || (isLast && index === rows.length - 1) ? { items } : { items, next: keyOf(row) };
    };
    for (let next = 0; next < rows.length; ) {
      const wanted = Math.min(pageSize - items.length, PERSON_ROWS);
      const found: M[] = [];
      const places: number[] = [];
      let isSpent = false;
      for (; next < rows.length && found.length < wanted && !isSpent; next++) {
        const row = rows[next];
        const one = row === undefined ? undefined : match(row);
        if (one !== undefined) {
          found.push(one);
          places.push(next);
        }
        budget?.spendRows(1);
        isSpent = budget?.isSpentWithinChunk === true;
        const pausing = queries.pause();
        if (pausing !== undefined) await pausing;
      }
      for (const [index, shown] of (await show(found)).entries()) {
        items.push(shown.item);
        weight += shown.weight;
        if (weight > pageChars) return endAt(places[index] ?? next - 1);
      }
      if (items.length >= pageSize || isSpent) return endAt(next - 1);
    }
    if (budget?.isSpent) return endAt(rows.length - 1);
  }
  return { items };
}

/** Returns the page with its place as a token. */
export function toPage<T>(asked: Asked, { items, next }: KeyedPage<T>): Page<T> {
  return next === undefined ? { items } : { items, next: toPageToken(asked, next) };
}
