/** The errors of a store. An engine turns its own errors into these. */
import type { FailedOutcome } from "../domain/refusal.ts";

/** Thrown when storage fails. A failure is never shown as an empty list, and never as "not banned". */
export class StoreUnavailableError extends Error {
  /** The outcome of the command that failed; reads have none. */
  readonly outcome: FailedOutcome | undefined;
  constructor(message: string, outcome: FailedOutcome | undefined, options?: ErrorOptions) {
    super(message, options);
    this.name = "StoreUnavailableError";
    this.outcome = outcome;
  }
}

/** Thrown when a read takes too long by itself; the same read would take as long again. */
export class ReadGivenUpError extends StoreUnavailableError {
  readonly afterMs: number;
  /** What the caller can do instead. */
  readonly advice: string;
  constructor(message: string, afterMs: number, advice: string = "ask for less, for example a smaller page") {
    super(message, undefined);
    this.name = "ReadGivenUpError";
    this.afterMs = afterMs;
    this.advice = advice;
  }
}

/** Thrown for a page token that this store did not make, or made for another query. */
export class PageTokenError extends Error {
  override readonly name = "PageTokenError";
}

/** Thrown for a cursor that this store did not make. */
export class CursorError extends Error {
  override readonly name = "CursorError";
}

/** Thrown for a page token or a cursor of another generation, or beyond the log: the history that it points into was rewound. */
export class HistoryChangedError extends Error {
  override readonly name = "HistoryChangedError";
}
