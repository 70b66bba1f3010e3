/** The time by which a replica decides: the primary's clock, so that all replicas have one. */

export interface ServerClockOptions {
  /** This machine's clock, in milliseconds since the epoch. */
  readonly clock: () => number;
  /** Decides by the server's clock; `false`: by `clock`, as tests do. */
  readonly usesDatabaseClock: boolean;
}

/** A reading of the head of the log. All times are in milliseconds since the epoch. */
export interface HeadTime {
  readonly recordTime: number;
  readonly serverTime: number;
}

/** Readings of so many milliseconds are compared. */
const SPAN_MS = 5_000;

export class ServerClock {
  readonly #clock: () => number;
  readonly #usesDatabaseClock: boolean;
  #recordTime = 0;
  /**
   * The server's clock minus this machine's. A reading that arrives late only makes it smaller, so the largest of the
   * last readings is the best one: of this span, and of the one before.
   */
  #offsetMs = 0;
  #spanEnd = 0;
  #spanOffsetMs = Number.NEGATIVE_INFINITY;

  constructor({ clock, usesDatabaseClock }: ServerClockOptions) {
    this.#clock = clock;
    this.#usesDatabaseClock = usesDatabaseClock;
  }

  /** Takes a reading that has just arrived. Returns the time at which what was read with it is decided. */
  readonly timeOf = ({ recordTime, serverTime }: HeadTime): number => {
    this.#recordTime = Math.max(this.#recordTime, recordTime);
    if (!this.#usesDatabaseClock) return Math.max(recordTime, Math.floor(this.#clock()));
    this.#note(serverTime - this.#clock());
    return Math.max(recordTime, serverTime);
  };

  #note(offsetMs: number): void {
    const at = performance.now();
    if (at >= this.#spanEnd) {
      // The best of the span that has ended still counts in the new one.
      this.#offsetMs = Math.max(this.#spanOffsetMs, offsetMs);
      this.#spanOffsetMs = offsetMs;
      this.#spanEnd = at + SPAN_MS;
      return;
    }
    this.#spanOffsetMs = Math.max(this.#spanOffsetMs, offsetMs);
    this.#offsetMs = Math.max(this.#offsetMs, offsetMs);
  }

  /** Returns the time now, never below the newest record time that is known. */
  now(): number {
    const own = this.#clock();
    return Math.max(this.#recordTime, Math.floor(this.#usesDatabaseClock ? own + this.#offsetMs : own));
  }

  /** How far this machine's clock is from the server's, in milliseconds; below 0: it is ahead. */
  get skewMs(): number {
    return this.#offsetMs;
  }

  /** How far the server's clock is behind the newest record; time stands still for as long. */
  get behindMs(): number {
    return this.now() - Math.floor(this.#usesDatabaseClock ? this.#clock() + this.#offsetMs : this.#clock());
  }
}
