/** Runs work in a transaction that ends by itself when this process stops in the midst of it. */
import { StoreUnavailableError } from "../../errors.ts";
import type { Connection } from "./connection.ts";

export interface TransactOptions {
  /** How long a statement may wait for a lock, in milliseconds; the default is 2,000. */
  readonly lockMs?: number;
  /** How long a statement may take, in milliseconds; the default is 10,000; 0: as long as it needs. */
  readonly statementMs?: number;
  /** After this pause between two statements the server ends the transaction, in milliseconds; the default is 5,000. */
  readonly idleMs?: number;
}

const COMMIT = { name: "commit", text: "COMMIT" };

/**
 * Runs work in a READ COMMITTED transaction, and rolls it back when the work rejects. Limits hold for the transaction
 * alone: behind a pooler the next one of the session may be another client's. Rejects with StoreUnavailableError, UNKNOWN,
 * when COMMIT came with a warning: a standby that should have confirmed did not.
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
    await connection.simple("ROLLBACK").catch(() => connection.destroy());
    throw error;
  }
  const { warnings } = connection;
  const { command } = await connection.run(COMMIT);
  if (command !== "COMMIT") throw new Error("the transaction had failed, and was rolled back");
  if (connection.warnings !== warnings) {
    throw new StoreUnavailableError("no standby confirmed the transaction", "UNKNOWN");
  }
  return result;
}
