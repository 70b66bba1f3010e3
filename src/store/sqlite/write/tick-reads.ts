/** The reads of one turn of the event loop, in one transaction: opening one costs as much as several reads by key. */
import { toReadError } from "../trouble.ts";
import type { HotStatements } from "./hot-statements.ts";

/** So many reads of tens of microseconds run in one turn; the others have the next. */
const READS_MAX = 128;

interface Waiting {
  readonly read: () => unknown;
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: unknown) => void;
}

/**
 * Without a transaction around them, every statement locks, checks and unlocks the file by itself. Reads wait for the
 * end of the turn and then run together, before any batch: nothing else is in a transaction then, as batches are
 * synchronous.
 */
export class TickReads {
  readonly #statements: Pick<HotStatements, "beginRead" | "commit" | "rollback">;
  readonly #assertUsable: () => void;
  readonly #waiting: Waiting[] = [];

  /** `assertUsable`: throws if nothing may be read now. */
  constructor(statements: Pick<HotStatements, "beginRead" | "commit" | "rollback">, assertUsable: () => void) {
    this.#statements = statements;
    this.#assertUsable = assertUsable;
  }

  /** Runs a synchronous read at the end of this turn. Rejects with what it throws, or with the error of the transaction. */
  read<T>(read: () => T): Promise<T> {
    return new Promise<unknown>((resolve, reject) => {
      if (this.#waiting.push({ read, resolve, reject }) === 1) setImmediate(this.#run);
    }) as Promise<T>;
  }

  readonly #run = (): void => {
    const waiting = this.#waiting.splice(0, READS_MAX);
    if (this.#waiting.length > 0) setImmediate(this.#run);
    let hasBegun: boolean = false;
    try {
      this.#assertUsable();
      this.#statements.beginRead.run();
      hasBegun = true;
      for (const each of waiting) answer(each);
      this.#statements.commit.run();
    } catch (error) {
      for (const { reject } of waiting) reject(toReadError(error));
      if (hasBegun) this.#rollBack();
    }
  };

  /** The transaction may have ended with the error already. */
  #rollBack(): void {
    try {
      this.#statements.rollback.run();
    } catch {
      // There is none to end.
    }
  }
}

function answer({ read, resolve, reject }: Waiting): void {
  try {
    resolve(read());
  } catch (error) {
    reject(toReadError(error));
  }
}
