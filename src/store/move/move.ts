/** A move of a whole database to another engine, as it is written on either side. */
import type { MoveTable } from "../rows/schema.ts";

export interface Move {
  /** The same on both sides. */
  readonly id: string;
  /** The other side, for people; it has no password. */
  readonly place: string;
  /** Milliseconds since the epoch. */
  readonly beginTime: number;
  /** Null: it is under way, or was interrupted. */
  readonly endTime: number | null;
}

/** Returns the move of a row; `undefined` without one. */
export function toMove(row: MoveTable | undefined): Move | undefined {
  if (row === undefined) return undefined;
  const { id, place, begin_time: beginTime, end_time: endTime } = row;
  return { id, place, beginTime, endTime };
}

/** Returns when a move ended, for people; empty while it has not. */
export function endOf({ endTime }: Move): string {
  return endTime === null ? "" : new Date(endTime).toISOString();
}
