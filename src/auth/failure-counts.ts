/** Counts failed authentications by address: guesses are throttled. */
import { type Refusal, refuse, shown } from "../domain/refusal.ts";
import { networkOf } from "./network.ts";

const FAILURES_PER_SECOND_MAX = 20;
/** How many addresses are watched at once; the oldest is dropped first. */
const ADDRESSES_MAX = 10_000;

interface Failures {
  count: number;
  readonly since: number;
}

export class FailureCounts {
  readonly #clock: () => number;
  readonly #failures = new Map<string, Failures>();

  /** `clock`: milliseconds since the epoch. */
  constructor(clock: () => number) {
    this.#clock = clock;
  }

  /** Counts a failure. Returns AUTHENTICATION_RATE once an address exceeds the failures allowed per second. */
  count(address: string): Refusal | undefined {
    const now = this.#clock();
    const network = networkOf(address);
    const failures = this.#failures.get(network);
    const elapsed = failures === undefined ? 0 : now - failures.since;
    if (failures === undefined || elapsed >= 1000 || elapsed < 0) {
      this.#failures.delete(network);
      if (this.#failures.size >= ADDRESSES_MAX) this.#forgetOldest();
      this.#failures.set(network, { count: 1, since: now });
      return undefined;
    }
    failures.count += 1;
    if (failures.count <= FAILURES_PER_SECOND_MAX) return undefined;
    return refuse(
      "AUTHENTICATION_RATE",
      `more than ${FAILURES_PER_SECOND_MAX} authentications from ${shown(address)} failed within a second`,
      { retryAfterMs: 1000 - elapsed },
    );
  }

  #forgetOldest(): void {
    const oldest = this.#failures.keys().next();
    if (!oldest.done) this.#failures.delete(oldest.value);
  }
}
