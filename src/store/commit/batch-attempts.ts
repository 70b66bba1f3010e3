/** Commands on attempts within a batch. */
import {
  type Attempt,
  type AttemptAnswer,
  type AttemptCommand,
  type BeginAttempt,
  type CompleteAttempt,
  NO_ATTEMPTS,
  type RecordAttempt,
  type SettleAttempts,
} from "../../domain/attempt.ts";
import { type Refusal, refuse, shown } from "../../domain/refusal.ts";
import { toSubjectKey } from "../rows/subject-key.ts";
import { AttemptDecision, type DecidedAttempt, reject, toUnknownUser } from "./attempt-decision.ts";
import { counterKey } from "./entries.ts";
import type { WorkingSet } from "./working-set.ts";

/** Decides a command on attempts. */
export function decideAttempt(set: WorkingSet, command: AttemptCommand, now: number): DecidedAttempt {
  switch (command.type) {
    case "BeginAttempt":
      return begin(set, command, now);
    case "RecordAttempt":
      return record(set, command, now);
    case "CompleteAttempt":
      return complete(set, command, now);
    case "SettleAttempts": {
      const decision = AttemptDecision.of(set, command, now);
      return decision instanceof AttemptDecision ? decision.finish("SETTLED") : forget(set, command, now);
    }
    default:
      return command satisfies never;
  }
}

function begin(set: WorkingSet, command: BeginAttempt, now: number): DecidedAttempt {
  const decision = AttemptDecision.of(set, command, now);
  if (!(decision instanceof AttemptDecision)) return decision;
  const entry = set.get({ kind: "attempt", id: command.attemptId });
  if (entry.attempt !== undefined) {
    const unlike = unlikeRefusal(entry.attempt, command, decision.life);
    if (unlike !== undefined) return reject(unlike);
    const { outcome, endTime } = entry.attempt;
    if (outcome !== "OUTSTANDING" || endTime <= now) return reject(settledRefusal(entry.attempt));
    return decision.mayTry ? decision.finish("ADMITTED", { endTime }) : decision.finish("DENIED");
  }
  if (!decision.mayTry) return decision.finish("DENIED");
  if (!decision.hasRoom) {
    decision.lockIfOver();
    return decision.finish(decision.mayTry ? "WAITING" : "DENIED");
  }
  if (command.yields === true) return decision.finish("WAITING");
  const endTime = decision.reserve(command.attemptId);
  decision.note(
    entry,
    newAttempt(command, { life: decision.life, beginTime: now, endTime, outcome: "OUTSTANDING", settleTime: null }),
  );
  return decision.finish("ADMITTED", { endTime });
}

function record(set: WorkingSet, command: RecordAttempt, now: number): DecidedAttempt {
  const decision = AttemptDecision.of(set, command, now);
  if (!(decision instanceof AttemptDecision)) return decision;
  const outcome = decision.settle(command.succeeded);
  const times = { life: decision.life, beginTime: now, endTime: now, settleTime: now };
  decision.note(set.get({ kind: "attempt", id: command.attemptId }), newAttempt(command, { ...times, outcome }));
  return decision.finish("SETTLED");
}

function complete(set: WorkingSet, command: CompleteAttempt, now: number): DecidedAttempt {
  const entry = set.get({ kind: "attempt", id: command.attemptId });
  const { attempt } = entry;
  const { scope } = command.context;
  const isSeen = attempt !== undefined && (scope === null || scope === attempt.organizationId);
  if (!isSeen || isOfFormerPerson(set, attempt) || isNobodysSuccess(command, attempt)) {
    const text = `there is no attempt with the id ${shown(command.attemptId)}`;
    return reject(refuse("ATTEMPT_NOT_FOUND", text, { metadata: { attemptId: command.attemptId } }));
  }
  if (attempt.outcome !== "OUTSTANDING" || attempt.endTime <= now) return reject(settledRefusal(attempt));
  const decision = AttemptDecision.of(set, { ...command, ...attempt }, now);
  if (!(decision instanceof AttemptDecision)) return decision;
  const outcome = decision.settle(command.succeeded, attempt.id);
  decision.note(entry, { ...attempt, outcome, settleTime: now });
  return decision.finish("SETTLED");
}

/**
 * Whether the id has been reused since: an attempt begun for the former person signs nobody in and counts for nobody.
 */
function isOfFormerPerson(set: WorkingSet, { subject, factor, life }: Attempt): boolean {
  return set.get(counterKey(subject, factor)).counter.life !== life;
}

/** Whether an unknown user would succeed: the attempt proves nothing, even if a user has the name by now. */
function isNobodysSuccess({ succeeded }: CompleteAttempt, { subject }: Attempt): boolean {
  return succeeded && "shadow" in subject;
}

/** Empties the counter of a user that no longer exists, so that it is not found due again. */
function forget(set: WorkingSet, { subject, factor }: SettleAttempts, now: number): DecidedAttempt {
  const entry = set.get(counterKey(subject, factor));
  const user = toUnknownUser(entry.id, "", now);
  const apply = (): void => {
    entry.counter = { ...NO_ATTEMPTS, life: entry.counter.life };
    entry.isChanged = true;
  };
  const of = { counterId: entry.id, factor };
  const answer: AttemptAnswer = { ...of, result: "SETTLED", user, attemptsLeft: undefined, locked: false, now };
  return { ok: true, answer, entry, isChanged: true, apply };
}

function newAttempt(
  { attemptId: id, subject, organizationId, factor, ip, userAgent, context }: BeginAttempt | RecordAttempt,
  more: Pick<Attempt, "life" | "beginTime" | "endTime" | "outcome" | "settleTime">,
): Attempt {
  return { id, subject, organizationId, factor, ip, userAgent, createdBy: context.actor, ...more };
}

/** Returns a refusal when the id belongs to another attempt, another caller or a former person. */
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
