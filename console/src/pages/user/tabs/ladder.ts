/** The row of growing locks that a policy imposes, and which of them a lock is. */
import type { Duration } from "@bufbuild/protobuf/wkt";
import type { PolicyValues } from "../../../../../gen/lockkeeper/policy/v1/policy_service_pb.ts";
import type { Restriction } from "../../../../../gen/lockkeeper/resource/v1/restriction_pb.ts";
import { millisOf } from "../../../wire/time.ts";

/** A place in the row, from 1. */
export interface LadderStep {
  readonly step: number;
  /** The first of the longest locks in the row; undefined: they grow without an end. */
  readonly last: number | undefined;
}

/** A lock is made in whole milliseconds. */
const TOLERANCE = 0.01;

/** Returns a length in seconds. */
export function secondsOf(duration: Duration | undefined): number {
  return duration === undefined ? 0 : Number(duration.seconds) + duration.nanos / 1e9;
}

/**
 * Returns which lock in the row one is, from its length: min(lock_duration × growth_factor^(k−1), lock_duration_max). Undefined
 * if the length does not say so: locks do not grow, or the policy was another one then.
 */
export function ladderStepOf(lock: Restriction, policy: PolicyValues): LadderStep | undefined {
  const [start, end] = [millisOf(lock.startTime), millisOf(lock.expireTime)];
  const growth = policy.growthFactor ?? 1;
  const [first, longest] = [secondsOf(policy.lockDuration), secondsOf(policy.lockDurationMax)];
  if (start === undefined || growth <= 1 || first <= 0) return undefined;
  const stepOf = (seconds: number): number => 1 + Math.log(seconds / first) / Math.log(growth);
  const permanent = policy.permanentAfter || undefined;
  const last = permanent ?? (longest > first ? Math.ceil(stepOf(longest) - TOLERANCE) : undefined);
  if (end === undefined) return permanent === undefined ? undefined : { step: permanent, last };
  const seconds = (end - start) / 1_000;
  const step = stepOf(seconds);
  // At the longest it may be any later lock in the row.
  if (seconds >= longest || step < 1 - TOLERANCE || Math.abs(step - Math.round(step)) > TOLERANCE) return undefined;
  return { step: Math.round(step), last };
}
