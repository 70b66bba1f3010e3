/** The end of a transaction: COMMIT has a known fate or says that it has none. */
import { StoreUnavailableError } from "../../errors.ts";
import type { Connection, Statement } from "./connection.ts";
import { isRefused } from "./trouble.ts";

/** Longest wait for COMMIT, in milliseconds; then its fate is not known, and the connection is cut. */
const COMMIT_MS_MAX = 10_000;
/** Longest wait for ROLLBACK, in milliseconds. */
const ROLLBACK_MS_MAX = 2_000;

const COMMIT: Statement = { name: "commit", text: "COMMIT" };

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
  const cut = setTimeout(() => connection.destroy(), ROLLBACK_MS_MAX);
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
