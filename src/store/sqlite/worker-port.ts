/** The worker's end of a WorkerLink: answers questions one after another. */
import { parentPort } from "node:worker_threads";
import Database from "better-sqlite3";
import { toErrorData } from "../error-data.ts";
import { StoreUnavailableError } from "../errors.ts";
import type { WorkerAnswer, WorkerQuestion } from "./worker-link.ts";

/** Answers questions until the link closes. Errors become answers, so that one bad question does not end the thread. */
export function serveQuestions<Q>(answer: (question: Q) => unknown, close: () => void): void {
  const port = parentPort;
  if (port === null) throw new Error("this module runs in a worker thread alone");
  port.postMessage("ready" satisfies WorkerAnswer);
  port.on("message", async (message: WorkerQuestion<Q>) => {
    if (message === "close") {
      close();
      port.close();
      return;
    }
    const { id, question } = message;
    try {
      port.postMessage({ id, ok: true, value: await answer(question) } satisfies WorkerAnswer);
    } catch (error) {
      port.postMessage({ id, ok: false, error: toErrorData(toFailure(error)) } satisfies WorkerAnswer);
    }
  });
}

/** Turns an error of SQLite into one that other threads know. No question causes one: the database does. */
function toFailure(error: unknown): unknown {
  if (!(error instanceof Database.SqliteError)) return error;
  return new StoreUnavailableError(`${error.code}: ${error.message}`, undefined);
}
