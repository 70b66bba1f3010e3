/** The errors of a store as plain data: a message to another thread keeps no classes. */
import { type FailedOutcome, type Refusal, RefusalError } from "../domain/refusal.ts";
import { CursorError, HistoryChangedError, PageTokenError, ReadGivenUpError, StoreUnavailableError } from "./errors.ts";

export type ErrorData =
  | { readonly kind: "refusal"; readonly refusal: Refusal }
  | { readonly kind: "unavailable"; readonly message: string; readonly outcome?: FailedOutcome }
  | { readonly kind: "given up"; readonly message: string; readonly afterMs: number }
  | { readonly kind: "token" | "cursor" | "history" | "bug"; readonly message: string };

/** Returns an error as plain data. The stack and the cause stay in the thread that reports them to the log. */
export function toErrorData(error: unknown): ErrorData {
  if (error instanceof RefusalError) return { kind: "refusal", refusal: error.refusal };
  const message = error instanceof Error ? error.message : String(error);
  if (error instanceof ReadGivenUpError) return { kind: "given up", message, afterMs: error.afterMs };
  if (error instanceof StoreUnavailableError) {
    return { kind: "unavailable", message, ...(error.outcome === undefined ? {} : { outcome: error.outcome }) };
  }
  if (error instanceof PageTokenError) return { kind: "token", message };
  if (error instanceof CursorError) return { kind: "cursor", message };
  if (error instanceof HistoryChangedError) return { kind: "history", message };
  return { kind: "bug", message };
}

/** Returns the error of the same class. `from`: the name of the other thread; begins the message of a bug. */
export function fromErrorData(data: ErrorData, from: string): Error {
  switch (data.kind) {
    case "refusal":
      return new RefusalError(data.refusal);
    case "unavailable":
      return new StoreUnavailableError(data.message, data.outcome);
    case "given up":
      return new ReadGivenUpError(data.message, data.afterMs);
    case "token":
      return new PageTokenError(data.message);
    case "cursor":
      return new CursorError(data.message);
    case "history":
      return new HistoryChangedError(data.message);
    case "bug":
      return new Error(`${from}: ${data.message}`);
    default:
      return data satisfies never;
  }
}
