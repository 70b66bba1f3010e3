/** Moves a whole database to another engine: copies it, compares both sides, and hands the service over. */
import { randomUUIDv7 } from "node:crypto";
import { type ChainSource, verifyChain } from "../log/verify-chain.ts";
import type { Moved, MoveOptions, MoveProgress, VerifyProgress } from "../offline.ts";
import { endOf, type Move } from "./move.ts";
import {
  describeKey,
  isCompared,
  type Key,
  keyOf,
  MOVED_TABLE_NAMES,
  type MovedTable,
  type Row,
} from "./moved-tables.ts";

/** The end of a log. */
export interface MovedHead {
  readonly position: number;
  readonly link: Uint8Array;
  /** Milliseconds since the epoch. */
  readonly recordTime: number;
}

/** One side of a move. */
interface Side {
  /** For people. */
  readonly place: string;
  /** The move that this side took part in last; `undefined`: none. */
  readonly move: Move | undefined;
  /** Distinguishes this instance from others; `undefined`: the side has nothing of an instance yet. */
  readonly tokenKey: Uint8Array | undefined;
  count(table: MovedTable): number | Promise<number>;
}

/** The database that is moved. Nobody else uses it meanwhile. */
export interface MoveSource extends Side {
  readonly head: MovedHead;
  readonly generation: number;
  /** Verifies all that is in it, as a restore does. Rejects with one plain sentence at the first fault. */
  verify(progress: VerifyProgress): Promise<unknown>;
  /** Returns the rows after a key, or the first ones, in the order of their keys: some thousands, or few that are large. */
  rows(table: MovedTable, after: Key | undefined): readonly Row[];
  /** Writes that a move begins. A service that starts on the source forgets it. */
  begin(move: Move): void;
  /** Marks the database as moved: from now on a service refuses it. */
  end(id: string, time: number): void;
}

/** The database that takes its place. */
export interface MoveTarget extends Side {
  /**
   * Empties the database for a move; from now on no service can use it. Rejects when it has anything that is not of an
   * interrupted move.
   */
  begin(move: Move): Promise<void>;
  /** Returns the key of the last row, in the order of keys. */
  lastKey(table: MovedTable): Promise<Key | undefined>;
  write(table: MovedTable, rows: readonly Row[]): Promise<void>;
  /** As `rows` of a source, but exactly `limit` rows where there are so many. */
  rows(table: MovedTable, after: Key | undefined, limit: number): Promise<readonly Row[]>;
  chain(head: MovedHead): ChainSource;
  /** Prepares the copied tables for use. */
  settle(): Promise<void>;
  /** Makes the database usable. Rejects when the move is not the one that it holds. */
  end(id: string, time: number, head: MovedHead): Promise<void>;
}

/**
 * Moves a database, or goes on with its move that was interrupted at any moment. There is no moment at which a service
 * may use both sides: the source is marked as moved before the target becomes usable. Rejects with one plain sentence
 * when a side is not fit for the move, or when the two differ after it.
 */
export async function moveBetween(source: MoveSource, target: MoveTarget, options: MoveOptions): Promise<Moved> {
  const { clock, progress = () => undefined } = options;
  const move = await beginMove(source, target, clock());
  if (source.move?.endTime == null) {
    await verifySource(source, progress);
    const total = await countRows(source, MOVED_TABLE_NAMES);
    await copy(source, target, (done) => progress("copy", done, total));
    await target.settle();
    const compared = await countRows(source, MOVED_TABLE_NAMES.filter(isCompared));
    await compare(source, target, (done) => progress("compare", done, compared));
    await verifyTarget(target, source.head, (done) => progress("target", done, source.head.position));
    source.end(move.id, clock());
  }
  if (target.move?.id !== move.id || target.move.endTime === null) await target.end(move.id, clock(), source.head);
  return {
    position: source.head.position,
    generation: source.generation,
    tables: Object.fromEntries(await Promise.all(MOVED_TABLE_NAMES.map(async (t) => [t, await source.count(t)]))),
  };
}

/** Returns the move to go on with, which both sides hold. */
async function beginMove(source: MoveSource, target: MoveTarget, now: number): Promise<Move> {
  const { move } = source;
  const isSame = move !== undefined && move.id === target.move?.id;
  if (isSame && (move.endTime !== null || target.move?.endTime === null)) return move;
  if (move !== undefined && move.endTime !== null) {
    throw new Error(
      `the database ${source.place} was moved to ${move.place} on ${endOf(move)}, and ${target.place} does not hold that move`,
    );
  }
  assertOwn(source, target);
  // A new id each time, so that what an earlier attempt left in another database is never taken for this one.
  const begun = { id: randomUUIDv7(), beginTime: now, endTime: null };
  // The target first: it may refuse. Killed in between, the two do not match, and the next attempt begins again.
  await target.begin({ ...begun, place: source.place });
  const own = { ...begun, place: target.place };
  source.begin(own);
  return own;
}

/** Throws unless what the target holds is of the same instance: its move was interrupted, and a service ran since. */
function assertOwn(source: MoveSource, target: MoveTarget): void {
  if (target.move === undefined) return;
  if (target.move.endTime !== null) {
    throw new Error(
      `the database ${target.place} is not empty: ${target.move.place} was moved there on ${endOf(target.move)}; name an empty one`,
    );
  }
  const isOwn = target.tokenKey === undefined || Buffer.compare(target.tokenKey, source.tokenKey ?? Buffer.of()) === 0;
  if (isOwn) return;
  throw new Error(
    `the database ${target.place} holds an interrupted move of another database, ${target.move.place}; finish that one, or name an empty database`,
  );
}

async function countRows(side: Side, tables: readonly MovedTable[]): Promise<number> {
  let rows = 0;
  for (const table of tables) rows += await side.count(table);
  return rows;
}

/** Copies table after table along the primary key. So what is there says where to go on. */
async function copy(source: MoveSource, target: MoveTarget, progress: (rows: number) => void): Promise<void> {
  let done = 0;
  progress(done);
  for (const table of MOVED_TABLE_NAMES) {
    let after = await target.lastKey(table);
    if (after !== undefined) done += await target.count(table);
    let rows = source.rows(table, after);
    while (rows.length > 0) {
      const writing = target.write(table, rows);
      // An early rejection is awaited below.
      writing.catch(() => undefined);
      const [written, last] = [rows.length, rows.at(-1)];
      after = last === undefined ? after : keyOf(table, last);
      // The next slice is read while this one is written.
      rows = source.rows(table, after);
      await writing;
      done += written;
      progress(done);
    }
  }
}

/** Throws one plain sentence about the first table that has other rows than the source's. */
async function compare(source: MoveSource, target: MoveTarget, progress: (rows: number) => void): Promise<void> {
  let done = 0;
  progress(done);
  for (const table of MOVED_TABLE_NAMES) {
    const [wanted, found] = [await source.count(table), await target.count(table)];
    if (wanted !== found) {
      throw differing(target, `the table ${table} has ${found} rows, and ${wanted} were to be moved`);
    }
    let after: Key | undefined;
    for (let rows = firstOf(source, table); rows.length > 0; rows = source.rows(table, after)) {
      const copies = await target.rows(table, after, rows.length);
      const index = rows.findIndex((row, at) => !isCopy(row, copies[at]));
      const row = rows[index];
      if (row !== undefined) throw differing(target, `the row ${describeKey(table, row)} of ${table} differs`);
      const last = rows.at(-1);
      after = last === undefined ? after : keyOf(table, last);
      done += rows.length;
      progress(done);
    }
  }
}

function firstOf(source: MoveSource, table: MovedTable): readonly Row[] {
  return isCompared(table) ? source.rows(table, undefined) : [];
}

/** Whether each column of a copy has the value of the source, which may have columns of its engine alone. */
function isCopy(row: Row, copy: Row | undefined): boolean {
  if (copy === undefined) return false;
  return Object.entries(copy).every(([column, cell]) => {
    const wanted = row[column];
    if (cell instanceof Uint8Array && wanted instanceof Uint8Array) return Buffer.compare(cell, wanted) === 0;
    return cell === wanted;
  });
}

function differing(target: MoveTarget, what: string): Error {
  return new Error(
    `the copy in ${target.place} is not what was written: ${what}; something else writes to that database: drop and create it, and run the command again`,
  );
}

/** What the rows of the source say is compared with its history once: the target has the same rows. */
async function verifySource(source: MoveSource, progress: MoveProgress): Promise<void> {
  const users = await source.count("user_state");
  await source.verify((stage, done) => {
    if (stage === "users") progress("users", done, users);
    else progress("source", done, source.head.position);
  });
}

async function verifyTarget(target: MoveTarget, head: MovedHead, progress: (events: number) => void): Promise<void> {
  progress(0);
  const { faults } = await verifyChain(target.chain(head), { faultsMax: 1, progress });
  const [broken] = faults;
  if (broken === undefined) return;
  throw new Error(
    `the history in ${target.place} is not as it was written, at position ${broken.position}: ${broken.fault}`,
  );
}
