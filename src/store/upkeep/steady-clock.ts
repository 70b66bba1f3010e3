/** The service's clock: the wall clock while it runs evenly, else the monotonic clock until the jump is judged. */

/** A larger difference from the monotonic clock, in milliseconds, is a jump; a smaller one is a normal correction. */
export const JUMP_MS = 60_000;
/** How long commits wait until a jump is judged, by the monotonic clock. */
export const JUDGE_MS = 5_000;
/** The largest difference between two readings of a wall clock that runs evenly. */
const EVEN_MS = 1_000;
/** How often an unjudged jump is checked when nobody asks for the time. */
const LOOK_MS = 250;

/** The state of a jump. UNEVEN: the wall clock kept jumping, and the monotonic clock is used instead. */
export type JumpStep = "NOTICED" | "TAKEN" | "UNDONE" | "UNEVEN";

export interface SteadyClockOptions {
  /** Milliseconds since the epoch; may jump. */
  readonly wall: () => number;
  /** Milliseconds since any instant; never jumps, but may stop while the machine is suspended. */
  readonly monotonic: () => number;
  /** Called once per step. `byMs`: how far the wall clock is from the expected time; below 0: it is behind. */
  readonly onJump: (step: JumpStep, byMs: number) => void;
}

/** A jump that is not judged yet. */
interface Doubt {
  /** Wall minus monotonic time since the jump. */
  offset: number;
  /** Monotonic time since which the wall clock runs evenly. */
  evenSince: number;
  /** Monotonic time of the first reading after the jump. */
  readonly noticedAt: number;
  /** Ends the wait of commits. */
  readonly release: () => void;
  /** Resolves when commits may go on; undefined: they do. */
  wait: Promise<void> | undefined;
}

/**
 * A clock that does not follow a jump at once. An expired restriction never comes back, so a reading that is wrong for
 * a moment must not be recorded. A suspended machine looks the same at first; its wall clock runs evenly afterwards,
 * and is then accepted.
 */
export class SteadyClock {
  /** Other threads follow this clock by it, see `followSteadyClock`. */
  readonly memory = new SharedArrayBuffer(Float64Array.BYTES_PER_ELEMENT);
  readonly #options: SteadyClockOptions;
  /** One number: wall minus monotonic time at the last accepted reading. */
  readonly #accepted = new Float64Array(this.memory);
  #doubt: Doubt | undefined;
  #looking: NodeJS.Timeout | undefined;

  constructor(options: SteadyClockOptions) {
    this.#options = options;
    this.#offset = options.wall() - options.monotonic();
  }

  get #offset(): number {
    return this.#accepted[0] as number;
  }

  set #offset(offset: number) {
    this.#accepted[0] = offset;
  }

  /** Returns milliseconds since the epoch. While a jump is unjudged, time goes on as if there were none. */
  readonly now = (): number => {
    const monotonic = this.#options.monotonic();
    const wall = this.#options.wall();
    const offset = wall - monotonic;
    if (Math.abs(offset - this.#offset) <= JUMP_MS) this.#believe(offset, "UNDONE");
    else this.#judge(offset, monotonic);
    return this.#doubt === undefined ? wall : monotonic + this.#offset;
  };

  /** Resolves when the unjudged jump is judged, after at most 5 s; undefined: there is none. */
  readonly whenSteady = (): Promise<void> | undefined => {
    this.now();
    return this.#doubt?.wait;
  };

  /** Releases all that wait. */
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

/** `performance.now()` begins with its thread. What lies between the two readings here is less than a millisecond. */
const BEGIN = Number(process.hrtime.bigint()) / 1e6 - performance.now();

/** Returns milliseconds since any instant, which is the same in all threads. Never jumps; may stop in a suspended machine. */
export function monotonicTime(): number {
  return BEGIN + performance.now();
}
