/** What a database knows of its move to another engine. */
import type { Database } from "better-sqlite3";
import { endOf, type Move, toMove } from "../move/move.ts";
import type { MoveTable } from "../rows/schema.ts";

export interface SettleMoveOptions {
  /** Serves the database although it was moved. */
  readonly takesBackMoved?: boolean | undefined;
  readonly onWarning?: ((sentence: string) => void) | undefined;
}

/** Returns the move of a migrated database; `undefined`: it has taken part in none. */
export function readMove(database: Database): Move | undefined {
  return toMove(database.prepare<[], MoveTable>("SELECT * FROM moves").get());
}

/** Writes a move that begins, instead of any before. */
export function beginMove(database: Database, { id, place, beginTime }: Move): void {
  const insert = database.prepare("INSERT INTO moves (id, place, begin_time, end_time) VALUES (?, ?, ?, NULL)");
  const begin = database.transaction(() => {
    forgetMove(database);
    insert.run(id, place, beginTime);
  });
  begin.immediate();
}

/** Marks the database as moved. */
export function endMove(database: Database, id: string, time: number): void {
  const { changes } = database.prepare("UPDATE moves SET end_time = ? WHERE id = ?").run(time, id);
  if (changes !== 1) throw new Error("the database does not hold the move that ends");
}

/** The database goes its own way: a move that was interrupted begins from the start again. */
export function forgetMove(database: Database): void {
  database.prepare("DELETE FROM moves").run();
}

/** Throws one plain sentence when the database was moved. */
export function assertNotMoved(database: Database, path: string): void {
  const move = readMove(database);
  if (move === undefined || move.endTime === null) return;
  throw new Error(
    `the database ${path} was moved to ${move.place} on ${endOf(move)}; use that one, or take this file back: start the service once with --force true`,
  );
}

/**
 * Prepares a start: what a move has copied so far is out of date from now on. Throws one plain sentence when the
 * database was moved and is not to be taken back.
 */
export function settleMove(database: Database, path: string, { takesBackMoved, onWarning }: SettleMoveOptions): void {
  const move = readMove(database);
  if (move === undefined) return;
  if (takesBackMoved !== true) assertNotMoved(database, path);
  forgetMove(database);
  if (move.endTime === null) return;
  onWarning?.(
    `the database ${path} is taken back: it was moved to ${move.place} on ${endOf(move)}, and from now on the two have histories of their own`,
  );
}
