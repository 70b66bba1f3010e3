/** SimulatePolicy: replays recorded attempts under another policy with the very rules that count real ones. */
import { setImmediate } from "node:timers/promises";
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
} from "../../domain/attempt.ts";
import type { Factor, Policy } from "../../domain/policy.ts";
import { RefusalError, searchTooBroad } from "../../domain/refusal.ts";
import type { AttemptQuery } from "../../store/queries.ts";
import type { Store } from "../../store/store.ts";

/** The most attempts that one simulation replays. */
const ATTEMPTS_MAX = 200_000;
const LOCKS_TOLD_MAX = 1_000;
const PAGE_SIZE = 1_000;
/** How long a simulation may take, waiting for its turn included. */
const SIMULATION_MS_MAX = 20_000;
/** After so much work at a stretch other calls have their turn. */
const STRETCH_MS = 4;

export interface Simulation {
  readonly locks: readonly (PolicyLock & { readonly userId: string; readonly factor: Factor })[];
  readonly lockCount: number;
  readonly attemptCount: number;
  readonly refusedCount: number;
}

interface SimulationOptions {
  readonly store: Pick<Store, "now" | "listAttempts">;
  readonly query: Omit<AttemptQuery, "pageSize" | "after">;
  /** Asked once for each organization. */
  readonly policyOf: (organizationId: string) => Promise<Policy>;
  /** Aborts when nobody waits for the answer any more. */
  readonly signal?: AbortSignal;
  /** How long it may take, waiting for its turn included; absent: 20 s. */
  readonly maxMs?: number;
}

/** The end of the simulation that asked last: there is one at a time in a process, in the order of asking. */
let lastEnd: Promise<void> = Promise.resolve();

/** Rejects with SEARCH_TOO_BROAD for a period with more attempts than are replayed, or that takes too long. */
export async function simulatePolicy(options: SimulationOptions): Promise<Simulation> {
  const endTime = performance.now() + (options.maxMs ?? SIMULATION_MS_MAX);
  const before = lastEnd;
  const { promise, resolve } = Promise.withResolvers<void>();
  lastEnd = promise;
  try {
    await before;
    return await run(options, new Stretch(options.signal, endTime));
  } finally {
    resolve();
  }
}

async function run({ store, query, policyOf, signal }: SimulationOptions, stretch: Stretch): Promise<Simulation> {
  stretch.assertWanted();
  const replay = new Replay(await store.now(), stretch);
  const policies = new Map<string, Policy>();
  for (let after: string | undefined; ; ) {
    const part = { ...query, pageSize: PAGE_SIZE, ...(after === undefined ? {} : { after }) };
    const page = await store.listAttempts(part, signal === undefined ? {} : { signal });
    stretch.assertWanted();
    for (const attempt of page.items) {
      const policy = policies.get(attempt.organizationId) ?? (await policyOf(attempt.organizationId));
      policies.set(attempt.organizationId, policy);
      await replay.begin(attempt, policy);
    }
    if (replay.attemptCount > ATTEMPTS_MAX) {
      throw new RefusalError(searchTooBroad(`the period has more than ${ATTEMPTS_MAX} attempts; shorten it`));
    }
    after = page.next;
    if (after === undefined) return replay.end();
  }
}

/** Work on the thread that serves every call, interrupted often enough that none of them notices. */
class Stretch {
  readonly #signal: AbortSignal | undefined;
  readonly #lastTime: number;
  #endTime = performance.now() + STRETCH_MS;

  /** `lastTime`: when all stretches must be over, in milliseconds of `performance.now()`. */
  constructor(signal: AbortSignal | undefined, lastTime: number) {
    this.#signal = signal;
    this.#lastTime = lastTime;
  }

  get isOver(): boolean {
    return performance.now() >= this.#endTime;
  }

  /** Throws when nobody waits for the answer any more, or when it takes too long. */
  assertWanted(): void {
    this.#signal?.throwIfAborted();
    if (performance.now() < this.#lastTime) return;
    throw new RefusalError(searchTooBroad("the simulation took too long; shorten the period or ask again later"));
  }

  async pause(): Promise<void> {
    await setImmediate();
    this.assertWanted();
    this.#endTime = performance.now() + STRETCH_MS;
  }
}

/** An attempt that was let in and has not come to its end in the replay. */
interface Open {
  readonly key: string;
  readonly userId: string;
  /** The user in one life. */
  readonly person: string;
  readonly factor: Factor;
  readonly outcome: "SUCCEEDED" | "FAILED" | "EXPIRED";
  readonly settleTime: number;
  /** Its number in the order of beginnings. */
  readonly number: number;
  readonly policy: Policy;
  /** It would have been admitted at once; the others would have waited. */
  readonly hasPlace: boolean;
}

/** A binary heap: the one that ends first is on top; of those that end together, the one that began first. */
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

/** Until when a user is locked, in milliseconds since the epoch, by what the failures were of. */
interface LockEnds {
  signIn: number;
  recovery: number;
}

/** Attempts begin in one order and are settled in another: both are kept, as the gate met them. */
class Replay implements Simulation {
  readonly locks: (PolicyLock & { readonly userId: string; readonly factor: Factor })[] = [];
  lockCount = 0;
  attemptCount = 0;
  refusedCount = 0;
  readonly #now: number;
  readonly #stretch: Stretch;
  readonly #counters = new Map<string, AttemptCounter>();
  readonly #open = new OpenAttempts();
  /** By counter: how many open attempts have a place; none where nothing is limited. */
  readonly #places = new Map<string, number>();
  /** By person. */
  readonly #lockEnds = new Map<string, LockEnds>();
  /** By counter, until when: who waits is not admitted any more when it locks. */
  readonly #fullUntil = new Map<string, number>();

  constructor(now: number, stretch: Stretch) {
    this.#now = now;
    this.#stretch = stretch;
  }

  /** The next attempt in the order of beginnings. */
  async begin(attempt: Attempt, policy: Policy): Promise<void> {
    if (this.#stretch.isOver) await this.#stretch.pause();
    const { subject, factor, beginTime, endTime } = attempt;
    const isUnderWay = attempt.outcome === "OUTSTANDING" && endTime > this.#now;
    // Who is unknown locks nobody; what was denied or is under way says nothing of the credential.
    if (!("userId" in subject) || attempt.outcome === "DENIED" || isUnderWay) return;
    await this.#settleUntil(beginTime);
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
    // What was only reported needs no place.
    const hasPlace = endTime === beginTime || this.#hasRoom(key, policy, factor, beginTime);
    const open: Open = { key, userId, person, factor, outcome, settleTime, number, policy, hasPlace };
    this.#open.add(open);
    this.#countPlace(open, 1);
  }

  async end(): Promise<this> {
    await this.#settleUntil(Number.POSITIVE_INFINITY);
    return this;
  }

  /** As `mayTry` of the domain decides: recovery is shut by its own failures alone. */
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

  /** There are never more than the limit, so they are cheap to list. */
  #countPlace({ key, factor, policy, hasPlace }: Open, change: 1 | -1): void {
    if (!hasPlace || policy.attemptsMax[factor] === 0) return;
    this.#places.set(key, (this.#places.get(key) ?? 0) + change);
  }

  async #settleUntil(time: number): Promise<void> {
    for (let { first } = this.#open; first !== undefined && first.settleTime <= time; { first } = this.#open) {
      if (this.#stretch.isOver) await this.#stretch.pause();
      this.#open.removeFirst();
      this.#countPlace(first, -1);
      this.#settle(first);
    }
  }

  #settle(open: Open): void {
    const { key, person, factor, outcome, settleTime: now, hasPlace } = open;
    const mayTry = this.#mayTry(person, factor, now);
    const isShutOut = !hasPlace && now < (this.#fullUntil.get(key) ?? 0);
    // The gate denies a success that comes while the user is locked, and it forgets no failures.
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
    // Where nothing is limited, nothing is reserved that could run out of time.
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
    // One that holds already, by another factor, is not shortened.
    const end = Math.max(lock.expireTime ?? Number.POSITIVE_INFINITY, ends[kind]);
    ends[kind] = end;
    this.#lockEnds.set(person, ends);
    this.#fullUntil.set(key, end);
    const expireTime = end === Number.POSITIVE_INFINITY ? null : end;
    if (this.locks.length < LOCKS_TOLD_MAX) this.locks.push({ ...lock, expireTime, userId, factor });
  }
}

/** The lock that failures of the factor cause. */
function kindOf(factor: Factor): "signIn" | "recovery" {
  return lockCauseOf(factor) === "RECOVERY" ? "recovery" : "signIn";
}
