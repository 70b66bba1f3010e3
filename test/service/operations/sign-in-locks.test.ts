/** Policy locks and administrators' locks: their effect on each other, on factors, counters and sessions. */

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { Factor } from "../../../gen/lockkeeper/resource/v1/factor_pb.ts";
import { CauseSchema, RestrictionKindSchema } from "../../../gen/lockkeeper/resource/v1/restriction_pb.ts";
import { SessionStatus } from "../../../gen/lockkeeper/session/v1/session_service_pb.ts";
import { State } from "../../../gen/lockkeeper/user/v1/user_pb.ts";
import { GENERATION, type Running } from "../../support/service.ts";
import { until } from "../../support/until.ts";
import {
  attempt,
  begin,
  check,
  DAY_MS,
  fail,
  HOUR_MS,
  historyOf,
  limit,
  MINUTE_MS,
  record,
  SECOND_MS,
  setPolicy,
  startGate,
  toMs,
} from "../support/sign-ins.ts";

/** Holding restrictions as kind/cause with their ends, in milliseconds since the epoch. */
async function restrictionsOf({ users }: Running, userId = "ann") {
  const { user } = await users.getUser({ userId });
  return (user?.restrictions ?? []).map(
    ({ kind, cause, expireTime }) =>
      [
        `${RestrictionKindSchema.value[kind]?.localName}/${CauseSchema.value[cause]?.localName}`,
        toMs(expireTime),
      ] as const,
  );
}

const inSeconds = (seconds: number) => ({ case: "duration", value: { seconds: BigInt(seconds) } }) as const;

describe("counting", () => {
  test("P15 P16 a failure counts once; success, unlocking and the end of the lock reset the counter", async (t) => {
    const gate = await startGate(t, { limits: limit(3), countingWindow: { seconds: 86_400n } });
    for (let failures = 1; failures < 3; failures++) {
      await fail(gate, 1);
      assert.equal((await check(gate)).attemptsLeft, 3 - failures);
    }
    await attempt(gate, true);
    assert.equal((await check(gate)).attemptsLeft, 3, "success");
    await fail(gate, 3);
    await gate.users.unlockUser({ userId: "ann" });
    assert.equal((await check(gate)).attemptsLeft, 3, "unlocking");
    await fail(gate, 3);
    gate.clock.advance(HOUR_MS);
    assert.deepEqual([(await check(gate)).allowed, (await check(gate)).attemptsLeft], [true, 3], "the end");
    assert.equal((await fail(gate, 2)).locked, false);
    await gate.users.lockUser({ userId: "ann" });
    await gate.users.unlockUser({ userId: "ann" });
    assert.equal((await check(gate)).attemptsLeft, 3, "unlocking of an administrator's lock");
  });

  test("P15 what the policy does not let reset stays", async (t) => {
    const gate = await startGate(t, { limits: limit(3), resetOnSuccess: false, resetOnUnlock: false });
    await fail(gate, 2);
    await attempt(gate, true);
    assert.equal((await check(gate)).attemptsLeft, 1);
    await gate.users.lockUser({ userId: "ann" });
    await gate.users.unlockUser({ userId: "ann" });
    assert.equal((await check(gate)).attemptsLeft, 1);
    assert.equal((await attempt(gate, false)).locked, true);
  });

  test("P15 by the STIG's figures three failures in 15 minutes lock until an administrator unlocks", async (t) => {
    const policy = { limits: limit(3), countingWindow: { seconds: 900n }, permanentAfter: 1 };
    const gate = await startGate(t, policy);
    await fail(gate, 2);
    gate.clock.advance(15 * MINUTE_MS);
    assert.equal((await fail(gate, 2)).locked, false, "the first two are too old");
    assert.equal((await fail(gate, 1)).locked, true);
    gate.clock.advance(10 * 365 * DAY_MS);
    const { admitted, decision } = await begin(gate);
    assert.deepEqual([admitted, decision?.untilTime], [false, undefined]);
    await gate.users.unlockUser({ userId: "ann", reasonCode: "IDENTIFIED", note: "by the help desk" });
    assert.deepEqual([(await check(gate)).allowed, (await check(gate)).attemptsLeft], [true, 3]);
  });

  test("P16 what says nothing of the credential counts nothing", async (t) => {
    const gate = await startGate(t, { limits: limit(2) });
    const { users } = gate;
    for (const [impose, lift] of [
      [() => users.lockUser({ userId: "ann" }), () => users.unlockUser({ userId: "ann", validateOnly: false })],
      [() => users.banUser({ userId: "ann" }), () => users.unbanUser({ userId: "ann" })],
      [() => users.deactivateUser({ userId: "ann" }), () => users.reactivateUser({ userId: "ann" })],
    ] as const) {
      await impose();
      for (let i = 0; i < 5; i++) {
        assert.equal((await begin(gate)).admitted, false);
        assert.equal((await record(gate, false)).locked, false);
      }
      await lift();
      assert.deepEqual([(await check(gate)).allowed, (await check(gate)).attemptsLeft], [true, 2]);
    }
  });

  test("P17 attempts while locked neither verify nor extend nor count", async (t) => {
    const gate = await startGate(t, { limits: limit(3) });
    const { decision } = await fail(gate, 3);
    const end = toMs(decision?.untilTime);
    for (let i = 0; i < 20; i++) {
      gate.clock.advance(MINUTE_MS);
      const { admitted, decision: denied } = await begin(gate);
      assert.deepEqual([admitted, toMs(denied?.untilTime)], [false, end]);
      const told = await record(gate, false);
      assert.deepEqual([told.locked, toMs(told.decision?.untilTime)], [false, end]);
    }
    gate.clock.now = end ?? 0;
    assert.deepEqual([(await check(gate)).allowed, (await check(gate)).attemptsLeft], [true, 3]);
    assert.equal((await historyOf(gate)).filter((type) => type === "userLocked").length, 1);
  });
});

describe("factors", () => {
  test("P6 failures of one factor take no attempt from another", async (t) => {
    const gate = await startGate(t);
    for (const factor of [Factor.PASSWORD, Factor.OTP, Factor.BACKUP_CODE, Factor.RECOVERY]) {
      await fail(gate, 5, { factor });
      assert.equal((await check(gate, "ann", factor)).attemptsLeft, 5);
    }
    await attempt(gate, true);
    assert.equal((await check(gate)).attemptsLeft, 10);
    assert.equal((await check(gate, "ann", Factor.OTP)).attemptsLeft, 5, "a success forgets those of its own factor");
    assert.equal((await check(gate, "ann", Factor.PASSKEY)).attemptsLeft, undefined);
  });

  test("P6 recovery stays open under a lock by other factors, and only under that", async (t) => {
    const gate = await startGate(t);
    const recovery = { factor: Factor.RECOVERY };
    await fail(gate, 10);
    assert.equal((await begin(gate, { factor: Factor.OTP })).admitted, false, "the lock is the user's");
    const { decision } = await attempt(gate, true, recovery);
    assert.deepEqual([decision?.allowed, decision?.state], [false, State.LOCKED], "verified, and locked for the rest");
    await gate.users.lockUser({ userId: "ann" });
    assert.equal((await begin(gate, recovery)).admitted, false, "an administrator's lock");
    await gate.users.unlockUser({ userId: "ann" });
    await fail(gate, 10);
    await gate.users.banUser({ userId: "ann" });
    assert.equal((await begin(gate, recovery)).admitted, false, "a ban");
    await gate.users.unbanUser({ userId: "ann" });
    assert.equal((await begin(gate, recovery)).admitted, true);
  });

  test("P6 recovery is shut by its own failures, and not opened by failures elsewhere", async (t) => {
    const gate = await startGate(t, { limits: [...limit(2), ...limit(3, Factor.RECOVERY)] });
    const recovery = { factor: Factor.RECOVERY };
    await fail(gate, 2);
    assert.equal((await fail(gate, 3, recovery)).locked, true);
    assert.deepEqual(
      (await restrictionsOf(gate)).map(([name]) => name),
      ["LOCK/POLICY", "LOCK/RECOVERY"],
    );
    assert.equal((await begin(gate, recovery)).admitted, false);
    gate.clock.advance(HOUR_MS);
    const open = [await begin(gate), await begin(gate)];
    await fail(gate, 3, recovery);
    for (const { attemptId } of open) await gate.signIns.completeAttempt({ attemptId, outcome: 2 });
    assert.equal((await begin(gate, recovery)).admitted, false, "the password's failures came after");
  });
});

describe("P18 locks by policy and by administrators", () => {
  test("neither shortens nor lifts the other; each ends in its own time", async (t) => {
    const gate = await startGate(t);
    const begun = gate.clock.now;
    const open = await begin(gate);
    await fail(gate, 9);
    await gate.users.lockUser({ userId: "ann", expiry: inSeconds(600) });
    await gate.signIns.completeAttempt({ attemptId: open.attemptId, outcome: 2 });
    const both = [
      ["LOCK/ADMIN", begun + 10 * MINUTE_MS],
      ["LOCK/POLICY", begun + HOUR_MS],
    ];
    assert.deepEqual(await restrictionsOf(gate), both);
    assert.equal(toMs((await check(gate)).untilTime), begun + HOUR_MS, "the longer one decides");
    gate.clock.advance(10 * MINUTE_MS);
    assert.deepEqual(await restrictionsOf(gate), [both[1]]);
    await gate.users.lockUser({ userId: "ann", expiry: { case: "never", value: true } });
    gate.clock.advance(50 * MINUTE_MS);
    assert.deepEqual(await restrictionsOf(gate), [["LOCK/ADMIN", undefined]]);
    assert.equal((await begin(gate)).admitted, false);
    gate.clock.advance(365 * DAY_MS);
    assert.equal((await check(gate)).state, State.LOCKED);
  });

  test("a success, a recovery, and a changed profile lift no lock", async (t) => {
    const gate = await startGate(t);
    await fail(gate, 10);
    await gate.users.lockUser({ userId: "ann" });
    const before = await restrictionsOf(gate);
    await record(gate, true);
    await record(gate, true, { factor: Factor.RECOVERY });
    await gate.users.updateUser({
      userId: "ann",
      profile: { email: "ann@example.com" },
      updateMask: { paths: ["profile.email"] },
    });
    assert.deepEqual(await restrictionsOf(gate), before);
    assert.equal(before.length, 2);
  });

  test("an administrator's unlocking lifts all locks, no ban and no deactivation", async (t) => {
    const gate = await startGate(t);
    await fail(gate, 10);
    await gate.users.lockUser({ userId: "ann" });
    await gate.users.banUser({ userId: "ann" });
    await gate.users.deactivateUser({ userId: "ann" });
    await gate.users.unlockUser({ userId: "ann" });
    assert.deepEqual(
      (await restrictionsOf(gate)).map(([name]) => name),
      ["BAN/ADMIN", "DEACTIVATION/ADMIN"],
    );
  });

  test("a lock by sign-ins that lasts longer is not shortened by one by recoveries", async (t) => {
    const gate = await startGate(t, { limits: [...limit(2), ...limit(2, Factor.RECOVERY)] });
    await setPolicy(gate, { lockDuration: { seconds: 86_400n } });
    await fail(gate, 2);
    const end = gate.clock.now + DAY_MS;
    await setPolicy(gate, { lockDuration: { seconds: 60n } });
    gate.clock.advance(SECOND_MS);
    await fail(gate, 2, { factor: Factor.RECOVERY });
    assert.deepEqual(await restrictionsOf(gate), [
      ["LOCK/POLICY", end],
      ["LOCK/RECOVERY", gate.clock.now + MINUTE_MS],
    ]);
  });
});

test("P9 a lock by policy ends sessions where the policy says so, and only there", async (t) => {
  const gate = await startGate(t, { limits: limit(2) });
  const statusOf = async (userId: string): Promise<readonly [SessionStatus, bigint]> => {
    await gate.users.createUser({ userId });
    const { token } = await gate.sessions.createSession({ userId });
    const { locked, decision } = await fail(gate, 2, { userId });
    assert.equal(locked, true);
    const { status, revocationEpoch } = await gate.sessions.verifySession({ key: { case: "token", value: token } });
    assert.equal(decision?.revocationEpoch, revocationEpoch);
    return [status, revocationEpoch];
  };
  assert.deepEqual(await statusOf("kept"), [SessionStatus.ACTIVE, GENERATION + 1n]);
  await setPolicy(gate, { revokeSessions: true });
  assert.deepEqual(await statusOf("ended"), [SessionStatus.ENDED, GENERATION + 2n]);
});

test("P23 the end of a lock by policy is one event, at its instant, though nobody looks", async (t) => {
  const gate = await startGate(t, { limits: limit(2) });
  const { decision } = await fail(gate, 2);
  gate.clock.advance(5 * HOUR_MS);
  await until(async () => (await historyOf(gate)).length === 3, "the expiry");
  const { events } = await gate.users.listUserEvents({ userId: "ann" });
  assert.deepEqual([events[0]?.payload.case, events[0]?.time], ["restrictionExpired", decision?.untilTime]);
});
