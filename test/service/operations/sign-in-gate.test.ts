/** The gate: attempts from their beginning to their end, repeated, late, twice, and with a ban in between. */

import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { describe, test } from "node:test";
import { Factor } from "../../../gen/lockkeeper/resource/v1/factor_pb.ts";
import { Cause, RestrictionKind } from "../../../gen/lockkeeper/resource/v1/restriction_pb.ts";
import { State } from "../../../gen/lockkeeper/user/v1/user_pb.ts";
import { assertRefused } from "../../support/refusals.ts";
import { clientsOf } from "../../support/service.ts";
import { until } from "../../support/until.ts";
import {
  attempt,
  begin,
  check,
  complete,
  fail,
  HOUR_MS,
  historyOf,
  limit,
  record,
  SECOND_MS,
  startGate,
  toMs,
} from "../support/sign-ins.ts";

const RESERVATION_MS = 30 * SECOND_MS;

describe("the gate", () => {
  test("admits, reserves, and tells the decision at the end", async (t) => {
    const gate = await startGate(t);
    const first = await begin(gate);
    assert.deepEqual(
      [first.admitted, first.userId, first.decision?.allowed, first.decision?.attemptsLeft],
      [true, "ann", true, 9],
    );
    assert.equal(toMs(first.expireTime), gate.clock.now + RESERVATION_MS);
    const { decision, locked } = await complete(gate, first.attemptId, true);
    assert.deepEqual([decision?.allowed, decision?.attemptsLeft, locked], [true, 10, false]);
    const failed = await attempt(gate, false);
    assert.deepEqual([failed.decision?.allowed, failed.decision?.attemptsLeft], [true, 9], "who failed may try again");
    assert.equal((await check(gate)).attemptsLeft, 9);
    assert.deepEqual(await historyOf(gate), ["userCreated"], "attempts are no events");
    const { user } = await gate.users.getUser({ userId: "ann" });
    assert.equal(user?.details?.sequence, 1n);
  });

  test("locks at the limit: an event of the service's own, for the time that the policy says", async (t) => {
    const gate = await startGate(t);
    const { decision, locked } = await fail(gate, 10);
    assert.deepEqual([decision?.allowed, decision?.state, locked], [false, State.LOCKED, true]);
    assert.equal(decision?.reasonCode, "FAILED_SIGN_INS");
    assert.equal(decision?.text, "Your account is locked. You can try again in 1 hour.");
    assert.equal(toMs(decision?.untilTime), gate.clock.now + HOUR_MS);
    const { restriction } = await check(gate);
    assert.deepEqual(
      [restriction?.kind, restriction?.cause, restriction?.actor, restriction?.reasonCode],
      [RestrictionKind.LOCK, Cause.POLICY, "system", "FAILED_SIGN_INS"],
    );
    const { events } = await gate.users.listUserEvents({ userId: "ann" });
    const [event] = events;
    assert.deepEqual([event?.payload.case, event?.actor], ["userLocked", "system"]);
    const refused = await begin(gate);
    assert.deepEqual([refused.admitted, refused.decision?.state, refused.expireTime], [false, State.LOCKED, undefined]);
    gate.clock.advance(HOUR_MS - 1);
    assert.equal((await begin(gate)).admitted, false);
    gate.clock.advance(1);
    assert.deepEqual([(await check(gate)).allowed, (await check(gate)).attemptsLeft], [true, 10]);
    assert.equal((await begin(gate)).admitted, true);
  });

  test("answers a repeated Begin again, and refuses an id that belongs to another attempt", async (t) => {
    const gate = await startGate(t);
    await gate.users.createUser({ userId: "bob" });
    const { attemptId: id, expireTime } = await begin(gate);
    gate.clock.advance(SECOND_MS);
    const again = await begin(gate, { id });
    assert.deepEqual([again.admitted, again.expireTime, again.decision?.attemptsLeft], [true, expireTime, 9]);
    const { secret } = await gate.keys.createApiKey({ role: "login" });
    const other = clientsOf(gate.url, secret);
    for (const call of [
      () => begin(gate, { id, userId: "bob" }),
      () => begin(gate, { id, factor: Factor.OTP }),
      () => begin(other, { id }),
    ]) {
      const { fields } = await assertRefused(call(), "InvalidArgument", "ATTEMPT_ID_REUSED");
      assert.deepEqual(fields, ["attempt_id"]);
    }
    await complete(gate, id, true);
    const { metadata } = await assertRefused(begin(gate, { id }), "FailedPrecondition", "ATTEMPT_SETTLED");
    assert.deepEqual([metadata.attemptId, metadata.outcome], [id, "SUCCEEDED"]);
    assert.equal((await check(gate)).attemptsLeft, 10, "nothing was counted");
  });

  test("P16 an attempt is settled once: twice and under foreign ids nothing is counted", async (t) => {
    const gate = await startGate(t);
    const { attemptId } = await begin(gate);
    await complete(gate, attemptId, false);
    for (const succeeded of [false, true]) {
      const { metadata } = await assertRefused(
        complete(gate, attemptId, succeeded),
        "FailedPrecondition",
        "ATTEMPT_SETTLED",
      );
      assert.equal(metadata.outcome, "FAILED");
    }
    await assertRefused(complete(gate, randomUUID(), false), "NotFound", "ATTEMPT_NOT_FOUND");
    await gate.organizations.createOrganization({ organizationId: "other" });
    const { secret } = await gate.keys.createApiKey({ role: "login", organizationId: "other" });
    const { attemptId: open } = await begin(gate);
    await assertRefused(complete(clientsOf(gate.url, secret), open, true), "NotFound", "ATTEMPT_NOT_FOUND");
    assert.equal((await check(gate)).attemptsLeft, 8, "one failure, one under way");
  });

  test("a late Complete is denied; the attempt counts at the next Begin, and only once", async (t) => {
    const gate = await startGate(t, { limits: limit(2) });
    const { attemptId: id } = await begin(gate);
    gate.clock.advance(RESERVATION_MS - 1);
    const { attemptId: timely } = await begin(gate);
    await complete(gate, timely, true);
    gate.clock.advance(1);
    for (let i = 0; i < 2; i++) await assertRefused(complete(gate, id, true), "FailedPrecondition", "ATTEMPT_EXPIRED");
    assert.equal((await check(gate)).attemptsLeft, 1);
    assert.equal((await begin(gate)).decision?.attemptsLeft, 0);
    await assertRefused(complete(gate, id, true), "FailedPrecondition", "ATTEMPT_EXPIRED");
    await assertRefused(begin(gate, { id }), "FailedPrecondition", "ATTEMPT_EXPIRED");
  });

  test("what times out is counted by the sweeper where nobody comes", async (t) => {
    const gate = await startGate(t, { limits: limit(2) });
    await begin(gate);
    await begin(gate);
    gate.clock.advance(RESERVATION_MS);
    await until(async () => !(await check(gate)).allowed, "the lock");
    assert.deepEqual(await historyOf(gate), ["userCreated", "userLocked"]);
  });

  test("a ban between Begin and Complete denies, and the success resets nothing", async (t) => {
    const gate = await startGate(t);
    await fail(gate, 3);
    const { attemptId, ...begun } = await begin(gate);
    assert.equal(begun.decision?.attemptsLeft, 6);
    await gate.users.banUser({ userId: "ann" });
    const again = await begin(gate, { id: attemptId });
    assert.deepEqual([again.admitted, again.decision?.allowed], [false, false], "nobody verifies for who is banned");
    const { decision } = await complete(gate, attemptId, true);
    assert.deepEqual([decision?.allowed, decision?.state], [false, State.BANNED]);
    const { metadata } = await assertRefused(complete(gate, attemptId, true), "FailedPrecondition", "ATTEMPT_SETTLED");
    assert.equal(metadata.outcome, "DENIED");
    await gate.users.unbanUser({ userId: "ann" });
    assert.equal((await check(gate)).attemptsLeft, 7);
  });

  test("P1 an attempt that was admitted before a lock and fails after it still counts", async (t) => {
    const gate = await startGate(t, { limits: [...limit(3), ...limit(2, Factor.OTP)] });
    const open = [await begin(gate), await begin(gate)];
    await fail(gate, 2, { factor: Factor.OTP });
    for (const { attemptId } of open) await complete(gate, attemptId, false);
    gate.clock.advance(HOUR_MS / 2);
    await gate.users.unlockUser({ userId: "ann" });
    assert.equal((await check(gate)).attemptsLeft, 3, "the unlocking has reset it");
    const more = [await begin(gate), await begin(gate)];
    await gate.users.lockUser({ userId: "ann", expiry: { case: "duration", value: { seconds: 60n } } });
    for (const { attemptId } of more) await complete(gate, attemptId, false);
    gate.clock.advance(HOUR_MS / 60);
    assert.deepEqual([(await check(gate)).allowed, (await check(gate)).attemptsLeft], [true, 1]);
    assert.equal((await attempt(gate, false)).locked, true);
  });

  test("RecordFailure and RecordSuccess count what has happened already", async (t) => {
    const gate = await startGate(t, { limits: limit(3) });
    for (const [succeeded, left] of [
      [false, 2],
      [false, 1],
      [true, 3],
      [false, 2],
      [false, 1],
    ] as const) {
      const { decision } = await record(gate, succeeded);
      assert.deepEqual([decision?.allowed, decision?.attemptsLeft], [true, left]);
    }
    const last = await record(gate, false);
    assert.deepEqual([last.locked, last.decision?.allowed], [true, false]);
    const whileLocked = await record(gate, false);
    assert.deepEqual([whileLocked.locked, whileLocked.decision?.allowed], [false, false]);
    assert.equal((await record(gate, true)).decision?.allowed, false, "a success does not unlock");
    assert.deepEqual(await historyOf(gate), ["userCreated", "userLocked"]);
  });

  test("failures are forgotten one by one as they leave the window", async (t) => {
    const gate = await startGate(t, { limits: limit(3), countingWindow: { seconds: 60n } });
    await fail(gate, 1);
    gate.clock.advance(30 * SECOND_MS);
    await fail(gate, 1);
    gate.clock.advance(30 * SECOND_MS - 1);
    assert.equal((await check(gate)).attemptsLeft, 1);
    gate.clock.advance(1);
    assert.equal((await check(gate)).attemptsLeft, 2);
    assert.equal((await fail(gate, 1)).locked, false);
    assert.equal((await fail(gate, 1)).locked, true);
  });

  test("attempts_max 0 never locks, and is said by an absent attempts_left", async (t) => {
    const gate = await startGate(t, { limits: limit(0) });
    for (const factor of [Factor.PASSWORD, Factor.PASSKEY]) {
      const { decision } = await fail(gate, 12, { factor });
      assert.deepEqual([decision?.allowed, decision?.attemptsLeft], [true, undefined]);
      const parallel = await Promise.all(Array.from({ length: 20 }, () => begin(gate, { factor })));
      assert.ok(parallel.every(({ admitted }) => admitted));
    }
  });

  test("a lower limit counts what is counted already: the next attempt locks", async (t) => {
    const gate = await startGate(t);
    await fail(gate, 5);
    const { values } =
      (
        await gate.policies.updatePolicy({
          values: { limits: limit(3) },
          updateMask: { paths: ["limits"] },
        })
      ).policy ?? {};
    assert.equal(values?.limits.length, 1);
    assert.deepEqual([(await check(gate)).allowed, (await check(gate)).attemptsLeft], [true, 0]);
    const { admitted, decision } = await begin(gate, { timeoutMs: 2_000 });
    assert.deepEqual([admitted, decision?.state], [false, State.LOCKED]);
  });
});
