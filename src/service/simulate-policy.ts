/** SimulatePolicy: replays recorded attempts under another policy with the very rules that count real ones. */
import {
  type Attempt,
  type AttemptCounter,
  type Counted,
  countFailure,
  countSuccess,
  NO_ATTEMPTS,
  type PolicyLock,
  settleCounter,
} from "../domain/attempt.ts";
import type { Factor, Policy } from "../domain/policy.ts";
import { RefusalError, searchTooBroad } from "../domain/refusal.ts";
import type { AttemptQuery, Store } from "../store/store.ts";

/** The most attempts that one simulation replays. */
const ATTEMPTS_MAX = 200_000;
const LOCKS_TOLD_MAX = 1_000;
const PAGE_SIZE = 5_000;

export interface Simulation {
  readonly locks: readonly (PolicyLock & { readonly userId: string; readonly factor: Factor })[];
  readonly lockCount: number;
  readonly attemptCount: number;
  readonly refusedCount: number;
}

/** Rejects with SEARCH_TOO_BROAD for a period with more attempts than are replayed. */
export async function simulatePolicy(
  store: Store,
  query: Omit<AttemptQuery, "pageSize" | "after">,
  policyOf: (organizationId: string) => Promise<Policy>,
): Promise<Simulation> {
  const replay = new Replay();
  for (let after: string | undefined; ; ) {
    const page = await store.listAttempts({ ...query, pageSize: PAGE_SIZE, ...(after === undefined ? {} : { after }) });
    for (const attempt of page.items) replay.add(attempt, await policyOf(attempt.organizationId));
    if (replay.attemptCount > ATTEMPTS_MAX) {
      throw new RefusalError(searchTooBroad("the simulation", ATTEMPTS_MAX, "shorten the period"));
    }
    after = page.next;
    if (after === undefined) return replay;
  }
}

class Replay implements Simulation {
  readonly locks: (PolicyLock & { readonly userId: string; readonly factor: Factor })[] = [];
  lockCount = 0;
  attemptCount = 0;
  refusedCount = 0;
  readonly #counters = new Map<string, AttemptCounter>();
  /** By user: until when, in milliseconds since the epoch. */
  readonly #lockedUntil = new Map<string, number>();

  add({ subject, factor, outcome, beginTime, settleTime }: Attempt, policy: Policy): void {
    // Who is unknown locks nobody; what was denied or is under way says nothing of the credential.
    if (!("userId" in subject) || outcome === "OUTSTANDING" || outcome === "DENIED") return;
    this.attemptCount++;
    const { userId } = subject;
    if (beginTime < (this.#lockedUntil.get(userId) ?? 0)) {
      this.refusedCount++;
      return;
    }
    const now = settleTime ?? beginTime;
    const key = `${factor} ${userId}`;
    const { counter } = settleCounter(this.#counters.get(key) ?? NO_ATTEMPTS, policy, factor, now);
    const counted: Pick<Counted, "counter" | "lock"> =
      outcome === "SUCCEEDED"
        ? { counter: countSuccess(counter, policy) }
        : countFailure(counter, { policy, factor, now });
    this.#counters.set(key, counted.counter);
    if (counted.lock !== undefined) this.#lock(userId, factor, counted.lock);
  }

  #lock(userId: string, factor: Factor, lock: PolicyLock): void {
    this.lockCount++;
    if (this.locks.length < LOCKS_TOLD_MAX) this.locks.push({ ...lock, userId, factor });
    this.#lockedUntil.set(userId, lock.expireTime ?? Number.POSITIVE_INFINITY);
  }
}
