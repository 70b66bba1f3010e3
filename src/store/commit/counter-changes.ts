/** Changes the attempt counters of a user that is re-created or unlocked. */
import { NO_ATTEMPTS } from "../../domain/attempt.ts";
import { FACTORS } from "../../domain/policy.ts";
import { toSubjectKey } from "../rows/subject-key.ts";
import { policyOf } from "./attempt-decision.ts";
import { counterKey, type Entry } from "./entries.ts";
import type { WorkingSet } from "./working-set.ts";

/**
 * Resets the counters of a user re-created at `now`: a new person with the same id inherits no failures and no places.
 */
export function beginLife(set: WorkingSet, { id, state }: Entry<"user">, now: number): void {
  for (const factor of FACTORS) {
    const entry = set.get(counterKey({ userId: id }, factor));
    for (const place of entry.counter.outstanding) {
      const begun = set.get({ kind: "attempt", id: place.id });
      if (begun.attempt === undefined) continue;
      begun.attempt = { ...begun.attempt, outcome: "DENIED", settleTime: now };
      begun.isChanged = true;
    }
    entry.counter = { ...NO_ATTEMPTS, life: state?.sequence ?? 0 };
    entry.isChanged = true;
  }
}

/** Resets the failures of a user that an administrator unlocked, if the policy says so. */
export function forgetFailures(set: WorkingSet, userId: string, organizationId: string): void {
  if (!policyOf(set, organizationId).resetOnUnlock) return;
  const subject = { userId };
  // Most users have no counter: one question tells, where one for each factor would cost more than the whole command.
  const { factors } = set.get({ kind: "countedFactors", id: toSubjectKey(subject) });
  for (const factor of FACTORS) {
    const key = counterKey(subject, factor);
    const entry = set.held(key) ?? (factors.includes(factor) ? set.get(key) : undefined);
    if (entry === undefined) continue;
    if (entry.counter.failures.length === 0 && entry.counter.locks === 0) continue;
    entry.counter = { ...entry.counter, failures: [], locks: 0 };
    entry.isChanged = true;
  }
}
