/** The deadline of a call: one timer ends whatever the call waits for. */
import type { Exchange } from "../exchange/exchange.ts";
import { takeTurn } from "../exchange/turns.ts";
import { deadlineExceeded } from "./call-error.ts";

export class Deadline {
  /** In milliseconds since the epoch. */
  readonly time: number;
  readonly #exchange: Exchange;
  readonly #onOver: (error: unknown) => void;
  #isOver: boolean = false;
  #reject: ((error: unknown) => void) | undefined;

  /** `timeoutMs`: from now, at most 2^31 - 1. `onOver`: called with the error once the deadline has passed. */
  constructor(timeoutMs: number, exchange: Exchange, onOver: (error: unknown) => void) {
    this.time = Date.now() + Math.ceil(timeoutMs);
    this.#exchange = exchange;
    this.#onOver = onOver;
    const timer = setTimeout(() => void this.#pass(), timeoutMs);
    exchange.onOver(() => clearTimeout(timer));
  }

  get isOver(): boolean {
    return this.#isOver || this.time <= Date.now();
  }

  /** Rejects when the deadline passes before the answer. A handler may go on; its answer is dropped. */
  race<T>(answer: Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      this.#reject = reject;
      answer.then(resolve, reject);
      if (this.#isOver) reject(deadlineExceeded());
    });
  }

  /** Many deadlines may pass at once, and each makes an error and an answer. */
  async #pass(): Promise<void> {
    this.#isOver = true;
    await takeTurn();
    if (this.#exchange.over) return;
    const error = deadlineExceeded();
    this.#exchange.body.fail(error);
    this.#reject?.(error);
    this.#onOver(error);
  }
}
