/** The service's clock: the wall clock as long as it goes evenly, else the monotonic clock until the jump is judged. */

/** A wall clock that differs by more from what the monotonic clock expects has jumped; less is how clocks are set right. */
export const JUMP_MS = 60_000;
/** How long commits wait, by the monotonic clock, until a jump is judged. */
export const JUDGE_MS = 5_000;
/** A wall clock that went on evenly for that long differs by no more between two readings. */
const EVEN_MS = 1_000;
/** How often a jump in doubt is looked at when nobody asks for the time. */
const LOOK_MS = 250;

/** What became of a jump. UNEVEN: the wall clock kept jumping, and time goes on by the monotonic clock. */
export type JumpStep = "NOTICED" | "TAKEN" | "UNDONE" | "UNEVEN";

export interface SteadyClockOptions {
  /** Milliseconds since the epoch; may jump. */
  readonly wall: () => number;
  /** Milliseconds since any instant; never jumps, but may stand still while the machine is suspended. */
  readonly monotonic: () => number;
  /** Called once per step. `byMs`: how far the wall clock is from the expected time; below 0: it is behind. */
  readonly onJump: (step: JumpStep, byMs: number) => void;
}

/** A jump that is not judged yet. */
interface Doubt {
  /** Wall minus monotonic time since the jump. */
  offset: number;
  /** Monotonic time since which the wall clock has gone evenly. */
  evenSince: number;
  /** Monotonic time of the first reading after the jump. */
  readonly noticedAt: number;
  /** Ends the wait of commits. */
  readonly release: () => void;
  /** Resolves when commits may go on; undefined: they do. */
  wait: Promise<void> | undefined;
}

/**
 * Restrictions that expire never come back, so that no wrong reading of a moment may be recorded. A machine that was
 * suspended looks the same at first: its wall clock goes on evenly from there, and is then taken.
 */
export class SteadyClock {
  readonly #options: SteadyClockOptions;
  /** Wall minus monotonic time at the last reading that was believed. */
  #offset: number;
  #doubt: Doubt | undefined;
  #looking: NodeJS.Timeout | undefined;

  constructor(options: SteadyClockOptions) {
    this.#options = options;
    this.#offset = options.wall() - options.monotonic();
  }

  /** Milliseconds since the epoch. While a jump is in doubt, time goes on as if there had been none. */
  readonly now = (): number => {
    const monotonic = this.#options.monotonic();
    const wall = this.#options.wall();
    const offset = wall - monotonic;
    if (Math.abs(offset - this.#offset) <= JUMP_MS) this.#believe(offset, "UNDONE");
    else this.#judge(offset, monotonic);
    return this.#doubt === undefined ? wall : monotonic + this.#offset;
  };

  /** Resolves when a jump in doubt is judged, after at most 5 s; undefined: there is none to wait for. */
  readonly whenSteady = (): Promise<void> | undefined => {
    this.now();
    return this.#doubt?.wait;
  };

  /** Lets go whoever waits. */
  close(): void {
    clearInterval(this.#looking);
    this.#doubt?.release();
  }

  #judge(offset: number, monotonic: number): void {
    const doubt = this.#doubt;
    if (doubt === undefined) {
      this.#begin(offset, monotonic);
      return;
    }
    if (Math.abs(offset - doubt.offset) > EVEN_MS) {
      doubt.offset = offset;
      doubt.evenSince = monotonic;
    } else if (monotonic - doubt.evenSince >= JUDGE_MS) {
      this.#believe(offset, "TAKEN");
      return;
    }
    if (doubt.wait === undefined || monotonic - doubt.noticedAt < JUDGE_MS) return;
    doubt.wait = undefined;
    doubt.release();
    this.#options.onJump("UNEVEN", offset - this.#offset);
  }

  #begin(offset: number, monotonic: number): void {
    const { promise: wait, resolve: release } = Promise.withResolvers<void>();
    this.#doubt = { offset, evenSince: monotonic, noticedAt: monotonic, release, wait };
    this.#looking = setInterval(this.now, LOOK_MS).unref();
    this.#options.onJump("NOTICED", offset - this.#offset);
  }

  #believe(offset: number, step: JumpStep): void {
    const byMs = offset - this.#offset;
    const doubt = this.#doubt;
    this.#offset = offset;
    if (doubt === undefined) return;
    this.#doubt = undefined;
    clearInterval(this.#looking);
    doubt.release();
    this.#options.onJump(step, byMs);
  }
}
