/** Limits how often each caller may call: a sustained rate and a burst above it, in bounded memory. */

/** `perSecond` may be a fraction; `burst` is at least 1. */
export interface Rate {
  readonly perSecond: number;
  readonly burst: number;
}

/** How many callers are tracked at once; the one idle longest is dropped first. */
const CALLERS_MAX = 100_000;
/** Rounding error of sums of fractions: below the resolution of a millisecond clock. */
const EPSILON_MS = 1e-3;

/**
 * A token bucket in its GCRA form: stores one instant per caller, at which the bucket is full again. Every call moves
 * it later by the time that one token takes to refill.
 */
export class RateLimit {
  readonly #intervalMs: number;
  readonly #fillMs: number;
  readonly #burst: number;
  readonly #clock: () => number;
  readonly #callersMax: number;
  /** When each bucket is full, in milliseconds since the epoch. Ordered by last call. */
  readonly #fullTimes = new Map<string, number>();

  constructor({ perSecond, burst }: Rate, clock: () => number, callersMax: number = CALLERS_MAX) {
    this.#intervalMs = 1000 / perSecond;
    this.#fillMs = burst * this.#intervalMs;
    this.#burst = burst;
    this.#clock = clock;
    this.#callersMax = callersMax;
  }

  /** Number of callers tracked. */
  get size(): number {
    return this.#fullTimes.size;
  }

  /**
   * Takes one token or `tokens` of them, at most a full bucket. Returns 0, or the milliseconds until that many are
   * there; then none is taken.
   */
  take(name: string, tokens = 1): number {
    const takenMs = Math.min(tokens, this.#burst) * this.#intervalMs;
    const now = this.#clock();
    const known = this.#fullTimes.get(name) ?? now;
    // A clock that steps back must not leave a bucket emptier than empty.
    const fullTime = Math.min(Math.max(known, now), now + this.#fillMs);
    const waitMs = fullTime + takenMs - this.#fillMs - now;
    const isTaken = waitMs <= EPSILON_MS;
    this.#fullTimes.delete(name);
    this.#forget(now);
    this.#fullTimes.set(name, isTaken ? fullTime + takenMs : fullTime);
    return isTaken ? 0 : Math.max(1, Math.ceil(waitMs - EPSILON_MS));
  }

  /** Drops buckets that are full, which equal new ones. Two per call, so that old ones cannot accumulate. */
  #forget(now: number): void {
    for (let i = 0; i < 2; i++) {
      const oldest = this.#fullTimes.entries().next();
      if (oldest.done) return;
      const [name, fullTime] = oldest.value;
      if (this.#fullTimes.size < this.#callersMax && fullTime > now) return;
      this.#fullTimes.delete(name);
    }
  }
}
