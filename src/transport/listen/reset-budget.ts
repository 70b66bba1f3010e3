/** How many streams an HTTP/2 connection may break off: a token bucket, into which completed calls pay. */

/** `burst` at once, and `perSecond` in the long run, beyond those that completed calls pay for. */
export interface ResetRate {
  readonly perSecond: number;
  readonly burst: number;
}

/**
 * A client breaks off a stream whenever the deadline of its call passes, and a proxy carries the streams of many clients
 * on one connection. Whoever only breaks off lets no call complete.
 */
export class ResetBudget {
  /** Absent: no limit. */
  readonly #rate: ResetRate | undefined;
  #left: number;
  #time = performance.now();

  constructor(rate: ResetRate | undefined) {
    this.#rate = rate;
    this.#left = rate?.burst ?? 0;
  }

  /** A call was answered to its end. */
  complete(): void {
    if (this.#rate !== undefined) this.#left = Math.min(this.#rate.burst, this.#left + 1);
  }

  /** A stream was broken off. False: that was one too many. */
  reset(): boolean {
    if (this.#rate === undefined) return true;
    const now = performance.now();
    const earned = ((now - this.#time) * this.#rate.perSecond) / 1000;
    this.#left = Math.min(this.#rate.burst, this.#left + earned) - 1;
    this.#time = now;
    return this.#left >= 0;
  }
}
