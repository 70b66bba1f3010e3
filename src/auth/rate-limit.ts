/** How often somebody may call: a rate that lasts and a burst above it, counted for each by itself in bounded memory. */

/** `perSecond` may be a fraction; `burst` is at least 1. */
export interface Rate {
  readonly perSecond: number;
  readonly burst: number;
}

/** How many callers are told apart at once; whoever was silent longest is forgotten first. */
const CALLERS_MAX = 100_000;
/** Below what a clock of milliseconds tells apart: what sums of fractions are off by. */
const EPSILON_MS = 1e-3;

/**
 * A token bucket in its other form (GCRA): of each caller one instant is kept, at which the bucket will be full again.
 * Every call puts it off by the time that a token takes to come.
 */
export class RateLimit {
  readonly #intervalMs: number;
  readonly #fillMs: number;
  readonly #burst: number;
  readonly #clock: () => number;
  readonly #callersMax: number;
  /** When each bucket is full, in milliseconds since the epoch. Whoever called last is the last. */
  readonly #fullTimes = new Map<string, number>();

  constructor({ perSecond, burst }: Rate, clock: () => number, callersMax: number = CALLERS_MAX) {
    this.#intervalMs = 1000 / perSecond;
    this.#fillMs = burst * this.#intervalMs;
    this.#burst = burst;
    this.#clock = clock;
    this.#callersMax = callersMax;
  }

  /** How many callers are remembered. */
  get size(): number {
    return this.#fullTimes.size;
  }

  /**
   * Takes one call's worth, or of another measure so many, a full bucket at most. Answers 0, or how many milliseconds to
   * wait until there are as many; nothing is taken then.
   */
  take(name: string, tokens = 1): number {
    const takenMs = Math.min(tokens, this.#burst) * this.#intervalMs;
    const now = this.#clock();
    const known = this.#fullTimes.get(name) ?? now;
    // No bucket is emptier than empty, whatever the clock has done.
    const fullTime = Math.min(Math.max(known, now), now + this.#fillMs);
    const waitMs = fullTime + takenMs - this.#fillMs - now;
    const isTaken = waitMs <= EPSILON_MS;
    this.#fullTimes.delete(name);
    this.#forget(now);
    this.#fullTimes.set(name, isTaken ? fullTime + takenMs : fullTime);
    return isTaken ? 0 : Math.max(1, Math.ceil(waitMs - EPSILON_MS));
  }

  /** A bucket that is full says nothing that a new one would not. Two at a time, so that none are left in the end. */
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
