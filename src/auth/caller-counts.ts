/** Counts calls, refusals and public pages by address and by caller, once for the process. */
import { type Refusal, refuse, shown } from "../domain/refusal.ts";
import { FailureCounts } from "./failure-counts.ts";
import { networkOf } from "./network.ts";
import { type Rate, RateLimit } from "./rate-limit.ts";

/** An answer at once, or by another thread. */
export type Soon<T> = T | Promise<T>;

/** What a gate counts. In a serving thread the counts are those of the main thread. */
export interface CallerCounts {
  /** Counts a call of this address. Returns ADDRESS_RATE if the address exceeds its rate. */
  countAddress(remoteAddress: string): Soon<Refusal | undefined>;
  /** Counts an admitted call. Returns CALLER_RATE if the caller exceeds its rate. */
  countCaller(actorId: string): Soon<Refusal | undefined>;
  /**
   * Counts a refusal of an unknown caller. Returns what to answer: late if this address is refused too often.
   * `isFailure`: the credential was wrong.
   */
  countRefusal(remoteAddress: string, refusal: Refusal, isFailure: boolean): Soon<Refusal>;
  /**
   * Counts the bytes that an address receives without a credential. Returns ADDRESS_RATE if they are too many: a few
   * bytes of a request may ask for a thousand times as many.
   */
  charge(remoteAddress: string, bytes: number): Soon<Refusal | undefined>;
}

export interface CountOptions {
  /** Milliseconds since the epoch. */
  readonly clock: () => number;
  /** Rate limit for all calls from one address; absent: unlimited. */
  readonly addressRate?: Rate | undefined;
  /** Rate limit for the calls with one key, or of one subject of an issuer; absent: unlimited. */
  readonly callerRate?: Rate | undefined;
}

/** Refusals per second and address that are answered immediately. */
const PROMPT_REFUSALS: Rate = { perSecond: 20, burst: 20 };
/** Further ones are delayed by a second, plus or minus half: a client that floods waits instead of taking our time. */
const HELD_MS_MIN = 500;
const HELD_MS_SPREAD = 1_000;
/** Coprime to the spread and far from its divisors, so that consecutive answers leave at different times. */
const HELD_MS_STEP = 617;
/** Each delayed refusal holds memory. Above this number they are answered immediately. */
const HELD_MAX = 5_000;

/** KiB of public pages that one address may read: eight times the pages of the reference at once. */
const OPEN_KIB: Rate = { perSecond: 512, burst: 16 * 1024 };

/** The counts of this thread; all answers are immediate, but for those of delayed refusals. */
export class LocalCounts implements CallerCounts {
  readonly #addresses: Limit | undefined;
  readonly #callers: Limit | undefined;
  readonly #failures: FailureCounts;
  readonly #promptRefusals: RateLimit;
  readonly #openKib: RateLimit;
  #held = 0;
  #heldMs = 0;

  constructor({ clock, addressRate, callerRate }: CountOptions) {
    this.#addresses = addressRate && new Limit(addressRate, clock);
    this.#callers = callerRate && new Limit(callerRate, clock);
    this.#failures = new FailureCounts(clock);
    this.#promptRefusals = new RateLimit(PROMPT_REFUSALS, clock);
    this.#openKib = new RateLimit(OPEN_KIB, clock);
  }

  countAddress(remoteAddress: string): Refusal | undefined {
    const waitMs = this.#addresses?.take(networkOf(remoteAddress)) ?? 0;
    if (waitMs === 0) return undefined;
    return refuse(
      "ADDRESS_RATE",
      `calls from ${shown(remoteAddress)} are limited to ${this.#addresses?.text}; this is one too many`,
      { retryAfterMs: waitMs },
    );
  }

  countCaller(actorId: string): Refusal | undefined {
    const waitMs = this.#callers?.take(actorId) ?? 0;
    if (waitMs === 0) return undefined;
    return callerRate(`calls with one credential are limited to ${this.#callers?.text}; this is one too many`, waitMs);
  }

  countRefusal(remoteAddress: string, refusal: Refusal, isFailure: boolean): Refusal | Promise<Refusal> {
    const answer = isFailure ? (this.#failures.count(remoteAddress) ?? refusal) : refusal;
    if (this.#promptRefusals.take(networkOf(remoteAddress)) === 0 || this.#held >= HELD_MAX) return answer;
    this.#held += 1;
    this.#heldMs = (this.#heldMs + HELD_MS_STEP) % HELD_MS_SPREAD;
    return new Promise((resolve) => {
      setTimeout(() => {
        this.#held -= 1;
        resolve(answer);
      }, HELD_MS_MIN + this.#heldMs);
    });
  }

  charge(remoteAddress: string, bytes: number): Refusal | undefined {
    const waitMs = this.#openKib.take(networkOf(remoteAddress), Math.ceil(bytes / 1024));
    if (waitMs === 0) return undefined;
    return refuse(
      "ADDRESS_RATE",
      `public pages are limited to ${OPEN_KIB.perSecond} KiB a second and ${OPEN_KIB.burst / 1024} MiB at once for ` +
        `${shown(remoteAddress)}; this is too much`,
      { retryAfterMs: waitMs },
    );
  }
}

/** Returns CALLER_RATE for a caller that exceeds its rate. `said`: the sentence; `waitMs`: when to retry. */
export function callerRate(said: string, waitMs: number): Refusal {
  return refuse("CALLER_RATE", said, { retryAfterMs: waitMs });
}

/** A rate limit that can describe itself in a sentence. */
class Limit extends RateLimit {
  readonly text: string;

  constructor(rate: Rate, clock: () => number) {
    super(rate, clock);
    const { perSecond, burst } = rate;
    const [calls, unit] = perSecond < 1 ? [perSecond * 60, "minute"] : [perSecond, "second"];
    this.text = `${Math.round(calls * 100) / 100} a ${unit} and ${burst} at once`;
  }
}
