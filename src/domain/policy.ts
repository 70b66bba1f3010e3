/** Policies: how many failed sign-ins lock a user, and for how long. Their values, rules, commands and events. */
import type { CommandContext } from "./command.ts";
import { type Refusal, refuseField, sequenceMismatch } from "./refusal.ts";

/** The credential that a person signs in with. The failures of each factor are counted separately. */
export const FACTORS = ["PASSWORD", "OTP", "PASSKEY", "BACKUP_CODE", "RECOVERY"] as const;
export type Factor = (typeof FACTORS)[number];

export interface Policy {
  /** How many failures lock; 0: failures never lock. */
  readonly attemptsMax: Readonly<Record<Factor, number>>;
  /** How long a failure counts. */
  readonly countingWindowMs: number;
  readonly lockDurationMs: number;
  /** How many times as long as the previous one each further lock in a row lasts. */
  readonly growthFactor: number;
  readonly lockDurationMaxMs: number;
  /** The lock with this number in a row is permanent; 0: none is. */
  readonly permanentAfter: number;
  /** How long an attempt may take; an attempt that is not completed by then counts as failed. */
  readonly reservationMs: number;
  readonly revokeSessions: boolean;
  readonly resetOnSuccess: boolean;
  readonly resetOnUnlock: boolean;
  readonly concealUnknown: boolean;
}

const HOUR_MS = 3_600_000;

/** The policy in force where nothing is set. */
export const BUILT_IN_POLICY: Policy = {
  attemptsMax: { PASSWORD: 10, OTP: 10, PASSKEY: 0, BACKUP_CODE: 10, RECOVERY: 10 },
  countingWindowMs: HOUR_MS,
  lockDurationMs: HOUR_MS,
  growthFactor: 1,
  lockDurationMaxMs: 24 * HOUR_MS,
  permanentAfter: 0,
  reservationMs: 30_000,
  revokeSessions: false,
  resetOnSuccess: true,
  resetOnUnlock: true,
  concealUnknown: false,
};

/** The values that one organization, or the instance, sets; the rest is inherited. */
export type PolicyValues = Partial<Omit<Policy, "attemptsMax">> & {
  readonly attemptsMax?: Partial<Policy["attemptsMax"]>;
};

/** Returns the policy in force from the values of several levels; later ones win. */
export function combinePolicies(...all: readonly (PolicyValues | undefined)[]): Policy {
  let policy = BUILT_IN_POLICY;
  for (const values of all) {
    if (values === undefined) continue;
    // A longer lock without a cap is meant as it stands: the cap of another level must not cut it silently.
    const { lockDurationMs = 0 } = values;
    policy = { ...policy, lockDurationMaxMs: Math.max(policy.lockDurationMaxMs, lockDurationMs) };
    policy = { ...policy, ...values, attemptsMax: { ...policy.attemptsMax, ...values.attemptsMax } };
  }
  return policy;
}

/** Returns how long the lock with this number in a row (from 1) lasts, in milliseconds; `null`: permanent. */
export function lockDurationOf(policy: Policy, number: number): number | null {
  if (policy.permanentAfter > 0 && number >= policy.permanentAfter) return null;
  const durationMs = policy.lockDurationMs * policy.growthFactor ** (number - 1);
  // 1000 × 1.1² is 1210.0000000000002 in binary; the longest lock has 12 digits.
  return Math.min(Math.ceil(Number(durationMs.toPrecision(12))), policy.lockDurationMaxMs);
}

/** The id of the instance's policy; no organization has it. */
export const INSTANCE_POLICY_ID = "";

export interface StoredPolicy {
  /** The id of the organization, or INSTANCE_POLICY_ID. */
  readonly id: string;
  readonly values: PolicyValues;
  readonly sequence: number;
  readonly creationTime: number;
  readonly changeTime: number;
}

export interface UpdatePolicy {
  readonly type: "UpdatePolicy";
  readonly policyId: string;
  readonly values: PolicyValues;
  /** Names of values that are inherited again; those of factors like `attemptsMax.PASSWORD`. */
  readonly cleared: readonly string[];
  readonly expectedSequence?: number;
  readonly context: CommandContext;
}

export interface ResetPolicy {
  readonly type: "ResetPolicy";
  readonly policyId: string;
  readonly expectedSequence?: number;
  readonly context: CommandContext;
}

export type PolicyCommand = UpdatePolicy | ResetPolicy;

export type PolicyEvent = {
  readonly time: number;
  readonly actor: string;
  readonly personal: Readonly<Record<string, string>>;
} & (
  | { readonly type: "PolicyUpdated"; readonly data: { readonly values: PolicyValues } }
  | { readonly type: "PolicyReset"; readonly data: Record<never, never> }
);

export type PolicyDecision =
  | { readonly ok: true; readonly events: readonly PolicyEvent[] }
  | { readonly ok: false; readonly refusal: Refusal };

/** Decides a command on a policy. An update that changes nothing adds no event. */
export function decidePolicy(policy: StoredPolicy | undefined, command: PolicyCommand, now: number): PolicyDecision {
  const envelope = { time: now, actor: command.context.actor, personal: {} };
  const before = policy?.values ?? {};
  const { expectedSequence } = command;
  const sequence = policy?.sequence ?? 0;
  if (expectedSequence !== undefined && expectedSequence !== sequence) {
    const refusal = sequenceMismatch("policy", command.policyId, { expected: expectedSequence, sequence });
    return { ok: false, refusal };
  }
  if (command.type === "ResetPolicy") {
    if (Object.keys(before).length === 0) return { ok: true, events: [] };
    return { ok: true, events: [{ ...envelope, type: "PolicyReset", data: {} }] };
  }
  const values = changeValues(before, command);
  const { lockDurationMs, lockDurationMaxMs } = combinePolicies(values);
  const isCapped = values.lockDurationMs !== undefined && values.lockDurationMaxMs !== undefined;
  if (isCapped && lockDurationMs > lockDurationMaxMs) {
    return { ok: false, refusal: capBelowDuration(lockDurationMs, lockDurationMaxMs) };
  }
  if (JSON.stringify(values) === JSON.stringify(before)) return { ok: true, events: [] };
  return { ok: true, events: [{ ...envelope, type: "PolicyUpdated", data: { values } }] };
}

function capBelowDuration(durationMs: number, maxMs: number): Refusal {
  const description = `is ${maxMs / 1000}s, which is shorter than lock_duration, ${durationMs / 1000}s`;
  return refuseField("values.lock_duration_max", description);
}

const FACTOR_PREFIX = "attemptsMax.";

/** Returns the new values. Their members have a fixed order, so equal values are equal texts. */
function changeValues(before: PolicyValues, { values, cleared }: UpdatePolicy): PolicyValues {
  const limits: Partial<Record<Factor, number>> = {};
  for (const factor of FACTORS) {
    const kept = cleared.includes(FACTOR_PREFIX + factor) ? undefined : before.attemptsMax?.[factor];
    const limit = values.attemptsMax?.[factor] ?? kept;
    if (limit !== undefined) limits[factor] = limit;
  }
  const { attemptsMax: _before, ...old } = before;
  const { attemptsMax: _values, ...set } = values;
  const merged = { ...old, ...set };
  const entries = Object.entries(merged).filter(([name]) => name in set || !cleared.includes(name));
  const sorted = entries.sort(([a], [b]) => (a < b ? -1 : 1));
  return {
    ...(Object.keys(limits).length === 0 ? {} : { attemptsMax: limits }),
    ...(Object.fromEntries(sorted) as PolicyValues),
  };
}

export function evolvePolicy(before: StoredPolicy | undefined, event: PolicyEvent, id: string): StoredPolicy {
  return {
    id,
    values: event.type === "PolicyUpdated" ? event.data.values : {},
    sequence: (before?.sequence ?? 0) + 1,
    creationTime: before?.creationTime ?? event.time,
    changeTime: event.time,
  };
}
