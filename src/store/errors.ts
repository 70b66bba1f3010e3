/** The errors of a store; what an engine throws by itself becomes one of them. */
import type { FailedOutcome } from "../domain/refusal.ts";

/** Storage trouble. Never shown as an empty list and never as "not banned". */
export class StoreUnavailableError extends Error {
  /** What became of the command that met the trouble; reads have none. */
  readonly outcome: FailedOutcome | undefined;
  constructor(message: string, outcome: FailedOutcome | undefined, options?: ErrorOptions) {
    super(message, options);
    this.name = "StoreUnavailableError";
    this.outcome = outcome;
  }
}

/** A read that took too long by itself and was given up; asking the same again takes as long. */
export class ReadGivenUpError extends StoreUnavailableError {
  readonly afterMs: number;
  constructor(message: string, afterMs: number) {
    super(message, undefined);
    this.name = "ReadGivenUpError";
    this.afterMs = afterMs;
  }
}

/** A page token that this store did not make, or made for another filter or order. */
export class PageTokenError extends Error {
  override readonly name = "PageTokenError";
}

/** A page token of another generation: what it leads through was rewound by a restore. */
export class HistoryChangedError extends Error {
  override readonly name = "HistoryChangedError";
}
