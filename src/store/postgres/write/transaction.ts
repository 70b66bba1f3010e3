/** One transaction that writes: it takes the head of the log first, and its COMMIT has a known fate or says that it has none. */
import pg from "pg";
import { StoreUnavailableError } from "../../errors.ts";
import type { Connection } from "../connect/connection.ts";
import { inOrder } from "../connect/in-order.ts";
import { toStoreError } from "../connect/trouble.ts";
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
];

/** Begins a transaction and takes the head. Call it within a flight; what is sent after it waits for the head too. */
export async function beginAndTakeHead(connection: Connection): Promise<Head> {
  const [, rows] = await inOrder([connection.simple(BEGIN), connection.arrays<HeadRow>(TAKE_HEAD)]);
  const [row] = rows;
  if (row === undefined) throw new StoreUnavailableError("the log has no head", "NOT_APPLIED");
  const [position, link, recordTime, configPosition, serverTime] = row;
  return { position, link, recordTime, configPosition, serverTime };
}

/**
 * Sends the last statements of a transaction and COMMIT in one flight; resolves when the server has said that it is on
 * disk. Rejects with the error of the statement that failed: nothing is applied then. Rejects with StoreUnavailableError,
 * UNKNOWN, when COMMIT was sent and no plain OK came back: a lost connection, a wait that is too long, or a warning (a
 * cancelled wait for a standby is answered with success and a warning).
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
    // The server answers in order: one that refused a statement has not committed what follows it.
    if (failed?.reason instanceof pg.DatabaseError) throw failed.reason;
    if (answer.status === "rejected") throw unknown(answer.reason);
    if (answer.value.command !== "COMMIT") throw new Error(`COMMIT was answered with ${answer.value.command}`);
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

/** The error of a COMMIT: a refusal of the server as it is, anything else as a fate that is not known. */
function unknown(cause: unknown): unknown {
  const failure = toStoreError(cause, true);
  if (cause instanceof pg.DatabaseError) return failure;
  return failure instanceof StoreUnavailableError ? failure : fateUnknown(cause);
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
