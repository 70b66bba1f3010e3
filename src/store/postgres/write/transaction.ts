/** One transaction that writes: it takes the head of the log first, and its COMMIT has a known fate or says that it has none. */
import { StoreUnavailableError } from "../../errors.ts";
import type { Connection } from "../connect/connection.ts";
import { inOrder } from "../connect/in-order.ts";
import { isRefused } from "../connect/trouble.ts";
import type { Head } from "./batch-writer.ts";
import { COMMIT, TAKE_HEAD } from "./write-statements.ts";

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
/** Longest wait for COMMIT; then its fate is not known, and the connection is cut. */
export const COMMIT_MS_MAX = 10_000;

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

/**
 * Sends the last statements of a transaction and COMMIT in one flight; resolves when the server has said that it is on
 * disk. Rejects with the error of the statement that failed where the server has answered COMMIT itself with ROLLBACK or
 * with an error: nothing is applied then. Rejects with StoreUnavailableError, UNKNOWN, in every other case: a lost
 * connection, a wait that is too long, a pooler that ends the connection, or a warning (a cancelled wait for a standby is
 * answered with success and a warning). An error of a statement before proves nothing: what ends the connection is
 * reported for the first one, although all were delivered.
 */
export async function sendAndCommit(
  connection: Connection,
  send: () => readonly Promise<unknown>[],
): Promise<{ readonly commitMs: number }> {
  const { warnings } = connection;
  const begin = performance.now();
  const cut = setTimeout(() => connection.destroy(), COMMIT_MS_MAX);
  try {
    const [sent, commit] = connection.flight(() => [Promise.allSettled(send()), settled(connection.run(COMMIT))]);
    const statements = await sent;
    const answer = await commit;
    const failed = statements.find((result) => result.status === "rejected");
    if (answer.status === "rejected") throw isRefused(answer.reason) ? answer.reason : fateUnknown(answer.reason);
    if (answer.value.command !== "COMMIT") {
      // The server has rolled back, because of a statement before.
      throw failed?.reason ?? new Error(`COMMIT was answered with ${answer.value.command}`);
    }
    if (failed !== undefined) throw fateUnknown(failed.reason);
    if (connection.warnings !== warnings) throw fateUnknown(new Error("COMMIT was answered with a warning"));
    return { commitMs: performance.now() - begin };
  } finally {
    clearTimeout(cut);
  }
}

/** Ends a transaction that writes nothing, or cuts the connection where that fails. */
export async function rollBack(connection: Connection): Promise<void> {
  if (!connection.isUsable) return;
  const cut = setTimeout(() => connection.destroy(), LOCK_MS_MAX);
  try {
    await connection.simple("ROLLBACK");
  } catch {
    connection.destroy();
  } finally {
    clearTimeout(cut);
  }
}

function fateUnknown(cause: unknown): StoreUnavailableError {
  return new StoreUnavailableError("the fate of a COMMIT is not known", "UNKNOWN", { cause });
}

function settled<T>(promise: Promise<T>): Promise<PromiseSettledResult<T>> {
  return promise.then(
    (value) => ({ status: "fulfilled", value }) as const,
    (reason: unknown) => ({ status: "rejected", reason }) as const,
  );
}
