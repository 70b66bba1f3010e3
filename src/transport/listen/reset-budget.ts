/** Limits how many streams an HTTP/2 connection may reset: a token bucket that completed calls refill. */

/** The allowed resets: `burst` at once and `perSecond` in the long run, beyond those that completed calls pay for. */
export interface ResetRate {
  readonly perSecond: number;
  readonly burst: number;
}

/**
 * The budget of one connection. A client resets a stream whenever the deadline of its call passes, and a proxy carries
 * the streams of many clients on one connection. A client that only resets streams lets no call complete.
 */
export class ResetBudget {
  /** Undefined: no limit. */
  readonly #rate: ResetRate | undefined;
  #left: number;
  #time = performance.now();

  constructor(rate: ResetRate | undefined) {
    this.#rate = rate;
    this.#left = rate?.burst ?? 0;
  }

  /** Adds to the budget: a call was answered completely. */
  complete(): void {
    if (this.#rate !== undefined) this.#left = Math.min(this.#rate.burst, this.#left + 1);
  }

  /** Counts a stream that was reset. Returns false if that was one too many. */
  reset(): boolean {
    if (this.#rate === undefined) return true;
    const now = performance.now();
    const earned = ((now - this.#time) * this.#rate.perSecond) / 1000;
    this.#left = Math.min(this.#rate.burst, this.#left + earned) - 1;
    this.#time = now;
    return this.#left >= 0;
  }
}
