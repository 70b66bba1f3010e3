/** The rules of attempts: what counts, who may try, what locks; no order of events admits more than the limit. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import {
  type AttemptCounter,
  attemptsLeft,
  countFailure,
  countSuccess,
  hasRoom,
  lockCauseOf,
  lockIfOver,
  mayTry,
  NO_ATTEMPTS,
  reserve,
  settleCounter,
  toRestriction,
} from "../../src/domain/attempt.ts";
import { BUILT_IN_POLICY, FACTORS, type Factor, type Policy } from "../../src/domain/policy.ts";
import { LATEST_TIME, type Restriction } from "../../src/domain/restriction.ts";
import { runs } from "./support/soak.ts";

const NOW = Date.UTC(2026, 0, 1);
const HOUR_MS = 3_600_000;

function policyOf(limit: number, more: Partial<Policy> = {}): Policy {
  const attemptsMax = { PASSWORD: limit, OTP: limit, PASSKEY: limit, BACKUP_CODE: limit, RECOVERY: limit };
  return { ...BUILT_IN_POLICY, attemptsMax, ...more };
}

function restriction(more: Partial<Restriction> = {}): Restriction {
  return {
    id: "r",
    kind: "LOCK",
    cause: "POLICY",
    reasonCode: "FAILED_SIGN_INS",
    note: "",
    actor: "system",
    startTime: NOW,
    expireTime: NOW + HOUR_MS,
    started: true,
    revokeSessions: false,
    ...more,
  };
}

describe("the counter", () => {
  test("a failure counts for the window and not a millisecond longer", () => {
    const policy = policyOf(3, { countingWindowMs: 1_000 });
    const { counter } = countFailure(NO_ATTEMPTS, { policy, factor: "OTP", now: NOW });
    const at = (now: number) => settleCounter(counter, policy, "OTP", now).counter.failures.length;
    assert.deepEqual([at(NOW), at(NOW + 999), at(NOW + 1_000)], [1, 1, 0]);
    assert.equal(settleCounter(counter, policy, "OTP", NOW).counter, counter, "nothing to do makes nothing new");
  });

  test("a reservation holds to its end, then it is a failure of the moment at which it is counted", () => {
    const policy = policyOf(2, { reservationMs: 1_000 });
    const counter = reserve(NO_ATTEMPTS, policy, "a", NOW);
    assert.deepEqual(counter.outstanding, [{ id: "a", endTime: NOW + 1_000 }]);
    assert.deepEqual(settleCounter(counter, policy, "OTP", NOW + 999).expiredIds, []);
    const late = settleCounter(counter, policy, "OTP", NOW + 5_000);
    assert.deepEqual([late.expiredIds, late.counter.failures, late.counter.outstanding], [["a"], [NOW + 5_000], []]);
    const last = reserve(NO_ATTEMPTS, policy, "a", LATEST_TIME);
    assert.equal(last.outstanding[0]?.endTime, LATEST_TIME);
  });

  test("the failure that fills it locks, and the next row of failures begins", () => {
    const policy = policyOf(2, { growthFactor: 2 });
    let counter = NO_ATTEMPTS;
    const ends: (number | null | undefined)[] = [];
    for (let i = 0; i < 5; i++) {
      const counted = countFailure(counter, { policy, factor: "PASSWORD", now: NOW });
      ends.push(counted.lock?.expireTime);
      counter = counted.counter;
    }
    assert.deepEqual(ends, [undefined, NOW + HOUR_MS, undefined, NOW + 2 * HOUR_MS, undefined]);
    assert.deepEqual([counter.failures.length, counter.locks], [1, 2]);
    assert.deepEqual(countSuccess(counter, policy), NO_ATTEMPTS);
    assert.equal(countSuccess(counter, { ...policy, resetOnSuccess: false }).locks, 2);
  });

  test("a success takes no other reservation along", () => {
    const policy = policyOf(3);
    const counter = reserve(reserve(NO_ATTEMPTS, policy, "a", NOW), policy, "b", NOW);
    assert.deepEqual(
      countSuccess(counter, policy, "a").outstanding.map(({ id }) => id),
      ["b"],
    );
  });

  test("without a limit nothing is counted, and there is always room", () => {
    const policy = policyOf(0);
    const { counter, lock } = countFailure(NO_ATTEMPTS, { policy, factor: "PASSKEY", now: NOW });
    assert.deepEqual([counter, lock, attemptsLeft(counter, policy, "PASSKEY")], [NO_ATTEMPTS, undefined, undefined]);
    assert.ok(hasRoom({ ...NO_ATTEMPTS, failures: [NOW, NOW] }, policy, "PASSKEY"));
    assert.equal(lockIfOver({ ...NO_ATTEMPTS, failures: [NOW, NOW] }, policy, "PASSKEY", NOW).lock, undefined);
  });

  test("a stricter policy locks by what is counted already", () => {
    const counter = { ...NO_ATTEMPTS, failures: [NOW, NOW, NOW] };
    assert.equal(lockIfOver(counter, policyOf(4), "OTP", NOW).lock, undefined);
    const { lock, counter: after } = lockIfOver(counter, policyOf(2), "OTP", NOW);
    assert.deepEqual([lock?.number, after.failures], [1, []]);
  });
});

describe("who may try", () => {
  const user = (...restrictions: Restriction[]) => ({ deleted: false, restrictions });

  test("P6 recovery under locks by other factors, and only under those", () => {
    const rows: readonly [Parameters<typeof mayTry>[0], password: boolean, recovery: boolean][] = [
      [user(), true, true],
      [user(restriction()), false, true],
      [user(restriction({ cause: "RECOVERY" })), false, false],
      [user(restriction({ cause: "ADMIN" })), false, false],
      [user(restriction(), restriction({ cause: "ADMIN" })), false, false],
      [user(restriction(), restriction({ cause: "ADMIN", started: false })), false, true],
      [user(restriction({ kind: "BAN", cause: "ADMIN" })), false, false],
      [user(restriction({ kind: "DEACTIVATION", cause: "DIRECTORY" })), false, false],
      [{ deleted: true, restrictions: [] }, false, false],
    ];
    for (const [index, [who, password, recovery]] of rows.entries()) {
      for (const factor of FACTORS) {
        assert.equal(mayTry(who, factor), factor === "RECOVERY" ? recovery : password, `${index}`);
      }
    }
  });

  test("P18 a new lock never shortens the one that holds, nor opens what it shuts", () => {
    const lock = { number: 1, startTime: NOW, expireTime: NOW + HOUR_MS };
    const of = (present: Restriction | undefined, factor: Factor) => {
      const { expireTime, reasonCode } = toRestriction(lock, present, { id: "n", factor, policy: policyOf(1) });
      return [expireTime === null ? null : expireTime - NOW, reasonCode];
    };
    assert.deepEqual(of(undefined, "PASSWORD"), [HOUR_MS, "FAILED_SIGN_INS"]);
    assert.deepEqual(of(undefined, "RECOVERY"), [HOUR_MS, "FAILED_RECOVERIES"]);
    assert.deepEqual(of(restriction({ expireTime: NOW + 1 }), "OTP"), [HOUR_MS, "FAILED_SIGN_INS"]);
    assert.deepEqual(of(restriction({ expireTime: NOW + 2 * HOUR_MS }), "OTP"), [2 * HOUR_MS, "FAILED_SIGN_INS"]);
    assert.deepEqual(of(restriction({ cause: "RECOVERY", expireTime: null }), "RECOVERY"), [null, "FAILED_RECOVERIES"]);
    assert.deepEqual([lockCauseOf("OTP"), lockCauseOf("RECOVERY")], ["POLICY", "RECOVERY"]);
  });
});

interface Act {
  readonly do: "begin" | "fail" | "succeed" | "report" | "wait";
  readonly nth: number;
}

test("P1 whatever the order of beginnings, ends and waits, between two resets at most T are admitted without success", () => {
  const acts: fc.Arbitrary<readonly Act[]> = fc.array(
    fc.record({
      do: fc.constantFrom("begin", "begin", "begin", "fail", "fail", "succeed", "report", "wait"),
      nth: fc.nat(20),
    }),
    { maxLength: 200 },
  );
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 6 }), acts, (limit, plan) => {
      const policy = policyOf(limit, { reservationMs: 1_000, countingWindowMs: 365 * 24 * HOUR_MS });
      let counter: AttemptCounter = NO_ATTEMPTS;
      let now = NOW;
      /** Admissions since the last reset, minus those that succeeded. */
      let unsuccessful = 0;
      const take = (counted: ReturnType<typeof settleCounter>): void => {
        ({ counter } = counted);
        // A locked user is not admitted: the round ends, and open attempts belong to the next.
        if (counted.lock !== undefined) unsuccessful = counter.outstanding.length;
      };
      for (const [index, act] of plan.entries()) {
        if (act.do === "wait") now += act.nth * 100;
        take(settleCounter(counter, policy, "PASSWORD", now));
        const open = counter.outstanding[act.nth % Math.max(1, counter.outstanding.length)];
        if (act.do === "begin" && hasRoom(counter, policy, "PASSWORD")) {
          counter = reserve(counter, policy, `${index}`, now);
          unsuccessful++;
        } else if (act.do === "fail" && open !== undefined) {
          take(countFailure(counter, { policy, factor: "PASSWORD", id: open.id, now }));
        } else if (act.do === "report") {
          take(countFailure(counter, { policy, factor: "PASSWORD", now }));
        } else if (act.do === "succeed" && open !== undefined) {
          counter = countSuccess(counter, policy, open.id);
          unsuccessful = counter.outstanding.length;
        }
        assert.ok(unsuccessful <= limit, `${unsuccessful} of ${limit}`);
        assert.ok(counter.failures.length < limit && counter.outstanding.length <= limit);
      }
    }),
    runs(500),
  );
});
