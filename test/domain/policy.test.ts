/** The rules of policies: which values are in force, how long the k-th lock lasts, and what an update does. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import {
  BUILT_IN_POLICY,
  combinePolicies,
  decidePolicy,
  evolvePolicy,
  lockDurationOf,
  type Policy,
  type PolicyValues,
  type StoredPolicy,
  type UpdatePolicy,
} from "../../src/domain/policy.ts";
import { runs } from "./support/soak.ts";

const NOW = Date.UTC(2026, 0, 1);
const CONTEXT = { actor: "key:a", via: "test", scope: null, validateOnly: false };
const DAY_MS = 86_400_000;

function update(values: PolicyValues, cleared: readonly string[] = Object.keys(values), more = {}): UpdatePolicy {
  return { type: "UpdatePolicy", policyId: "acme", values, cleared, context: CONTEXT, ...more };
}

function apply(
  before: StoredPolicy | undefined,
  command: Parameters<typeof decidePolicy>[1],
): StoredPolicy | undefined {
  const decision = decidePolicy(before, command, NOW);
  assert.ok(decision.ok);
  return decision.events.reduce<StoredPolicy | undefined>(
    (policy, event) => evolvePolicy(policy, event, "acme"),
    before,
  );
}

describe("P27 the duration of the k-th lock", () => {
  const TABLE: readonly [
    lockMs: number,
    growth: number,
    maxMs: number,
    permanentAfter: number,
    ...(number | null)[],
  ][] = [
    [60_000, 1, DAY_MS, 0, 60_000, 60_000, 60_000],
    [60_000, 2, DAY_MS, 0, 60_000, 120_000, 240_000, 480_000],
    [60_000, 2, 200_000, 0, 60_000, 120_000, 200_000, 200_000],
    [60_000, 2, 30_000, 0, 30_000, 30_000],
    [1_000, 1.1, DAY_MS, 0, 1_000, 1_100, 1_210, 1_331, 1_465, 1_611],
    [1_000, 1.3, DAY_MS, 0, 1_000, 1_300, 1_690, 2_197],
    [10_000, 3, DAY_MS, 3, 10_000, 30_000, null, null],
    [10_000, 3, DAY_MS, 1, null, null],
  ];
  for (const [lockDurationMs, growthFactor, lockDurationMaxMs, permanentAfter, ...expected] of TABLE) {
    test(`${lockDurationMs} ms × ${growthFactor}, at most ${lockDurationMaxMs}, permanent from ${permanentAfter}`, () => {
      const policy: Policy = { ...BUILT_IN_POLICY, lockDurationMs, growthFactor, lockDurationMaxMs, permanentAfter };
      assert.deepEqual(
        expected.map((_, index) => lockDurationOf(policy, index + 1)),
        expected,
      );
    });
  }

  test("P12 never overflows, never shrinks, never exceeds the cap", () => {
    fc.assert(
      fc.property(
        fc.record({
          lockDurationMs: fc.integer({ min: 1_000, max: 3_650 * DAY_MS }),
          growthFactor: fc.double({ min: 1, max: 100, noNaN: true }),
          lockDurationMaxMs: fc.integer({ min: 1_000, max: 3_650 * DAY_MS }),
        }),
        fc.integer({ min: 1, max: 100_000 }),
        (values, k) => {
          const policy = { ...BUILT_IN_POLICY, ...values };
          const [here, next] = [lockDurationOf(policy, k), lockDurationOf(policy, k + 1)];
          assert.ok(here !== null && next !== null && Number.isSafeInteger(here));
          assert.ok(here >= 1_000 && here <= values.lockDurationMaxMs && next >= here);
        },
      ),
      runs(500),
    );
  });
});

describe("policies", () => {
  test("are combined value by value, the later ones winning", () => {
    const instance: PolicyValues = { attemptsMax: { PASSWORD: 3, OTP: 4 }, growthFactor: 2, revokeSessions: true };
    const own: PolicyValues = { attemptsMax: { OTP: 0 }, revokeSessions: false };
    assert.deepEqual(combinePolicies(), BUILT_IN_POLICY);
    assert.deepEqual(combinePolicies(undefined, instance, own), {
      ...BUILT_IN_POLICY,
      attemptsMax: { ...BUILT_IN_POLICY.attemptsMax, PASSWORD: 3, OTP: 0 },
      growthFactor: 2,
      revokeSessions: false,
    });
  });

  test("are changed by what is set and what is cleared; the rest stays", () => {
    const first = apply(
      undefined,
      update({ attemptsMax: { OTP: 2, PASSWORD: 1 }, growthFactor: 2, permanentAfter: 3 }),
    );
    assert.deepEqual(first?.values, { attemptsMax: { PASSWORD: 1, OTP: 2 }, growthFactor: 2, permanentAfter: 3 });
    const second = apply(first, update({ growthFactor: 3 }, ["growthFactor", "attemptsMax.OTP"]));
    assert.deepEqual(second?.values, { attemptsMax: { PASSWORD: 1 }, growthFactor: 3, permanentAfter: 3 });
    const third = apply(second, update({}, ["attemptsMax.PASSWORD", "growthFactor", "permanentAfter"]));
    assert.deepEqual([third?.values, third?.sequence], [{}, 3]);
  });

  test("that would be the same make no event, in whatever order they are named", () => {
    const first = apply(
      undefined,
      update({ permanentAfter: 3, growthFactor: 2, attemptsMax: { OTP: 1, PASSWORD: 2 } }),
    );
    const again = update({ attemptsMax: { PASSWORD: 2, OTP: 1 }, growthFactor: 2, permanentAfter: 3 });
    assert.deepEqual(decidePolicy(first, again, NOW), { ok: true, events: [] });
    assert.deepEqual(decidePolicy(undefined, { type: "ResetPolicy", policyId: "acme", context: CONTEXT }, NOW), {
      ok: true,
      events: [],
    });
    const reset = apply(first, { type: "ResetPolicy", policyId: "acme", context: CONTEXT });
    assert.deepEqual([reset?.values, reset?.sequence], [{}, 2]);
  });

  test("P19 are refused under another sequence, and with a cap below the duration", () => {
    const stale = decidePolicy(undefined, update({ growthFactor: 2 }, [], { expectedSequence: 1 }), NOW);
    assert.equal(!stale.ok && stale.refusal.reason, "SEQUENCE_MISMATCH");
    const capped = apply(undefined, update({ lockDurationMaxMs: 5_000 }));
    const tooLong = decidePolicy(capped, update({ lockDurationMs: 6_000 }), NOW);
    assert.equal(!tooLong.ok && tooLong.refusal.fields[0]?.field, "values.lock_duration_max");
    assert.deepEqual(apply(capped, update({ lockDurationMs: 5_000 }))?.values, {
      lockDurationMaxMs: 5_000,
      lockDurationMs: 5_000,
    });
  });
});
