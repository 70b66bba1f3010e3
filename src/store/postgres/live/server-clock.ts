/** The time by which a replica decides: the primary's clock, so that all replicas have one. */
import { StoreUnavailableError } from "../../errors.ts";
import type { StoreOptions } from "../../store.ts";

/** `clock`: this machine's; it decides where `usesDatabaseClock` is not true, as in tests. */
export type ServerClockOptions = Pick<StoreOptions, "clock" | "usesDatabaseClock" | "onWarning">;

/** A reading of the head of the log. All times are in milliseconds since the epoch. */
export interface HeadTime {
  readonly recordTime: number;
  readonly serverTime: number;
}

/** From this difference between this machine's clock and the server's an administrator is warned … */
const SKEW_WARNED_MS = 1_000;
/** … and from this one the replica is not ready: tokens and deadlines go by its own clock. */
const SKEW_MS_MAX = 60_000;
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
  readonly #onWarning: StoreOptions["onWarning"];
  #isSkewed: boolean = false;

  constructor({ clock, usesDatabaseClock = false, onWarning }: ServerClockOptions) {
    this.#clock = clock;
    this.#usesDatabaseClock = usesDatabaseClock;
    this.#onWarning = onWarning;
  }

  /** Takes a reading that has just arrived. Returns the time at which what was read with it is decided. */
  readonly timeOf = ({ recordTime, serverTime }: HeadTime): number => {
    this.#recordTime = Math.max(this.#recordTime, recordTime);
    if (!this.#usesDatabaseClock) return Math.max(recordTime, Math.floor(this.#clock()));
    this.#note(serverTime - this.#clock());
    this.#warn();
    return Math.max(recordTime, serverTime);
  };

  #warn(): void {
    const isSkewed = Math.abs(this.#offsetMs) > SKEW_WARNED_MS;
    if (isSkewed && !this.#isSkewed) {
      this.#onWarning?.(
        `the clock of this machine is ${describe(this.#offsetMs)} the database's: changes are recorded by the database's clock, tokens and deadlines are judged by this one; set this machine's clock`,
      );
    }
    this.#isSkewed = isSkewed;
  }

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

  /** Throws StoreUnavailableError when this machine's clock is too far from the server's. */
  assertNear(): void {
    if (Math.abs(this.#offsetMs) <= SKEW_MS_MAX) return;
    throw new StoreUnavailableError(
      `the clock of this machine is ${describe(this.#offsetMs)} the database's`,
      undefined,
    );
  }

  /** How far the server's clock is behind the newest record; time stands still for as long. */
  get behindMs(): number {
    return this.now() - Math.floor(this.#usesDatabaseClock ? this.#clock() + this.#offsetMs : this.#clock());
  }
}

/** `offsetMs`: the server's clock minus this machine's. */
function describe(offsetMs: number): string {
  return `${(Math.abs(offsetMs) / 1000).toFixed(1)} s ${offsetMs > 0 ? "behind" : "ahead of"}`;
}
