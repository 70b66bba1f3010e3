/** Operations on sign-ins: who may act now, who may try, and what was tried. */

import type { Attempt } from "../../domain/attempt.ts";
import {
  type AttemptAnswer,
  type AttemptSubject,
  attemptsLeft,
  type CompleteAttempt,
  type RecordAttempt,
} from "../../domain/attempt.ts";
import { identifierNotFound, userNotFound } from "../../domain/decide.ts";
import type { Factor } from "../../domain/policy.ts";
import { RefusalError, refuse } from "../../domain/refusal.ts";
import { LATEST_TIME } from "../../domain/restriction.ts";
import { existsFor } from "../../domain/sight.ts";
import type { UserState } from "../../domain/user.ts";
import type { AttemptQuery, Page, ReadOptions, SignInKey } from "../../store/queries.ts";
import type { Store } from "../../store/store.ts";
import type { AttemptQueue } from "./attempt-waiters.ts";
import { type Caller, contextOf, execute, readScope, type WaitingCaller, writeOrganization } from "./caller.ts";
import { type Period, periodOf } from "./period.ts";
import { effectivePolicy } from "./policies.ts";

/** The person who wants to sign in, as the caller names them. */
export type SubjectName = { readonly userId: string } | { readonly identifier: string };

/** An attempt as a caller reports or begins it. */
export interface AttemptOf {
  readonly subject: SubjectName;
  /** The organization of the subject; empty: any in the caller's scope. */
  readonly organizationId: string;
  readonly factor: Factor;
  readonly ip: string;
  readonly userAgent: string;
}

/** What decides whether a user may act now. */
export interface SignInDecision {
  /** Settled. */
  readonly user: UserState;
  /** How many attempts are left before a lock; `undefined`: there is no limit. */
  readonly attemptsLeft: number | undefined;
  readonly now: number;
}

/** A list of attempts as a caller requests it. */
export type AttemptList = Omit<AttemptQuery, keyof Period> & Partial<Period>;

/** Every method rejects with RefusalError, or with what `refusalOf` knows. */
export interface SignInOperations {
  /** The upper half of every revocation epoch. */
  readonly generation: number;
  /** `undefined`: the user does not exist within the scope. */
  checkSignIn(key: SignInKey, scope: string | null): Promise<SignInDecision | undefined>;
  /** Waits for a place as long as the caller does. `userId` is absent if the subject is unknown. */
  beginAttempt(
    attempt: AttemptOf & { readonly attemptId: string },
    caller: WaitingCaller,
  ): Promise<{ readonly answer: AttemptAnswer; readonly userId?: string }>;
  completeAttempt(attempt: Pick<CompleteAttempt, "attemptId" | "succeeded">, caller: Caller): Promise<AttemptAnswer>;
  /** Records an attempt that is over. */
  recordAttempt(attempt: AttemptOf & Pick<RecordAttempt, "succeeded">, caller: Caller): Promise<AttemptAnswer>;
  /** Absent ends of the period: all attempts that are kept. */
  listAttempts(query: AttemptList, options?: ReadOptions): Promise<Page<Attempt>>;
}

const ALL_TIME: Period = { startTime: Number.MIN_SAFE_INTEGER, endTime: LATEST_TIME + 1 };

interface Parts {
  readonly store: Store;
  readonly newId: () => string;
  readonly attempts: AttemptQueue;
}

export function signInOperations({ store, newId, attempts }: Parts): SignInOperations {
  /** Returns the common part of commands on a subject. */
  const ofSubject = async (attempt: AttemptOf, caller: Caller) => ({
    ...(await findSubject(store, attempt, caller)),
    factor: attempt.factor,
    ip: attempt.ip,
    userAgent: attempt.userAgent,
    restrictionId: newId(),
    context: contextOf(caller, { scope: readScope(caller.admission.actor, attempt.organizationId) }),
  });

  return {
    generation: store.generation,
    async checkSignIn(key, scope) {
      const view = await store.readSignIn(key);
      if (view === undefined || !existsFor(view.user, { scope })) return undefined;
      const { user, counter, policy, now } = view;
      return { user, now, attemptsLeft: attemptsLeft(counter, policy, key.factor) };
    },

    async beginAttempt(attempt, caller) {
      const common = await ofSubject(attempt, caller);
      const command = { type: "BeginAttempt", attemptId: attempt.attemptId, ...common } as const;
      const answer = await attempts.begin(command, caller);
      return "userId" in common.subject ? { answer, userId: common.subject.userId } : { answer };
    },

    async completeAttempt({ attemptId, succeeded }, caller) {
      const command = { attemptId, succeeded, restrictionId: newId(), context: contextOf(caller) };
      const answer = await execute<CompleteAttempt>(store, { type: "CompleteAttempt", ...command }, caller);
      attempts.settled(answer);
      return answer;
    },

    async recordAttempt(attempt, caller) {
      const common = await ofSubject(attempt, caller);
      const { succeeded } = attempt;
      const command = { type: "RecordAttempt", attemptId: newId(), succeeded, ...common } as const;
      const answer = await execute<RecordAttempt>(store, command, caller);
      attempts.settled(answer);
      return answer;
    },

    listAttempts: async (query, options) => store.listAttempts({ ...query, ...periodOf(query, ALL_TIME) }, options),
  };
}

interface Found {
  readonly subject: AttemptSubject;
  readonly organizationId: string;
  /** The user's life; absent for shadows. */
  readonly life?: number;
}

/**
 * Returns the user, or the shadow that stands in for an unknown user when existence is concealed. Known and unknown
 * users take the same steps: one read of the user and one of the policy.
 */
async function findSubject(store: Store, attempt: AttemptOf, { admission: { actor } }: Caller): Promise<Found> {
  const { subject, factor } = attempt;
  const scope = readScope(actor, attempt.organizationId);
  const fallback = writeOrganization(actor, attempt.organizationId);
  const isTyped = "identifier" in subject;
  const userId = isTyped ? await identify(store, fallback, subject.identifier) : subject.userId;
  const view = await store.readSignIn({ userId, factor });
  const isThere = view !== undefined && existsFor(view.user, { scope });
  const organizationId = isThere ? view.user.organizationId : fallback;
  const { concealUnknown } = await effectivePolicy(store, organizationId);
  if (isThere) return { subject: { userId }, organizationId, life: view.counter.life };
  if (!concealUnknown) throw new RefusalError(isTyped ? identifierNotFound() : userNotFound(userId));
  return { subject: { shadow: await store.shadowOf(organizationId, subject) }, organizationId };
}

/** Returns the id of the user with this identifier; empty: there is none. Throws IDENTIFIER_AMBIGUOUS. */
async function identify(store: Store, organizationId: string, identifier: string): Promise<string> {
  const [userId = "", ...others] = await store.findByIdentifier(organizationId, identifier);
  if (others.length === 0) return userId;
  throw new RefusalError(
    refuse("IDENTIFIER_AMBIGUOUS", "several users have this username or email address; name the user by user_id"),
  );
}
