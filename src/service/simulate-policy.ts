/** SimulatePolicy: replays recorded attempts under another policy with the very rules that count real ones. */
import {
  type Attempt,
  type AttemptCounter,
  type Counted,
  countFailure,
  countSuccess,
  hasRoom,
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
  const replay = new Replay(await store.now());
  for (let after: string | undefined; ; ) {
    const page = await store.listAttempts({ ...query, pageSize: PAGE_SIZE, ...(after === undefined ? {} : { after }) });
    for (const attempt of page.items) replay.begin(attempt, await policyOf(attempt.organizationId));
    if (replay.attemptCount > ATTEMPTS_MAX) {
      throw new RefusalError(searchTooBroad(`the period has more than ${ATTEMPTS_MAX} attempts; shorten it`));
    }
    after = page.next;
    if (after === undefined) return replay.end();
  }
}

/** An attempt that was let in and has not come to its end in the replay. */
interface Open {
  readonly key: string;
  readonly userId: string;
  readonly factor: Factor;
  readonly succeeded: boolean;
  readonly settleTime: number;
  readonly policy: Policy;
  /** It would have been admitted at once; the others would have waited. */
  readonly hasPlace: boolean;
}

/** Attempts begin in one order and are settled in another: both are kept, as the gate met them. */
class Replay implements Simulation {
  readonly locks: (PolicyLock & { readonly userId: string; readonly factor: Factor })[] = [];
  lockCount = 0;
  attemptCount = 0;
  refusedCount = 0;
  readonly #now: number;
  readonly #counters = new Map<string, AttemptCounter>();
  /** In the order of their ends. */
  readonly #open: Open[] = [];
  /** By user: until when, in milliseconds since the epoch. */
  readonly #lockedUntil = new Map<string, number>();
  /** The same by counter: who waits is not admitted any more when the counter locks. */
  readonly #fullUntil = new Map<string, number>();

  constructor(now: number) {
    this.#now = now;
  }

  /** The next attempt in the order of beginnings. */
  begin(attempt: Attempt, policy: Policy): void {
    const { subject, factor, outcome, beginTime, endTime } = attempt;
    const isUnderWay = outcome === "OUTSTANDING" && endTime > this.#now;
    // Who is unknown locks nobody; what was denied or is under way says nothing of the credential.
    if (!("userId" in subject) || outcome === "DENIED" || isUnderWay) return;
    this.#settleUntil(beginTime);
    this.attemptCount++;
    const { userId } = subject;
    if (beginTime < (this.#lockedUntil.get(userId) ?? 0)) {
      this.refusedCount++;
      return;
    }
    const settleTime = attempt.settleTime ?? endTime;
    const key = `${factor} ${userId}`;
    // What was only reported needs no place.
    const hasPlace = endTime === beginTime || this.#hasRoom(key, policy, factor, beginTime);
    const open = { key, userId, factor, succeeded: outcome === "SUCCEEDED", settleTime, policy, hasPlace };
    const index = this.#open.findLastIndex((each) => each.settleTime <= settleTime);
    this.#open.splice(index + 1, 0, open);
  }

  end(): this {
    this.#settleUntil(Number.POSITIVE_INFINITY);
    return this;
  }

  #hasRoom(key: string, policy: Policy, factor: Factor, now: number): boolean {
    const { counter } = settleCounter(this.#counters.get(key) ?? NO_ATTEMPTS, policy, factor, now);
    const places = this.#open.filter((each) => each.key === key && each.hasPlace);
    const outstanding = places.map(({ settleTime: endTime }) => ({ id: "", endTime }));
    return hasRoom({ ...counter, outstanding }, policy, factor);
  }

  #settleUntil(time: number): void {
    const settled = this.#open.findIndex(({ settleTime }) => settleTime > time);
    for (const open of this.#open.splice(0, settled < 0 ? this.#open.length : settled)) this.#settle(open);
  }

  #settle({ key, userId, factor, succeeded, settleTime: now, policy, hasPlace }: Open): void {
    if (!hasPlace && now < (this.#fullUntil.get(key) ?? 0)) {
      this.refusedCount++;
      return;
    }
    const { counter } = settleCounter(this.#counters.get(key) ?? NO_ATTEMPTS, policy, factor, now);
    const counted: Pick<Counted, "counter" | "lock"> = succeeded
      ? { counter: countSuccess(counter, policy) }
      : countFailure(counter, { policy, factor, now });
    this.#counters.set(key, counted.counter);
    if (counted.lock !== undefined) this.#lock(key, userId, factor, counted.lock);
  }

  #lock(key: string, userId: string, factor: Factor, lock: PolicyLock): void {
    this.lockCount++;
    // One that holds already, by another factor, is not shortened.
    const end = Math.max(lock.expireTime ?? Number.POSITIVE_INFINITY, this.#lockedUntil.get(userId) ?? 0);
    this.#lockedUntil.set(userId, end);
    this.#fullUntil.set(key, end);
    const expireTime = end === Number.POSITIVE_INFINITY ? null : end;
    if (this.locks.length < LOCKS_TOLD_MAX) this.locks.push({ ...lock, expireTime, userId, factor });
  }
}
