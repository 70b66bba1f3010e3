/** Converts rows of attempts, counters and policies to domain objects and back. */
import { type Attempt, type AttemptCounter, type AttemptOutcome, NO_ATTEMPTS } from "../../domain/attempt.ts";
import { networkKeyOf, toAddressNumber } from "../../domain/network.ts";
import type { Factor, PolicyValues, StoredPolicy } from "../../domain/policy.ts";
import type { UserState } from "../../domain/user.ts";
import type { DueCounter } from "../upkeep/sweeper.ts";
import type { AttemptCounterTable, AttemptPlacesTable, AttemptTable, PolicyTable } from "./schema.ts";
import { toSubject, toSubjectKey } from "./subject-key.ts";

/** Each of the two rows may be missing. `places`: the column of attempt_places. */
export function toCounter(
  row: Pick<AttemptCounterTable, "failures" | "locks" | "life"> | undefined,
  places: string | undefined,
): AttemptCounter {
  const outstanding = toOutstanding(places);
  if (row === undefined) return { ...NO_ATTEMPTS, outstanding };
  return { failures: JSON.parse(row.failures) as number[], outstanding, locks: row.locks, life: row.life };
}

const NO_PLACES: AttemptCounter["outstanding"] = [];

/** `places`: the column; null or `undefined`: there is no row. */
export function toOutstanding(places: string | null | undefined): AttemptCounter["outstanding"] {
  if (places === null || places === undefined) return NO_PLACES;
  return (JSON.parse(places) as (readonly [id: string, endTime: number])[]).map(([id, endTime]) => ({ id, endTime }));
}

/** Reads the state that stands in for an unknown user; `undefined`: the counter is a user's, or has none yet. */
export function toShadowState({ shadow_state }: Pick<AttemptCounterTable, "shadow_state">): UserState | undefined {
  return shadow_state ? (JSON.parse(shadow_state) as UserState) : undefined;
}

export interface CounterOwner {
  readonly subject: string;
  readonly factor: Factor;
  readonly shadowState: UserState | undefined;
  readonly keptUntil: number | undefined;
}

export function toCounterRow(
  { failures, locks, life }: AttemptCounter,
  { subject, factor, shadowState, keptUntil }: CounterOwner,
  now: number,
): AttemptCounterTable {
  return {
    subject,
    factor,
    failures: JSON.stringify(failures),
    locks,
    life,
    shadow_state: shadowState === undefined ? null : JSON.stringify(shadowState),
    touch_time: keptUntil ?? now,
  };
}

/** Returns the row of the attempts under way. `outstanding` is not empty. */
export function toPlacesRow(
  { outstanding }: Pick<AttemptCounter, "outstanding">,
  { subject, factor }: Pick<CounterOwner, "subject" | "factor">,
): AttemptPlacesTable {
  return {
    subject,
    factor,
    places: JSON.stringify(outstanding.map(({ id, endTime }) => [id, endTime])),
    next_due: Math.min(...outstanding.map(({ endTime }) => endTime)),
  };
}

export function toAttempt(row: AttemptTable): Attempt {
  return {
    id: row.id,
    subject: toSubject(row.subject),
    organizationId: row.organization_id,
    factor: row.factor as Factor,
    life: row.life,
    beginTime: row.begin_time,
    endTime: row.end_time,
    outcome: row.outcome as AttemptOutcome,
    settleTime: row.settle_time,
    ip: row.ip,
    userAgent: row.user_agent,
    createdBy: row.created_by,
  };
}

export function toAttemptRow(attempt: Attempt): AttemptTable {
  const address = toAddressNumber(attempt.ip);
  return {
    id: attempt.id,
    subject: toSubjectKey(attempt.subject),
    organization_id: attempt.organizationId,
    factor: attempt.factor,
    life: attempt.life,
    begin_time: attempt.beginTime,
    end_time: attempt.endTime,
    outcome: attempt.outcome,
    settle_time: attempt.settleTime,
    ip: attempt.ip,
    network: address === undefined ? null : networkKeyOf(address),
    user_agent: attempt.userAgent,
    created_by: attempt.createdBy,
  };
}

export function toStoredPolicy(row: PolicyTable): StoredPolicy {
  return {
    id: row.id,
    values: JSON.parse(row.policy_values) as PolicyValues,
    sequence: row.sequence,
    creationTime: row.creation_time,
    changeTime: row.change_time,
  };
}

export function toPolicyRow(policy: StoredPolicy, lastPosition: number): PolicyTable {
  return {
    id: policy.id,
    policy_values: JSON.stringify(policy.values),
    sequence: policy.sequence,
    creation_time: policy.creationTime,
    change_time: policy.changeTime,
    last_position: lastPosition,
  };
}

export function toDueCounter({ subject, factor }: Pick<AttemptCounterTable, "subject" | "factor">): DueCounter {
  return { subject: toSubject(subject), factor: factor as Factor };
}
