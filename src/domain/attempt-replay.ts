/** Replays recorded attempts under another policy, with the rules that count real attempts. Pure: it has no clock. */
import {
  type Attempt,
  type AttemptCounter,
  type Counted,
  countFailure,
  countLateFailure,
  countSuccess,
  hasRoom,
  lockCauseOf,
  NO_ATTEMPTS,
  type PolicyLock,
  settleCounter,
} from "./attempt.ts";
import type { Factor, Policy } from "./policy.ts";

/** The most locks that a replay lists; `lockCount` counts all. */
const LISTED_LOCKS_MAX = 1_000;

/** What would have happened. */
export interface Simulation {
  readonly locks: readonly (PolicyLock & { readonly userId: string; readonly factor: Factor })[];
  readonly lockCount: number;
  readonly attemptCount: number;
  readonly refusedCount: number;
}

/** An attempt that was admitted and has not ended yet in the replay. */
interface Open {
  readonly key: string;
  readonly userId: string;
  /** The user and its life: a re-created user is another person. */
  readonly person: string;
  readonly factor: Factor;
  readonly outcome: "SUCCEEDED" | "FAILED" | "EXPIRED";
  readonly settleTime: number;
  /** Its number in the order of beginnings. */
  readonly number: number;
  readonly policy: Policy;
  /** The attempt would have been admitted at once; others would have waited. */
  readonly hasPlace: boolean;
}

/** A binary heap: on top is the attempt that ends first; of those that end together, the one that began first. */
class OpenAttempts {
  readonly #heap: Open[] = [];

  get first(): Open | undefined {
    return this.#heap[0];
  }

  add(open: Open): void {
    const heap = this.#heap;
    let index = heap.length;
    while (index > 0) {
      const above = (index - 1) >> 1;
      const parent = heap[above];
      if (parent === undefined || !endsBefore(open, parent)) break;
      heap[index] = parent;
      index = above;
    }
    heap[index] = open;
  }

  removeFirst(): void {
    const heap = this.#heap;
    const last = heap.pop();
    if (last === undefined || heap.length === 0) return;
    for (let index = 0; ; ) {
      const left = 2 * index + 1;
      const child = endsBefore(heap[left + 1], heap[left]) ? left + 1 : left;
      const below = heap[child];
      if (below === undefined || !endsBefore(below, last)) {
        heap[index] = last;
        return;
      }
      heap[index] = below;
      index = child;
    }
  }
}

function endsBefore(one: Open | undefined, other: Open | undefined): boolean {
  if (one === undefined || other === undefined) return false;
  return one.settleTime < other.settleTime || (one.settleTime === other.settleTime && one.number < other.number);
}

/** When the locks of a user end, in milliseconds since the epoch: by failed sign-ins and by failed recoveries. */
interface LockEnds {
  signIn: number;
  recovery: number;
}

/**
 * The replay of one period. Attempts begin in one order and end in another; the replay keeps both orders, as the gate
 * met them. Before each `begin`, and at the end with an infinite time, the owner calls `settleNext` until nothing is
 * left.
 */
export class AttemptReplay implements Simulation {
  readonly locks: (PolicyLock & { readonly userId: string; readonly factor: Factor })[] = [];
  lockCount = 0;
  attemptCount = 0;
  refusedCount = 0;
  readonly #now: number;
  readonly #counters = new Map<string, AttemptCounter>();
  readonly #open = new OpenAttempts();
  /** By counter: how many open attempts have a place; none if the policy has no limit. */
  readonly #places = new Map<string, number>();
  /** By person. */
  readonly #lockEnds = new Map<string, LockEnds>();
  /** By counter, until when it is full: attempts that wait are no longer admitted once the counter locks. */
  readonly #fullUntil = new Map<string, number>();

  /** `now`: milliseconds since the epoch; attempts that are under way then are left out. */
  constructor(now: number) {
    this.#now = now;
  }

  /** Takes the next attempt in the order of beginnings. */
  begin(attempt: Attempt, policy: Policy): void {
    const { subject, factor, beginTime, endTime } = attempt;
    const isUnderWay = attempt.outcome === "OUTSTANDING" && endTime > this.#now;
    // An attempt of an unknown user locks nobody; a denied or open attempt says nothing about the credential.
    if (!("userId" in subject) || attempt.outcome === "DENIED" || isUnderWay) return;
    const number = this.attemptCount++;
    const { userId } = subject;
    const person = `${attempt.life} ${userId}`;
    if (!this.#mayTry(person, factor, beginTime)) {
      this.refusedCount++;
      return;
    }
    const settleTime = attempt.settleTime ?? endTime;
    const outcome = attempt.outcome === "OUTSTANDING" ? "EXPIRED" : attempt.outcome;
    const key = `${factor} ${person}`;
    // A reported attempt needs no place.
    const hasPlace = endTime === beginTime || this.#hasRoom(key, policy, factor, beginTime);
    const open: Open = { key, userId, person, factor, outcome, settleTime, number, policy, hasPlace };
    this.#open.add(open);
    this.#countPlace(open, 1);
  }

  /** Settles one attempt that ends at `time` or before. Returns false if there is none. */
  settleNext(time: number): boolean {
    const { first } = this.#open;
    if (first === undefined || first.settleTime > time) return false;
    this.#open.removeFirst();
    this.#countPlace(first, -1);
    this.#settle(first);
    return true;
  }

  /** The same rule as `mayTry`: only failed recoveries lock recovery. */
  #mayTry(person: string, factor: Factor, now: number): boolean {
    const ends = this.#lockEnds.get(person);
    if (ends === undefined) return true;
    return now >= ends.recovery && (factor === "RECOVERY" || now >= ends.signIn);
  }

  #hasRoom(key: string, policy: Policy, factor: Factor, now: number): boolean {
    const { counter } = settleCounter(this.#counters.get(key) ?? NO_ATTEMPTS, policy, factor, now);
    const place = { id: "", endTime: Number.POSITIVE_INFINITY };
    const outstanding = new Array<typeof place>(this.#places.get(key) ?? 0).fill(place);
    return hasRoom({ ...counter, outstanding }, policy, factor);
  }

  /** There are never more than the limit, so listing them is cheap. */
  #countPlace({ key, factor, policy, hasPlace }: Open, change: 1 | -1): void {
    if (!hasPlace || policy.attemptsMax[factor] === 0) return;
    this.#places.set(key, (this.#places.get(key) ?? 0) + change);
  }

  #settle(open: Open): void {
    const { key, person, factor, outcome, settleTime: now, hasPlace } = open;
    const mayTry = this.#mayTry(person, factor, now);
    const isShutOut = !hasPlace && now < (this.#fullUntil.get(key) ?? 0);
    // The gate denies a success while the user is locked, and then forgets no failures.
    if (isShutOut || (!mayTry && outcome === "SUCCEEDED")) {
      this.refusedCount++;
      return;
    }
    const { counter, lock } = this.#count(open);
    this.#counters.set(key, counter);
    if (lock !== undefined) this.#lock(open, lock);
  }

  #count({ key, person, factor, outcome, settleTime: now, policy }: Open): Pick<Counted, "counter" | "lock"> {
    const before = this.#counters.get(key) ?? NO_ATTEMPTS;
    // Without a limit nothing is reserved, so nothing can expire.
    if (outcome === "EXPIRED" && policy.attemptsMax[factor] > 0) {
      return settleCounter({ ...before, outstanding: [{ id: "", endTime: now }] }, policy, factor, now);
    }
    const { counter } = settleCounter(before, policy, factor, now);
    if (outcome === "SUCCEEDED") return { counter: countSuccess(counter, policy) };
    const isLocked = now < (this.#lockEnds.get(person)?.[kindOf(factor)] ?? 0);
    if (isLocked) return { counter: countLateFailure(counter, policy, factor, "", now) };
    return countFailure(counter, { policy, factor, now });
  }

  #lock({ key, userId, person, factor }: Open, lock: PolicyLock): void {
    this.lockCount++;
    const ends = this.#lockEnds.get(person) ?? { signIn: 0, recovery: 0 };
    const kind = kindOf(factor);
    // A lock that another factor caused is not shortened.
    const end = Math.max(lock.expireTime ?? Number.POSITIVE_INFINITY, ends[kind]);
    ends[kind] = end;
    this.#lockEnds.set(person, ends);
    this.#fullUntil.set(key, end);
    const expireTime = end === Number.POSITIVE_INFINITY ? null : end;
    if (this.locks.length < LISTED_LOCKS_MAX) this.locks.push({ ...lock, expireTime, userId, factor });
  }
}

/** Returns which lock the failures of a factor cause. */
function kindOf(factor: Factor): "signIn" | "recovery" {
  return lockCauseOf(factor) === "RECOVERY" ? "recovery" : "signIn";
}
