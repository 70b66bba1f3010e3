/** Commands on attempts within a batch: the counter, the attempt and the user that it may lock, decided together. */
import {
  type Attempt,
  type AttemptAnswer,
  type AttemptCommand,
  type AttemptCounter,
  type AttemptOutcome,
  type AttemptSubject,
  attemptsLeft,
  type BeginAttempt,
  type CompleteAttempt,
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
  NO_ATTEMPTS,
  type PolicyLock,
  type RecordAttempt,
  release,
  reserve,
  type SettleAttempts,
  settleCounter,
  toRestriction,
} from "../../domain/attempt.ts";
import type { CommandContext } from "../../domain/command.ts";
import { userNotFound } from "../../domain/decide.ts";
import { SYSTEM_ACTOR, type UserEvent } from "../../domain/event.ts";
import { evolveState } from "../../domain/evolve.ts";
import { combinePolicies, type Factor, INSTANCE_POLICY_ID, type Policy } from "../../domain/policy.ts";
import { type Refusal, refuse, shown } from "../../domain/refusal.ts";
import { settle } from "../../domain/settle.ts";
import { existsFor, type UserState } from "../../domain/user.ts";
import { toSubjectKey } from "../sqlite/attempt-rows.ts";
import type { AttemptEntry, CounterEntry, UserEntry, WorkingSet } from "./working-set.ts";

/** What the commands of an organization's users are decided by. */
export function policyOf(set: WorkingSet, organizationId: string): Policy {
  return combinePolicies(set.policy(INSTANCE_POLICY_ID).policy?.values, set.policy(organizationId).policy?.values);
}

/** What a command on attempts came to, before it is written. */
export type AttemptTrial =
  | { readonly ok: false; readonly refusal: Refusal }
  | {
      readonly ok: true;
      readonly answer: AttemptAnswer;
      /** The user whom `own` happened to; absent: nothing did, or to a shadow. */
      readonly locked?: { readonly entry: UserEntry; readonly due: readonly UserEvent[]; readonly own: UserEvent };
      /** Whose row stands for the command where no user's does. */
      readonly entry: CounterEntry | AttemptEntry;
      readonly isChanged: boolean;
      readonly apply: () => void;
    };

export function decideAttempt(set: WorkingSet, command: AttemptCommand, now: number): AttemptTrial {
  switch (command.type) {
    case "BeginAttempt":
      return begin(set, command, now);
    case "RecordAttempt":
      return record(set, command, now);
    case "CompleteAttempt":
      return complete(set, command, now);
    case "SettleAttempts": {
      const trial = Trial.of(set, command, now);
      return trial instanceof Trial ? trial.end("SETTLED") : forget(set, command, now);
    }
    default:
      return command satisfies never;
  }
}

function begin(set: WorkingSet, command: BeginAttempt, now: number): AttemptTrial {
  const trial = Trial.of(set, command, now);
  if (!(trial instanceof Trial)) return trial;
  const entry = set.attempt(command.attemptId);
  if (entry.attempt !== undefined) {
    const unlike = unlikeRefusal(entry.attempt, command, trial.life);
    if (unlike !== undefined) return reject(unlike);
    const { outcome, endTime } = entry.attempt;
    if (outcome !== "OUTSTANDING" || endTime <= now) return reject(settledRefusal(entry.attempt));
    return trial.mayTry ? trial.end("ADMITTED", { endTime }) : trial.end("DENIED");
  }
  if (!trial.mayTry) return trial.end("DENIED");
  if (!trial.hasRoom) {
    trial.lockIfOver();
    return trial.end(trial.mayTry ? "WAITING" : "DENIED");
  }
  if (command.yields === true) return trial.end("WAITING");
  const endTime = trial.reserve(command.attemptId);
  trial.note(
    entry,
    newAttempt(command, { life: trial.life, beginTime: now, endTime, outcome: "OUTSTANDING", settleTime: null }),
  );
  return trial.end("ADMITTED", { endTime });
}

function record(set: WorkingSet, command: RecordAttempt, now: number): AttemptTrial {
  const trial = Trial.of(set, command, now);
  if (!(trial instanceof Trial)) return trial;
  const outcome = trial.settle(command.succeeded);
  const times = { life: trial.life, beginTime: now, endTime: now, settleTime: now };
  trial.note(set.attempt(command.attemptId), newAttempt(command, { ...times, outcome }));
  return trial.end("SETTLED");
}

function complete(set: WorkingSet, command: CompleteAttempt, now: number): AttemptTrial {
  const entry = set.attempt(command.attemptId);
  const { attempt } = entry;
  const { scope } = command.context;
  const isSeen = attempt !== undefined && (scope === null || scope === attempt.organizationId);
  if (!isSeen || isOfFormerPerson(set, attempt) || isNobodysSuccess(command, attempt)) {
    const text = `there is no attempt with the id ${shown(command.attemptId)}`;
    return reject(refuse("ATTEMPT_NOT_FOUND", text, { metadata: { attemptId: command.attemptId } }));
  }
  if (attempt.outcome !== "OUTSTANDING" || attempt.endTime <= now) return reject(settledRefusal(attempt));
  const trial = Trial.of(set, { ...command, ...attempt }, now);
  if (!(trial instanceof Trial)) return trial;
  const outcome = trial.settle(command.succeeded, attempt.id);
  trial.note(entry, { ...attempt, outcome, settleTime: now });
  return trial.end("SETTLED");
}

/** The id is used again: what was begun for the person before signs nobody in and counts for nobody. */
function isOfFormerPerson(set: WorkingSet, { subject, factor, life }: Attempt): boolean {
  return set.counter(subject, factor).counter.life !== life;
}

/** Who was unknown when it began did not prove to be anybody, also if somebody has the name by now. */
function isNobodysSuccess({ succeeded }: CompleteAttempt, { subject }: Attempt): boolean {
  return succeeded && "shadow" in subject;
}

/** The user is gone: nothing is left to count, and nothing is to be found due again. */
function forget(set: WorkingSet, { subject, factor }: SettleAttempts, now: number): AttemptTrial {
  const entry = set.counter(subject, factor);
  const user = makeUp(entry.id, "", now);
  const apply = (): void => {
    entry.counter = { ...NO_ATTEMPTS, life: entry.counter.life };
    entry.isChanged = true;
  };
  const of = { counterId: entry.id, factor };
  const answer: AttemptAnswer = { ...of, result: "SETTLED", user, attemptsLeft: undefined, locked: false, now };
  return { ok: true, answer, entry, isChanged: true, apply };
}

function reject(refusal: Refusal): Extract<AttemptTrial, { ok: false }> {
  return { ok: false, refusal };
}

function newAttempt(
  { attemptId: id, subject, organizationId, factor, ip, userAgent, context }: BeginAttempt | RecordAttempt,
  more: Pick<Attempt, "life" | "beginTime" | "endTime" | "outcome" | "settleTime">,
): Attempt {
  return { id, subject, organizationId, factor, ip, userAgent, createdBy: context.actor, ...more };
}

/** The id was given to another attempt, or by somebody else, or for a former person. */
function unlikeRefusal(
  attempt: Attempt,
  { attemptId, subject, factor, context }: BeginAttempt,
  life: number,
): Refusal | undefined {
  const isSame =
    toSubjectKey(attempt.subject) === toSubjectKey(subject) &&
    attempt.factor === factor &&
    attempt.life === life &&
    attempt.createdBy === context.actor;
  if (isSame) return undefined;
  return refuse("ATTEMPT_ID_REUSED", `attempt_id: ${shown(attemptId)} belongs to another attempt; make a new UUID`, {
    metadata: { attemptId },
    fields: [{ field: "attempt_id", description: "belongs to another attempt; make a new UUID" }],
  });
}

function settledRefusal({ id, outcome, endTime }: Attempt): Refusal {
  const metadata = { attemptId: id, outcome: outcome === "OUTSTANDING" ? "EXPIRED" : outcome };
  if (outcome !== "OUTSTANDING" && outcome !== "EXPIRED") {
    return refuse("ATTEMPT_SETTLED", `the attempt ${shown(id)} was completed before: ${outcome}`, { metadata });
  }
  const end = new Date(endTime).toISOString();
  return refuse("ATTEMPT_EXPIRED", `the attempt ${shown(id)} was to be completed before ${end}; it counts as failed`, {
    metadata,
  });
}

interface TrialOf {
  readonly subject: AttemptSubject;
  readonly organizationId?: string;
  readonly factor: Factor;
  readonly life?: number;
  readonly restrictionId: string;
  readonly context: CommandContext;
}

/** One command's view of a subject: reads settle it, steps change it, `end` tells what is to be written. */
class Trial {
  readonly #now: number;
  readonly #command: TrialOf;
  readonly #policy: Policy;
  readonly #counterEntry: CounterEntry;
  readonly #userEntry: UserEntry | undefined;
  readonly #due: readonly UserEvent[];
  readonly #before: AttemptCounter;
  #user: UserState;
  #counter: AttemptCounter;
  #own: UserEvent | undefined;
  #noted: { readonly entry: AttemptEntry; readonly attempt: Attempt } | undefined;
  readonly #expiredIds: string[] = [];

  private constructor(
    set: WorkingSet,
    command: TrialOf,
    now: number,
    known: { readonly entry?: UserEntry; readonly due: readonly UserEvent[]; readonly user: UserState },
  ) {
    this.#now = now;
    this.#command = command;
    this.#userEntry = known.entry;
    this.#due = known.due;
    this.#user = known.user;
    this.#policy = policyOf(set, known.user.organizationId);
    this.#counterEntry = set.counter(command.subject, command.factor);
    this.#before = this.#counterEntry.counter;
    this.#counter = this.#before;
    this.#take(settleCounter(this.#counter, this.#policy, command.factor, now));
  }

  static of(set: WorkingSet, command: TrialOf, now: number): Trial | Extract<AttemptTrial, { ok: false }> {
    const { subject, organizationId, context, factor } = command;
    if ("shadow" in subject) {
      const { shadowState } = set.counter(subject, factor);
      const made = shadowState ?? makeUp(subject.shadow, organizationId ?? "", now);
      return new Trial(set, command, now, { due: [], user: settle(made, now).state });
    }
    const entry = set.user(subject.userId);
    const settled = entry.state && settle(entry.state, now);
    const isElsewhere = organizationId !== undefined && settled?.state.organizationId !== organizationId;
    const isAnother = command.life !== undefined && command.life !== set.counter(subject, factor).counter.life;
    if (settled === undefined || !existsFor(settled.state, context) || isElsewhere || isAnother) {
      return reject(userNotFound(subject.userId));
    }
    return new Trial(set, command, now, { entry, due: settled.events, user: settled.state });
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

  /** Answers until when. */
  reserve(id: string): number {
    const reserved = reserve(this.#counter, this.#policy, id, this.#now);
    // Where nothing is limited, nothing need be counted.
    if (this.#policy.attemptsMax[this.#command.factor] > 0) this.#counter = reserved;
    return reserved.outstanding.at(-1)?.endTime ?? this.#now;
  }

  lockIfOver(): void {
    this.#take(lockIfOver(this.#counter, this.#policy, this.#command.factor, this.#now));
  }

  /** Attempts of who may not act neither count nor forget, but what was admitted before that and fails has been a guess. */
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

  note(entry: AttemptEntry, attempt: Attempt): void {
    this.#noted = { entry, attempt };
  }

  end(result: AttemptAnswer["result"], more: { readonly endTime?: number } = {}): AttemptTrial {
    const { factor } = this.#command;
    const ends = this.#counter.outstanding.map(({ endTime }) => endTime);
    const answer: AttemptAnswer = {
      result,
      // Who waits in another life waits for nothing that this one frees.
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
    // One command locks once: what fills the limit a second time was admitted before the first lock.
    if (this.#own === undefined) this.#lock(lock);
    else this.#counter = { ...counter, locks: counter.locks - 1 };
  }

  /** The event is the service's own: nobody asked for it. */
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

/** What an unknown user would be, for who must not be told that there is none. */
function makeUp(id: string, organizationId: string, now: number): UserState {
  const times = { creationTime: now, changeTime: now };
  return { id, organizationId, deleted: false, sequence: 1, epoch: 1, restrictions: [], ...times };
}
