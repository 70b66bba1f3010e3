/** The rules of attempts: who may try, what counts, and what locks. Pure: the counter and the settled user are handed in. */
import type { CommandContext } from "./command.ts";
import { type Factor, lockDurationOf, type Policy } from "./policy.ts";
import { endOf, isApart, LATEST_TIME, neverWeaker, type Restriction } from "./restriction.ts";
import { stateOf, type UserState } from "./user.ts";

/** What is known of the attempts of one user with one factor. Instants are milliseconds since the epoch, UTC. */
export interface AttemptCounter {
  /** When attempts failed that still count, the oldest first. */
  readonly failures: readonly number[];
  /** Attempts under way, in the order of their beginnings. */
  readonly outstanding: readonly { readonly id: string; readonly endTime: number }[];
  /** How many locks in a row it has caused. */
  readonly locks: number;
  /**
   * Which person under this id is counted: the sequence of the event that re-created the user; 0: the first one. What
   * was begun in another life counts for nobody.
   */
  readonly life: number;
}

export const NO_ATTEMPTS: AttemptCounter = { failures: [], outstanding: [], locks: 0, life: 0 };

/** A lock that a counter causes. */
export interface PolicyLock {
  /** Its number in a row. */
  readonly number: number;
  readonly startTime: number;
  /** `null`: without end. */
  readonly expireTime: number | null;
}

/** The reason codes of locks by policy: recovery is shut by its own failures alone, so its locks are told apart. */
export const FAILED_SIGN_INS = "FAILED_SIGN_INS";
export const FAILED_RECOVERIES = "FAILED_RECOVERIES";

/** The cause of the locks that failures of the factor bring; each cause is a restriction of its own. */
export function lockCauseOf(factor: Factor): "POLICY" | "RECOVERY" {
  return factor === "RECOVERY" ? "RECOVERY" : "POLICY";
}

/** Whether a lock of the cause holds already. */
export function isLockedBy({ restrictions }: Pick<UserState, "restrictions">, ofCause: Restriction["cause"]): boolean {
  return restrictions.some(({ kind, cause, started }) => kind === "LOCK" && cause === ofCause && started);
}

export function lockReasonOf(factor: Factor): string {
  return factor === "RECOVERY" ? FAILED_RECOVERIES : FAILED_SIGN_INS;
}

/** Whether a settled user may try a factor now. Recovery stays open to who was locked by failures elsewhere. */
export function mayTry(user: Pick<UserState, "deleted" | "restrictions">, factor: Factor): boolean {
  const state = stateOf(user);
  if (state !== "LOCKED" || factor !== "RECOVERY") return state === "ACTIVE";
  const locks = user.restrictions.filter(({ kind, started }) => kind === "LOCK" && started);
  return locks.every(({ cause }) => cause === "POLICY");
}

export interface Counted {
  readonly counter: AttemptCounter;
  /** The failures have reached the limit. */
  readonly lock?: PolicyLock;
  /** Attempts that ran out of time and count as failed now. */
  readonly expiredIds: readonly string[];
}

/** What holds now: failures that are too old are forgotten, attempts that ran out of time have failed. */
export function settleCounter(before: AttemptCounter, policy: Policy, factor: Factor, now: number): Counted {
  const expired = before.outstanding.filter(({ endTime }) => endTime <= now);
  const recent = before.failures.filter((time) => time > now - policy.countingWindowMs);
  if (expired.length === 0 && recent.length === before.failures.length) return { counter: before, expiredIds: [] };
  const counter = {
    ...before,
    failures: [...recent, ...expired.map(() => now)],
    outstanding: before.outstanding.filter(({ endTime }) => endTime > now),
  };
  return { ...lockIfFull(counter, policy, factor, now), expiredIds: expired.map(({ id }) => id) };
}

/** Whether one more may be under way: by itself it could not break the limit even if all that are should fail. */
export function hasRoom({ failures, outstanding }: AttemptCounter, policy: Policy, factor: Factor): boolean {
  const limit = policy.attemptsMax[factor];
  return limit === 0 || failures.length + outstanding.length < limit;
}

/** Locks where a policy that became stricter has left more failures than it allows; nobody would ever get a place. */
export function lockIfOver(counter: AttemptCounter, policy: Policy, factor: Factor, now: number): Counted {
  return { ...lockIfFull(counter, policy, factor, now), expiredIds: [] };
}

/** How many attempts are left; `undefined`: there is no limit. */
export function attemptsLeft(counter: AttemptCounter, policy: Policy, factor: Factor): number | undefined {
  const limit = policy.attemptsMax[factor];
  return limit === 0 ? undefined : Math.max(0, limit - counter.failures.length - counter.outstanding.length);
}

/** Takes a place for an attempt; `hasRoom` was asked before. */
export function reserve(counter: AttemptCounter, policy: Policy, id: string, now: number): AttemptCounter {
  const endTime = Math.min(now + policy.reservationMs, LATEST_TIME);
  return { ...counter, outstanding: [...counter.outstanding, { id, endTime }] };
}

/** The counter after an attempt failed; `id`: the one that was under way, absent for what is only reported. */
export function countFailure(
  before: AttemptCounter,
  {
    policy,
    factor,
    id,
    now,
  }: { readonly policy: Policy; readonly factor: Factor; readonly id?: string; readonly now: number },
): Counted {
  const released = release(before, id);
  if (policy.attemptsMax[factor] === 0) return { counter: released, expiredIds: [] };
  return { ...lockIfFull({ ...released, failures: [...released.failures, now] }, policy, factor, now), expiredIds: [] };
}

/**
 * The counter after an attempt failed that had been admitted before the user was locked: it was a guess and counts, but
 * what is locked is not locked once more, so at least one place stays for when the lock is over.
 */
export function countLateFailure(
  before: AttemptCounter,
  policy: Policy,
  factor: Factor,
  id: string,
  now: number,
): AttemptCounter {
  const released = release(before, id);
  const kept = policy.attemptsMax[factor] - 1;
  return kept <= 0 ? released : { ...released, failures: [...released.failures, now].slice(-kept) };
}

/** The counter after an attempt succeeded. */
export function countSuccess(before: AttemptCounter, policy: Policy, id?: string): AttemptCounter {
  const released = release(before, id);
  return policy.resetOnSuccess ? { ...released, failures: [], locks: 0 } : released;
}

/** Gives the place of an attempt back. */
export function release(counter: AttemptCounter, id: string | undefined): AttemptCounter {
  if (id === undefined) return counter;
  return { ...counter, outstanding: counter.outstanding.filter((each) => each.id !== id) };
}

function lockIfFull(counter: AttemptCounter, policy: Policy, factor: Factor, now: number): Omit<Counted, "expiredIds"> {
  const limit = policy.attemptsMax[factor];
  if (limit === 0 || counter.failures.length < limit) return { counter };
  const number = counter.locks + 1;
  const durationMs = lockDurationOf(policy, number);
  const expireTime = durationMs === null ? null : Math.min(now + durationMs, LATEST_TIME);
  return { counter: { ...counter, failures: [], locks: number }, lock: { number, startTime: now, expireTime } };
}

/**
 * How long a change keeps the counter of an unknown user before others. One length for all: then the least recently
 * touched one ends first, whatever the policy, and neither a lock without end nor a long one takes a place for good.
 */
const SHADOW_KEPT_MS = 30 * 86_400_000;

/**
 * Until when the counter of an unknown user is kept before others. It is if it is locked, or if more than half of the
 * failures that would lock it still count: forgetting it would reveal that nobody is there. Returns `now` for the rest.
 */
export function keptUntil(
  { failures, outstanding }: AttemptCounter,
  { restrictions }: Pick<UserState, "restrictions">,
  { policy, factor, now }: { readonly policy: Policy; readonly factor: Factor; readonly now: number },
): number {
  const limit = policy.attemptsMax[factor];
  const isAboveHalf = limit > 0 && 2 * (failures.length + outstanding.length) > limit;
  const isLocked = restrictions.some((restriction) => endOf(restriction) > now);
  return isAboveHalf || isLocked ? Math.min(now + SHADOW_KEPT_MS, LATEST_TIME) : now;
}

/** The lock as a restriction. `present`: one of the same cause, which is never shortened by it. */
export function toRestriction(
  lock: PolicyLock,
  present: Restriction | undefined,
  { id, factor, policy }: { readonly id: string; readonly factor: Factor; readonly policy: Policy },
): Omit<Restriction, "note" | "actor"> {
  const imposed = {
    id,
    kind: "LOCK",
    cause: lockCauseOf(factor),
    reasonCode: lockReasonOf(factor),
    startTime: lock.startTime,
    expireTime: lock.expireTime,
    started: true,
    revokeSessions: policy.revokeSessions,
  } as const;
  // One that is scheduled for later than this lock lasts gives way to it.
  return present === undefined || isApart(imposed, present) ? imposed : neverWeaker(imposed, present);
}

export const ATTEMPT_OUTCOMES = ["OUTSTANDING", "SUCCEEDED", "FAILED", "EXPIRED", "DENIED"] as const;
/** DENIED: the user might not act, and nothing was counted. */
export type AttemptOutcome = (typeof ATTEMPT_OUTCOMES)[number];

/** One attempt as it is kept, 30 days. */
export interface Attempt {
  readonly id: string;
  /** Whose counter: a user's id, or the shadow of one who is unknown. */
  readonly subject: AttemptSubject;
  readonly organizationId: string;
  readonly factor: Factor;
  /** That of the counter when it began. */
  readonly life: number;
  readonly beginTime: number;
  readonly endTime: number;
  readonly outcome: AttemptOutcome;
  readonly settleTime: number | null;
  readonly ip: string;
  readonly userAgent: string;
  readonly createdBy: string;
}

/** `shadow`: what stands for an identifier that nobody has, made unreadable. */
export type AttemptSubject = { readonly userId: string } | { readonly shadow: string };

/** The outcome at `now`: an attempt that ran out of time has failed, written or not. */
export function outcomeAt({ outcome, endTime }: Pick<Attempt, "outcome" | "endTime">, now: number): AttemptOutcome {
  return outcome === "OUTSTANDING" && endTime <= now ? "EXPIRED" : outcome;
}

/** How attempts are kept. */
export const ATTEMPT_KEPT_MS = 30 * 86_400_000;

interface OfSubject {
  readonly attemptId: string;
  readonly subject: AttemptSubject;
  readonly organizationId: string;
  readonly factor: Factor;
  /** The life in which the subject was looked up; refused in another one. Absent: any. */
  readonly life?: number;
  readonly ip: string;
  readonly userAgent: string;
  /** The id that a lock gets, should this cause one. */
  readonly restrictionId: string;
  readonly context: CommandContext;
}

export type BeginAttempt = OfSubject & {
  readonly type: "BeginAttempt";
  /** Others wait already: a place that is free is theirs. */
  readonly yields?: boolean;
};

/** What has happened already. */
export type RecordAttempt = OfSubject & { readonly type: "RecordAttempt"; readonly succeeded: boolean };

export interface CompleteAttempt {
  readonly type: "CompleteAttempt";
  readonly attemptId: string;
  readonly succeeded: boolean;
  readonly restrictionId: string;
  readonly context: CommandContext;
}

/** Counts the attempts of a user that ran out of time; the sweeper's command. */
export interface SettleAttempts {
  readonly type: "SettleAttempts";
  readonly subject: AttemptSubject;
  readonly factor: Factor;
  readonly restrictionId: string;
  readonly context: CommandContext;
}

export type AttemptCommand = BeginAttempt | RecordAttempt | CompleteAttempt | SettleAttempts;

/** What a command on attempts came to. */
export interface AttemptAnswer {
  /** WAITING: attempts under way fill the limit; nothing was counted. */
  readonly result: "ADMITTED" | "DENIED" | "WAITING" | "SETTLED";
  /** Names the counter; nothing can be read from it. */
  readonly counterId: string;
  readonly factor: Factor;
  /** The user, settled; a shadow's is made up. */
  readonly user: UserState;
  readonly attemptsLeft: number | undefined;
  /** The earliest end of an attempt under way, where this one has to wait. */
  readonly nextEndTime?: number;
  /** Until when an admitted one is to be completed. */
  readonly endTime?: number;
  readonly locked: boolean;
  readonly now: number;
}
