/** The begin of each transaction that writes to the log: its limits, and the head, which it takes first. */
import { StoreUnavailableError } from "../../errors.ts";
import type { Connection } from "../connect/connection.ts";
import { inOrder } from "../connect/in-order.ts";
import type { Head } from "./batch-writer.ts";
import { TAKE_HEAD } from "./write-statements.ts";

/**
 * Milliseconds. A replica that stops while it holds the head is cut off by the server, so that the others go on; one
 * that waits for the head gives up first and asks again. All of it is set for the transaction alone: behind a pooler
 * the next one may have another connection.
 */
const IDLE_MS_MAX = 5_000;
const LOCK_MS_MAX = 2_000;
const STATEMENT_MS_MAX = 10_000;
/** Longest wait until the head is there and everything is loaded: a server that hangs keeps no time limit of its own. */
export const BEGIN_MS_MAX = 5_000;

/**
 * Every statement finds its rows by a key. A plan that was made while a table was small would read all of it, and would
 * be kept while the table grows, until the server counts its rows again: a minute of an import, or of first sign-ins.
 */
const BY_INDEX_ALONE =
  "SET LOCAL enable_seqscan = off; SET LOCAL enable_hashjoin = off; SET LOCAL enable_mergejoin = off";

/** Begins each transaction that writes. */
export const BEGIN = `BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE;
  SET LOCAL idle_in_transaction_session_timeout = ${IDLE_MS_MAX};
  SET LOCAL lock_timeout = ${LOCK_MS_MAX};
  SET LOCAL statement_timeout = ${STATEMENT_MS_MAX};
  ${BY_INDEX_ALONE}`;

type HeadRow = readonly [
  position: number,
  link: Buffer,
  recordTime: number,
  configPosition: number,
  serverTime: number,
  generation: number,
  oldestBeside: string,
];

/** Begins a transaction and takes the head. Call it within a flight; what is sent after it waits for the head too. */
export async function beginAndTakeHead(connection: Connection): Promise<Head> {
  const [, rows] = await inOrder([connection.simple(BEGIN), connection.arrays<HeadRow>(TAKE_HEAD)]);
  const [row] = rows;
  if (row === undefined) throw new StoreUnavailableError("the log has no head", "NOT_APPLIED");
  const [position, link, recordTime, configPosition, serverTime, generation, oldestBeside] = row;
  return { position, link, recordTime, configPosition, serverTime, generation, oldestBeside };
}
