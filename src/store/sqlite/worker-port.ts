/** The worker's end of a WorkerLink: answers questions one after another. */
import { parentPort } from "node:worker_threads";
import Database from "better-sqlite3";
import { HistoryChangedError, PageTokenError, StoreUnavailableError } from "../errors.ts";
import type { WorkerAnswer, WorkerQuestion } from "./worker-link.ts";

/** Answers questions until the link closes. Errors become answers, so that one bad question does not end the thread. */
export function serveQuestions<Q>(answer: (question: Q) => unknown, close: () => void): void {
  const port = parentPort;
  if (port === null) throw new Error("this module runs in a worker thread alone");
  port.postMessage("ready" satisfies WorkerAnswer);
  port.on("message", (message: WorkerQuestion<Q>) => {
    if (message === "close") {
      close();
      port.close();
      return;
    }
    const { id, question } = message;
    try {
      port.postMessage({ id, ok: true, value: answer(question) } satisfies WorkerAnswer);
    } catch (error) {
      port.postMessage({ id, ok: false, ...toFailure(error) } satisfies WorkerAnswer);
    }
  });
}

function toFailure(error: unknown): {
  readonly kind: "token" | "history" | "unavailable" | "bug";
  readonly message: string;
} {
  const message = error instanceof Error ? error.message : String(error);
  if (error instanceof PageTokenError) return { kind: "token", message };
  if (error instanceof HistoryChangedError) return { kind: "history", message };
  if (error instanceof StoreUnavailableError) return { kind: "unavailable", message };
  if (error instanceof Database.SqliteError) return { kind: "unavailable", message: `${error.code}: ${message}` };
  return { kind: "bug", message };
}
