/** The condition and the order of a walk along one index, so that an engine takes this index and no other. */
import { type RawBuilder, sql } from "kysely";
import type { PageKey } from "../search/page-token.ts";
import type { ListQueries } from "./list-queries.ts";

/** The names of columns come from our own code. */
export interface IndexWalk {
  /** The first column of the index, and the one value of it that is walked; absent: all. */
  readonly only?: { readonly column: string; readonly value: string } | undefined;
  /** The columns of the index after it, in whose order the rows come. */
  readonly columns: readonly [first: string, ...rest: string[]];
  readonly direction: "asc" | "desc";
  /** Only rows after this place; it has a part for each of the columns. */
  readonly after?: PageKey | undefined;
  /** `[from, before)` of the first of the columns; an absent end is open. */
  readonly from?: string | number | undefined;
  readonly before?: string | number | undefined;
}

/** `value`: null or `undefined` for all values. */
export function only(column: string, value: string | null | undefined): IndexWalk["only"] {
  return value === null || value === undefined ? undefined : { column, value };
}

export interface IndexRange {
  readonly where: RawBuilder<boolean>;
  readonly order: RawBuilder<unknown>;
}

/**
 * SQLite takes the index that has an equal value in front. PostgreSQL compares costs: for a value that it believes to be
 * frequent it would walk the index of all values, past those that are in the way; how many there are, it can only guess.
 * An order that begins with the column leaves one index. The column must then equal one of a list, because a column that
 * is simply equal drops out of the order.
 */
export function alongIndex({ ordersByValue }: Pick<ListQueries, "ordersByValue">, walk: IndexWalk): IndexRange {
  const { only: one, columns, direction, after, from, before } = walk;
  const [first] = columns;
  const where: RawBuilder<boolean>[] = [];
  if (one !== undefined) where.push(ordersByValue ? isOneOf(one) : sql`${sql.ref(one.column)} = ${one.value}`);
  // The place where a walk begins bounds one side. With two bounds on one side a planner could use the wider one.
  const isBelow = direction === "desc" && after !== undefined;
  const isAbove = direction === "asc" && after !== undefined;
  if (from !== undefined && !isAbove) where.push(sql`${sql.ref(first)} >= ${from}`);
  if (before !== undefined && !isBelow) where.push(sql`${sql.ref(first)} < ${before}`);
  if (after !== undefined) {
    where.push(
      sql`(${sql.join(columns.map((column) => sql.ref(column)))}) ${sql.raw(isAbove ? ">" : "<")} (${sql.join(after)})`,
    );
  }
  const order = one !== undefined && ordersByValue ? [one.column, ...columns] : columns;
  return {
    where: where.length === 0 ? sql`true` : sql`${sql.join(where, sql` and `)}`,
    order: sql.join(order.map((column) => sql`${sql.ref(column)} ${sql.raw(direction)}`)),
  };
}

function isOneOf({ column, value }: NonNullable<IndexWalk["only"]>): RawBuilder<boolean> {
  return sql`${sql.ref(column)} = any(array[${value}]::text[])`;
}
