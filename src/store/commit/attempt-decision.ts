/** Decides one command on attempts: the counter, the attempt and the user that it may lock change together. */
import {
  type Attempt,
  type AttemptAnswer,
  type AttemptCounter,
  type AttemptOutcome,
  type AttemptSubject,
  attemptsLeft,
  type Counted,
  countFailure,
  countLateFailure,
  countSuccess,
  hasRoom,
  isLockedBy,
  keptUntil,
  lockCauseOf,
  lockIfOver,
  mayTry,
  type PolicyLock,
  release,
  reserve,
  settleCounter,
  toRestriction,
} from "../../domain/attempt.ts";
import type { CommandContext } from "../../domain/command.ts";
import { userNotFound } from "../../domain/decide.ts";
import { SYSTEM_ACTOR, type UserEvent } from "../../domain/event.ts";
import { evolveState } from "../../domain/evolve.ts";
import { combinePolicies, type Factor, INSTANCE_POLICY_ID, type Policy } from "../../domain/policy.ts";
import type { Refusal } from "../../domain/refusal.ts";
import { settle } from "../../domain/settle.ts";
import { existsFor } from "../../domain/sight.ts";
import type { UserState } from "../../domain/user.ts";
import { counterKey, type Entry } from "./entries.ts";
import type { WorkingSet } from "./working-set.ts";

/** Returns the policy that applies to the users of an organization. */
export function policyOf(set: WorkingSet, organizationId: string): Policy {
  return combinePolicies(
    set.get({ kind: "policy", id: INSTANCE_POLICY_ID }).policy?.values,
    set.get({ kind: "policy", id: organizationId }).policy?.values,
  );
}

/** A decided command on attempts, before it is written. */
export type DecidedAttempt =
  | { readonly ok: false; readonly refusal: Refusal }
  | {
      readonly ok: true;
      readonly answer: AttemptAnswer;
      /** The user that `own` is about; absent if there is no event, or the subject is a shadow. */
      readonly locked?: { readonly entry: Entry<"user">; readonly due: readonly UserEvent[]; readonly own: UserEvent };
      /** The entry whose row records the command when there is no user event. */
      readonly entry: Entry<"counter"> | Entry<"attempt">;
      readonly isChanged: boolean;
      readonly apply: () => void;
    };

interface DecisionSubject {
  readonly subject: AttemptSubject;
  readonly organizationId?: string;
  readonly factor: Factor;
  readonly life?: number;
  readonly restrictionId: string;
  readonly context: CommandContext;
}

/** One command's view of a subject: `of` settles it, the steps change it, and `finish` returns the result. */
export class AttemptDecision {
  readonly #now: number;
  readonly #command: DecisionSubject;
  readonly #policy: Policy;
  readonly #counterEntry: Entry<"counter">;
  readonly #userEntry: Entry<"user"> | undefined;
  readonly #due: readonly UserEvent[];
  readonly #before: AttemptCounter;
  #user: UserState;
  #counter: AttemptCounter;
  #own: UserEvent | undefined;
  #noted: { readonly entry: Entry<"attempt">; readonly attempt: Attempt } | undefined;
  readonly #expiredIds: string[] = [];

  private constructor(
    set: WorkingSet,
    command: DecisionSubject,
    now: number,
    known: { readonly entry?: Entry<"user">; readonly due: readonly UserEvent[]; readonly user: UserState },
  ) {
    this.#now = now;
    this.#command = command;
    this.#userEntry = known.entry;
    this.#due = known.due;
    this.#user = known.user;
    this.#policy = policyOf(set, known.user.organizationId);
    this.#counterEntry = set.get(counterKey(command.subject, command.factor));
    this.#before = this.#counterEntry.counter;
    this.#counter = this.#before;
    this.#take(settleCounter(this.#counter, this.#policy, command.factor, now));
  }

  static of(
    set: WorkingSet,
    command: DecisionSubject,
    now: number,
  ): AttemptDecision | Extract<DecidedAttempt, { ok: false }> {
    const { subject, organizationId, context, factor } = command;
    if ("shadow" in subject) {
      const { shadowState } = set.get(counterKey(subject, factor));
      const made = shadowState ?? toUnknownUser(subject.shadow, organizationId ?? "", now);
      return new AttemptDecision(set, command, now, { due: [], user: settle(made, now).state });
    }
    const entry = set.get({ kind: "user", id: subject.userId });
    const settled = entry.state && settle(entry.state, now);
    const isElsewhere = organizationId !== undefined && settled?.state.organizationId !== organizationId;
    const isAnother = command.life !== undefined && command.life !== set.get(counterKey(subject, factor)).counter.life;
    if (settled === undefined || !existsFor(settled.state, context) || isElsewhere || isAnother) {
      return reject(userNotFound(subject.userId));
    }
    return new AttemptDecision(set, command, now, { entry, due: settled.events, user: settled.state });
  }

  get life(): number {
    return this.#before.life;
  }

  get mayTry(): boolean {
    return mayTry(this.#user, this.#command.factor);
  }

  get hasRoom(): boolean {
    return hasRoom(this.#counter, this.#policy, this.#command.factor);
  }

  /** Reserves a place and returns its end. */
  reserve(id: string): number {
    const reserved = reserve(this.#counter, this.#policy, id, this.#now);
    // Without a limit there is nothing to count.
    if (this.#policy.attemptsMax[this.#command.factor] > 0) this.#counter = reserved;
    return reserved.outstanding.at(-1)?.endTime ?? this.#now;
  }

  lockIfOver(): void {
    this.#take(lockIfOver(this.#counter, this.#policy, this.#command.factor, this.#now));
  }

  /**
   * Attempts of a locked user neither count nor reset. An attempt admitted before the lock that fails is still a guess.
   */
  settle(succeeded: boolean, id?: string): AttemptOutcome {
    const isIdle = !this.mayTry && (succeeded || id === undefined);
    const { factor } = this.#command;
    if (isIdle) this.#counter = release(this.#counter, id);
    else if (id !== undefined && !succeeded && isLockedBy(this.#user, lockCauseOf(factor))) {
      this.#counter = countLateFailure(this.#counter, this.#policy, factor, id, this.#now);
    } else if (succeeded) this.#counter = countSuccess(this.#counter, this.#policy, id);
    else {
      const how = { policy: this.#policy, factor, now: this.#now };
      this.#take(countFailure(this.#counter, id === undefined ? how : { ...how, id }));
    }
    if (isIdle) return "DENIED";
    return succeeded ? "SUCCEEDED" : "FAILED";
  }

  note(entry: Entry<"attempt">, attempt: Attempt): void {
    this.#noted = { entry, attempt };
  }

  finish(result: AttemptAnswer["result"], more: { readonly endTime?: number } = {}): DecidedAttempt {
    const { factor } = this.#command;
    const ends = this.#counter.outstanding.map(({ endTime }) => endTime);
    const answer: AttemptAnswer = {
      result,
      // A place that this life frees is of no use to callers that wait for another life of the same id.
      counterId: `${this.#counterEntry.id} ${this.life}`,
      factor,
      user: this.#user,
      attemptsLeft: attemptsLeft(this.#counter, this.#policy, factor),
      ...(result === "WAITING" && ends.length > 0 ? { nextEndTime: Math.min(...ends) } : {}),
      ...more,
      locked: this.#own !== undefined,
      now: this.#now,
    };
    const isCounterChanged = this.#counter !== this.#before || this.#own !== undefined;
    const [own, entry] = [this.#own, this.#userEntry];
    return {
      ok: true,
      answer,
      ...(own !== undefined && entry !== undefined ? { locked: { entry, due: this.#due, own } } : {}),
      entry: this.#noted?.entry ?? this.#counterEntry,
      isChanged: isCounterChanged || this.#noted !== undefined,
      apply: () => this.#apply(isCounterChanged),
    };
  }

  #apply(isCounterChanged: boolean): void {
    if (isCounterChanged) {
      this.#counterEntry.counter = this.#counter;
      const isShadow = this.#userEntry === undefined;
      const how = { policy: this.#policy, factor: this.#command.factor, now: this.#now };
      this.#counterEntry.shadowState = isShadow ? this.#user : undefined;
      this.#counterEntry.keptUntil = isShadow ? keptUntil(this.#counter, this.#user, how) : undefined;
      this.#counterEntry.expiredIds.push(...this.#expiredIds);
      this.#counterEntry.isChanged = true;
    }
    if (this.#noted !== undefined) {
      this.#noted.entry.attempt = this.#noted.attempt;
      this.#noted.entry.isChanged = true;
    }
  }

  #take({ counter, lock, expiredIds }: Counted): void {
    this.#counter = counter;
    this.#expiredIds.push(...expiredIds);
    if (lock === undefined) return;
    // One command locks once: a second lock would come from attempts that were admitted before the first.
    if (this.#own === undefined) this.#lock(lock);
    else this.#counter = { ...counter, locks: counter.locks - 1 };
  }

  /** The actor of the event is the service: no caller asked for it. */
  #lock(lock: PolicyLock): void {
    const { restrictionId, factor } = this.#command;
    const ofCause = lockCauseOf(factor);
    const present = this.#user.restrictions.find(({ kind, cause }) => kind === "LOCK" && cause === ofCause);
    const restriction = toRestriction(lock, present, { id: restrictionId, factor, policy: this.#policy });
    const event: UserEvent = {
      type: "UserLocked",
      time: this.#now,
      actor: SYSTEM_ACTOR,
      data: {
        restriction,
        ...(present === undefined ? {} : { replacedId: present.id }),
        sessionsRevoked: restriction.revokeSessions,
      },
      personal: {},
    };
    this.#own = event;
    this.#user = evolveState(this.#user, event, this.#user.id, this.#user.organizationId);
  }
}

/** Returns the state that stands in for an unknown user, so that its absence stays concealed. */
export function toUnknownUser(id: string, organizationId: string, now: number): UserState {
  const times = { creationTime: now, changeTime: now };
  return { id, organizationId, deleted: false, sequence: 1, epoch: 1, restrictions: [], ...times };
}

/** Returns the refusal as a decided command. */
export function reject(refusal: Refusal): Extract<DecidedAttempt, { ok: false }> {
  return { ok: false, refusal };
}
