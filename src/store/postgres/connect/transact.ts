/** Runs work in a transaction that ends by itself when this process stops in the midst of it. */
import { rollBack, sendAndCommit } from "./commit.ts";
import type { Connection } from "./connection.ts";

export interface TransactOptions {
  /** How long a statement may wait for a lock, in milliseconds; the default is 2,000. */
  readonly lockMs?: number;
  /** How long a statement may take, in milliseconds; the default is 10,000; 0: as long as it needs. */
  readonly statementMs?: number;
  /** After this pause between two statements the server ends the transaction, in milliseconds; the default is 5,000. */
  readonly idleMs?: number;
}

/**
 * Runs work in a READ COMMITTED transaction, and rolls it back when the work rejects. Limits hold for the transaction
 * alone: behind a pooler the next one of the session may be another client's. Rejects as `sendAndCommit` does when the
 * fate of COMMIT is not known.
 */
export async function transact<T>(
  connection: Connection,
  work: () => Promise<T>,
  { lockMs = 2_000, statementMs = 10_000, idleMs = 5_000 }: TransactOptions = {},
): Promise<T> {
  const limits = { lock_timeout: lockMs, statement_timeout: statementMs, idle_in_transaction_session_timeout: idleMs };
  const settings = Object.entries(limits).map(([name, ms]) => `SET LOCAL ${name} = ${ms}`);
  await connection.simple(["BEGIN ISOLATION LEVEL READ COMMITTED", ...settings].join("; "));
  let result: T;
  try {
    result = await work();
  } catch (error) {
    await rollBack(connection);
    throw error;
  }
  await sendAndCommit(connection, () => []);
  return result;
}
