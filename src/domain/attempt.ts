/** The rules of attempts: who may try, what counts, what locks. Pure: the caller passes counter and settled user. */
import type { CommandContext } from "./command.ts";
import { type Factor, lockDurationOf, type Policy } from "./policy.ts";
import { endOf, isApart, LATEST_TIME, neverWeaker, type Restriction } from "./restriction.ts";
import { stateOf, type UserState } from "./user.ts";

/** The attempts of one user with one factor. Instants are milliseconds since the epoch, UTC. */
export interface AttemptCounter {
  /** The times of the failures that still count, the oldest first. */
  readonly failures: readonly number[];
  /** Attempts under way, in the order in which they began. */
  readonly outstanding: readonly { readonly id: string; readonly endTime: number }[];
  /** How many locks in a row this counter has caused. */
  readonly locks: number;
  /**
   * Which person with this id is counted: the sequence of the event that re-created the user; 0: the first person.
   * Attempts that began in another life count for nobody.
   */
  readonly life: number;
}

export const NO_ATTEMPTS: AttemptCounter = { failures: [], outstanding: [], locks: 0, life: 0 };

/** Returns whether two counters differ in nothing but the attempts under way. */
export function lastsTheSame(one: AttemptCounter, other: AttemptCounter): boolean {
  return (
    one.locks === other.locks &&
    one.life === other.life &&
    one.failures.length === other.failures.length &&
    one.failures.every((time, index) => time === other.failures[index])
  );
}

/** A lock that a counter causes. */
export interface PolicyLock {
  /** The number of the lock in its row, from 1. */
  readonly number: number;
  readonly startTime: number;
  /** `null`: permanent. */
  readonly expireTime: number | null;
}

/** The reason codes of policy locks. Only failed recoveries lock recovery, so those locks have their own. */
export const FAILED_SIGN_INS = "FAILED_SIGN_INS";
export const FAILED_RECOVERIES = "FAILED_RECOVERIES";

/** Returns the cause of the locks that failures of a factor bring. Each cause is a restriction of its own. */
export function lockCauseOf(factor: Factor): "POLICY" | "RECOVERY" {
  return factor === "RECOVERY" ? "RECOVERY" : "POLICY";
}

/** Returns whether a lock of this cause is in force. */
export function isLockedBy({ restrictions }: Pick<UserState, "restrictions">, ofCause: Restriction["cause"]): boolean {
  return restrictions.some(({ kind, cause, started }) => kind === "LOCK" && cause === ofCause && started);
}

export function lockReasonOf(factor: Factor): string {
  return factor === "RECOVERY" ? FAILED_RECOVERIES : FAILED_SIGN_INS;
}

/** Returns whether a settled user may try a factor now. Recovery stays open to users that other failures locked. */
export function mayTry(user: Pick<UserState, "deleted" | "restrictions">, factor: Factor): boolean {
  const state = stateOf(user);
  if (state !== "LOCKED" || factor !== "RECOVERY") return state === "ACTIVE";
  const locks = user.restrictions.filter(({ kind, started }) => kind === "LOCK" && started);
  return locks.every(({ cause }) => cause === "POLICY");
}

export interface Counted {
  readonly counter: AttemptCounter;
  /** Present when the failures have reached the limit. */
  readonly lock?: PolicyLock;
  /** Attempts that expired and now count as failed. */
  readonly expiredIds: readonly string[];
}

/** Returns the counter at `now`: old failures are forgotten, and expired attempts have failed. */
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

/** Returns whether one more attempt may begin: even if all that are under way fail, it cannot break the limit. */
export function hasRoom({ failures, outstanding }: AttemptCounter, policy: Policy, factor: Factor): boolean {
  const limit = policy.attemptsMax[factor];
  return limit === 0 || failures.length + outstanding.length < limit;
}

/** Locks if a policy that became stricter allows fewer failures: otherwise nobody would ever get a place. */
export function lockIfOver(counter: AttemptCounter, policy: Policy, factor: Factor, now: number): Counted {
  return { ...lockIfFull(counter, policy, factor, now), expiredIds: [] };
}

/** Returns how many attempts are left; `undefined`: there is no limit. */
export function attemptsLeft(counter: AttemptCounter, policy: Policy, factor: Factor): number | undefined {
  const limit = policy.attemptsMax[factor];
  return limit === 0 ? undefined : Math.max(0, limit - counter.failures.length - counter.outstanding.length);
}

/** Takes a place for an attempt. The caller has checked `hasRoom`. */
export function reserve(counter: AttemptCounter, policy: Policy, id: string, now: number): AttemptCounter {
  const endTime = Math.min(now + policy.reservationMs, LATEST_TIME);
  return { ...counter, outstanding: [...counter.outstanding, { id, endTime }] };
}

/** Returns the counter after a failure. `id`: the attempt that was under way; absent for a reported failure. */
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
 * Returns the counter after the failure of an attempt that was admitted before the user was locked. It was a guess and
 * counts, but a locked user is not locked again, so at least one place stays free for the time after the lock.
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

/** Returns the counter after an attempt succeeded. */
export function countSuccess(before: AttemptCounter, policy: Policy, id?: string): AttemptCounter {
  const released = release(before, id);
  return policy.resetOnSuccess ? { ...released, failures: [], locks: 0 } : released;
}

/** Frees the place of an attempt. */
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
 * How long a change gives the counter of an unknown user priority over others. It is the same for all: then the least
 * recently touched counter ends first, whatever the policy, and neither a permanent nor a long lock takes a place
 * forever.
 */
const SHADOW_KEPT_MS = 30 * 86_400_000;

/**
 * Returns until when the counter of an unknown user has priority over others. It has priority if it is locked, or if
 * more than half of the failures that would lock it still count: forgetting it would reveal that the user does not
 * exist. Returns `now` for all others.
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

/** Returns the lock as a restriction. `present`: a restriction of the same cause, which the lock never shortens. */
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
  // A restriction that is scheduled for after the end of this lock is replaced.
  return present === undefined || isApart(imposed, present) ? imposed : neverWeaker(imposed, present);
}

export const ATTEMPT_OUTCOMES = ["OUTSTANDING", "SUCCEEDED", "FAILED", "EXPIRED", "DENIED"] as const;
/** DENIED: the user was not allowed to act, and nothing was counted. */
export type AttemptOutcome = (typeof ATTEMPT_OUTCOMES)[number];

/** A recorded attempt; it is kept for some time, 30 days unless the settings say otherwise. */
export interface Attempt {
  readonly id: string;
  /** The owner of the counter: a user, or the shadow of an unknown user. */
  readonly subject: AttemptSubject;
  readonly organizationId: string;
  readonly factor: Factor;
  /** The life of the counter when the attempt began. */
  readonly life: number;
  readonly beginTime: number;
  readonly endTime: number;
  readonly outcome: AttemptOutcome;
  readonly settleTime: number | null;
  readonly ip: string;
  readonly userAgent: string;
  readonly createdBy: string;
}

/** The subject of an attempt. `shadow`: an unreadable pseudonym for an identifier that nobody has. */
export type AttemptSubject = { readonly userId: string } | { readonly shadow: string };

/** Returns the outcome at `now`: an expired attempt has failed, whether that is written or not. */
export function outcomeAt({ outcome, endTime }: Pick<Attempt, "outcome" | "endTime">, now: number): AttemptOutcome {
  return outcome === "OUTSTANDING" && endTime <= now ? "EXPIRED" : outcome;
}

interface OfSubject {
  readonly attemptId: string;
  readonly subject: AttemptSubject;
  readonly organizationId: string;
  readonly factor: Factor;
  /** The life in which the subject was read; the command is refused in another life. Absent: any. */
  readonly life?: number;
  readonly ip: string;
  readonly userAgent: string;
  /** The id of the lock that the command may cause. */
  readonly restrictionId: string;
  readonly context: CommandContext;
}

export type BeginAttempt = OfSubject & {
  readonly type: "BeginAttempt";
  /** Others wait already: a free place is theirs. */
  readonly yields?: boolean;
};

/** Records an attempt that is over. */
export type RecordAttempt = OfSubject & { readonly type: "RecordAttempt"; readonly succeeded: boolean };

export interface CompleteAttempt {
  readonly type: "CompleteAttempt";
  readonly attemptId: string;
  readonly succeeded: boolean;
  readonly restrictionId: string;
  readonly context: CommandContext;
}

/** Counts the expired attempts of a user; the sweeper's command. */
export interface SettleAttempts {
  readonly type: "SettleAttempts";
  readonly subject: AttemptSubject;
  readonly factor: Factor;
  readonly restrictionId: string;
  readonly context: CommandContext;
}

export type AttemptCommand = BeginAttempt | RecordAttempt | CompleteAttempt | SettleAttempts;

/** The answer of a command on attempts. */
export interface AttemptAnswer {
  /** WAITING: attempts under way fill the limit; nothing was counted. */
  readonly result: "ADMITTED" | "DENIED" | "WAITING" | "SETTLED";
  /** Names the counter; opaque. */
  readonly counterId: string;
  readonly factor: Factor;
  /** The settled user; for a shadow an invented one. */
  readonly user: UserState;
  readonly attemptsLeft: number | undefined;
  /** The earliest end of an attempt under way; present if this attempt must wait. */
  readonly nextEndTime?: number;
  /** When an admitted attempt expires. */
  readonly endTime?: number;
  readonly locked: boolean;
  readonly now: number;
}
