/** P27: the published formula and the observed locks are equal, for a table of policies. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { MessageInitShape } from "@bufbuild/protobuf";
import type { PolicyValuesSchema } from "../../../gen/lockkeeper/policy/v1/policy_service_pb.ts";
import { Factor } from "../../../gen/lockkeeper/resource/v1/factor_pb.ts";
import {
  attempt,
  begin,
  check,
  DAY_MS,
  fail,
  limit,
  record,
  SECOND_MS,
  setPolicy,
  startGate,
  toMs,
} from "../support/sign-ins.ts";

interface Row {
  readonly attemptsMax: number;
  /** Seconds. */
  readonly lock: number;
  readonly growth?: number;
  /** Seconds. */
  readonly max?: number;
  readonly permanentAfter?: number;
  /** How many locks in a row the test observes. */
  readonly locks: number;
}

const ROWS: readonly Row[] = [
  { attemptsMax: 1, lock: 60, locks: 4 },
  { attemptsMax: 3, lock: 60, growth: 2, locks: 8 },
  { attemptsMax: 2, lock: 60, growth: 2, max: 500, locks: 6 },
  { attemptsMax: 2, lock: 1, growth: 1.5, max: 1_000, locks: 8 },
  { attemptsMax: 2, lock: 1, growth: 1.1, max: 1_000, locks: 5 },
  { attemptsMax: 2, lock: 3_600, growth: 100, max: 315_360_000, locks: 6 },
  { attemptsMax: 2, lock: 10, growth: 3, permanentAfter: 4, locks: 4 },
  { attemptsMax: 2, lock: 10, permanentAfter: 1, locks: 1 },
  { attemptsMax: 2, lock: 315_360_000, max: 315_360_000, locks: 2 },
  // The cap that is inherited, 24 hours, is never below the duration that is set.
  { attemptsMax: 2, lock: 172_800, growth: 2, locks: 2 },
  { attemptsMax: 100, lock: 60, growth: 2, locks: 1 },
];

/**
 * As the contract publishes it: min(lock_duration × growth_factor^(k−1), lock_duration_max), in milliseconds, rounded up.
 * In whole numbers: tenths of the factor, so that no rounding of fractions is shared with what is tested.
 */
function published(
  { lock, growth = 1, max = Math.max(86_400, lock), permanentAfter = 0 }: Row,
  k: number,
): number | undefined {
  if (permanentAfter > 0 && k >= permanentAfter) return undefined;
  const scale = 10n ** BigInt(k - 1);
  const scaled = BigInt(lock * 1000) * BigInt(Math.round(growth * 10)) ** BigInt(k - 1);
  const durationMs = (scaled + scale - 1n) / scale;
  return durationMs < BigInt(max * 1000) ? Number(durationMs) : max * 1000;
}

function valuesOf({
  attemptsMax,
  lock,
  growth,
  max,
  permanentAfter,
}: Row): MessageInitShape<typeof PolicyValuesSchema> {
  return {
    limits: limit(attemptsMax),
    lockDuration: { seconds: BigInt(lock) },
    ...(growth === undefined ? {} : { growthFactor: growth }),
    ...(max === undefined ? {} : { lockDurationMax: { seconds: BigInt(max) } }),
    ...(permanentAfter === undefined ? {} : { permanentAfter }),
  };
}

describe("P27 the k-th lock in a row", () => {
  for (const [index, row] of ROWS.entries()) {
    test(`lasts what the formula says: ${JSON.stringify(row)}`, async (t) => {
      const gate = await startGate(t, valuesOf(row));
      const userId = `user-${index}`;
      await gate.users.createUser({ userId });
      for (let k = 1; k <= row.locks; k++) {
        if (row.attemptsMax > 1) {
          let told = await record(gate, false, { userId });
          for (let i = 2; i < row.attemptsMax; i++) told = await record(gate, false, { userId });
          assert.deepEqual([told.locked, told.decision?.attemptsLeft], [false, 1], `before lock ${k}`);
        }
        const { locked, decision } = await attempt(gate, false, { userId });
        assert.equal(locked, true, `lock ${k}`);
        const durationMs = published(row, k);
        const end = toMs(decision?.untilTime);
        assert.equal(end, durationMs === undefined ? undefined : gate.clock.now + durationMs, `lock ${k}`);
        if (end === undefined) {
          gate.clock.advance(10_000 * DAY_MS);
          assert.equal((await check(gate, userId)).allowed, false, "without end");
          assert.equal(decision?.text, "Your account is locked. Please contact support.");
          continue;
        }
        gate.clock.now = end - 1;
        assert.equal((await begin(gate, { userId })).admitted, false, `the last moment of lock ${k}`);
        gate.clock.now = end;
        assert.equal((await check(gate, userId)).allowed, true, `the end of lock ${k}`);
      }
    });
  }

  test("begins a new row after a success and after an unlocking, and in no other way", async (t) => {
    const gate = await startGate(t, { limits: limit(1), lockDuration: { seconds: 10n }, growthFactor: 2 });
    const lockSeconds = async (): Promise<number> => {
      const { decision } = await attempt(gate, false);
      const end = toMs(decision?.untilTime) ?? Number.NaN;
      const seconds = (end - gate.clock.now) / SECOND_MS;
      gate.clock.now = end;
      return seconds;
    };
    assert.deepEqual([await lockSeconds(), await lockSeconds(), await lockSeconds()], [10, 20, 40]);
    gate.clock.advance(30 * DAY_MS);
    assert.equal(await lockSeconds(), 80, "time alone forgives nothing");
    await attempt(gate, true);
    assert.deepEqual([await lockSeconds(), await lockSeconds()], [10, 20]);
    await attempt(gate, false);
    await gate.users.unlockUser({ userId: "ann" });
    assert.equal(await lockSeconds(), 10);
    await attempt(gate, true, { factor: Factor.OTP });
    assert.equal(await lockSeconds(), 20, "a success of another factor");
    await setPolicy(gate, { resetOnSuccess: false, resetOnUnlock: false });
    await attempt(gate, true);
    await gate.users.lockUser({ userId: "ann" });
    await gate.users.unlockUser({ userId: "ann" });
    assert.equal(await lockSeconds(), 40);
  });

  test("is not touched by parameters that have no part in it", async (t) => {
    // Keycloak's permanent mode once took its parameters from the temporary one.
    const gate = await startGate(t, {
      limits: [...limit(2), ...limit(5, Factor.OTP), ...limit(0, Factor.RECOVERY)],
      permanentAfter: 1,
      growthFactor: 100,
      lockDuration: { seconds: 1n },
      lockDurationMax: { seconds: 1n },
    });
    const { decision } = await fail(gate, 2);
    assert.deepEqual([decision?.allowed, decision?.untilTime], [false, undefined]);
    await gate.users.createUser({ userId: "bob" });
    assert.equal((await fail(gate, 4, { userId: "bob", factor: Factor.OTP })).locked, false);
    assert.equal((await fail(gate, 20, { userId: "bob", factor: Factor.RECOVERY })).locked, false);
  });
});
