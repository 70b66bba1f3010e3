/** Waiting for a place: in order, no longer than the deadline, bounded in number, and never for nobody. */

import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { describe, test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { ConnectError } from "@connectrpc/connect";
import { RetryInfoSchema } from "../../../gen/google/rpc/error_details_pb.ts";
import { Factor } from "../../../gen/lockkeeper/resource/v1/factor_pb.ts";
import type { UserState } from "../../../src/domain/user.ts";
import { AttemptWaiters } from "../../../src/service/operations/attempt-waiters.ts";
import { assertRefused } from "../../support/refusals.ts";
import { until } from "../../support/until.ts";
import { begin, check, complete, limit, of, startGate } from "../support/sign-ins.ts";

/** What the store answers, as far as waiting is concerned. */
const ANSWER = {
  counterId: "c",
  factor: "PASSWORD",
  user: {} as UserState,
  attemptsLeft: 0,
  locked: false,
  now: 0,
} as const;

describe("who meets only attempts under way", () => {
  test("waits until one is completed, and is admitted then", async (t) => {
    const gate = await startGate(t, { limits: limit(1) });
    const waitsMs: number[] = [];
    let { attemptId } = await begin(gate);
    // The shortest of three: a busy machine may delay one.
    for (let round = 0; round < 3; round++) {
      let isAdmitted: boolean | undefined = false;
      const next = begin(gate).then((answer) => {
        isAdmitted = answer.admitted;
        return answer;
      });
      await delay(300);
      assert.equal(isAdmitted, false);
      const settledTime = performance.now();
      await complete(gate, attemptId, true);
      const answer = await next;
      assert.equal(answer.admitted, true);
      waitsMs.push(performance.now() - settledTime);
      attemptId = answer.attemptId;
    }
    assert.ok(Math.min(...waitsMs) < 200, `it is woken for the place and does not poll: ${waitsMs} ms`);
    assert.equal((await begin(gate, { factor: Factor.OTP })).admitted, true, "another factor has places of its own");
  });

  test("is refused shortly before the deadline, with a time to try again, and nothing is counted", async (t) => {
    const gate = await startGate(t, { limits: limit(1) });
    const { attemptId } = await begin(gate);
    for (const timeoutMs of [300, 1_000]) {
      const beginTime = performance.now();
      const refusal = begin(gate, { timeoutMs });
      const { metadata } = await assertRefused(refusal, "Unavailable", "ATTEMPTS_OUTSTANDING");
      const waitedMs = performance.now() - beginTime;
      assert.ok(waitedMs > timeoutMs * 0.6 && waitedMs < timeoutMs, `${waitedMs} of ${timeoutMs} ms`);
      assert.equal(metadata.outcome, "NOT_APPLIED");
      const error = await refusal.catch((reason: unknown) => reason);
      assert.ok(error instanceof ConnectError);
      assert.equal(error.findDetails(RetryInfoSchema)[0]?.retryDelay?.seconds, 1n);
    }
    await complete(gate, attemptId, true);
    assert.equal((await check(gate)).attemptsLeft, 1);
  });

  test("who hangs up while waiting gets no place that would count against the user", async (t) => {
    const gate = await startGate(t, { limits: limit(1) });
    const { attemptId } = await begin(gate);
    const hangUp = new AbortController();
    const gone = Array.from({ length: 20 }, () =>
      gate.signIns.beginAttempt({ attemptId: randomUUID(), ...of() }, { signal: hangUp.signal }),
    );
    await delay(200);
    hangUp.abort();
    for (const { status } of await Promise.allSettled(gone)) assert.equal(status, "rejected");
    await delay(100);
    await complete(gate, attemptId, true);
    await delay(100);
    assert.equal((await check(gate)).attemptsLeft, 1);
  });

  test("is denied as soon as the attempts under way have locked the user", async (t) => {
    const gate = await startGate(t, { limits: limit(2) });
    const open = [await begin(gate), await begin(gate)];
    const waiting = Array.from({ length: 40 }, () => begin(gate));
    await delay(100);
    for (const { attemptId } of open) await complete(gate, attemptId, false);
    for (const { admitted } of await Promise.all(waiting)) assert.equal(admitted, false);
  });

  test("is admitted once a reservation times out and leaves room", async (t) => {
    const gate = await startGate(t, { limits: limit(2), reservationTime: { seconds: 1n } });
    await begin(gate);
    gate.clock.advance(500);
    const { attemptId } = await begin(gate);
    await complete(gate, attemptId, true);
    const { attemptId: third } = await begin(gate);
    const waiting = begin(gate);
    await delay(100);
    gate.clock.advance(500);
    await complete(gate, third, true);
    assert.equal((await waiting).admitted, true);
  });

  test("comes in the order of the calls, and before those who call later", async (t) => {
    const gate = await startGate(t, { limits: limit(1) });
    let { attemptId: open } = await begin(gate);
    const order: string[] = [];
    const join = (name: string): Promise<void> =>
      begin(gate).then(async ({ attemptId }) => {
        order.push(name);
        open = attemptId;
      });
    const calls: Promise<void>[] = [];
    for (let i = 0; i < 16; i++) {
      calls.push(join(`early ${i}`));
      await delay(5);
    }
    await delay(50);
    for (let served = 0; served < 16; served++) {
      // Each comes at the very moment at which a place becomes free.
      const settled = complete(gate, open, true);
      calls.push(join(`late ${served}`));
      await settled;
      await until(async () => order.length > served, "the next");
    }
    const lateComers = order.filter((name) => name.startsWith("late"));
    assert.deepEqual(lateComers, [], `before the early: ${order.join(", ")}`);
    const displaced = order.filter((name, index) => Math.abs(Number(name.split(" ")[1]) - index) > 3);
    assert.deepEqual(displaced, [], order.join(", "));
    while (order.length < calls.length) {
      const served = order.length;
      await complete(gate, open, true);
      await until(async () => order.length > served, "the next");
    }
    await Promise.all(calls);
  });

  test("counts to 1,000 for one counter; the next is refused at once, and one of another counter is not", async () => {
    const waiters = new AttemptWaiters();
    const attempt = (counterId: string) => async () => ({ ...ANSWER, counterId, result: "WAITING" as const });
    const over = new AbortController();
    const call = { deadlineTime: undefined, signal: over.signal };
    const waiting = Array.from({ length: 1_000 }, () => waiters.admit({ key: "a", attempt: attempt("a"), call }));
    await delay(50);
    await assert.rejects(waiters.admit({ key: "a", attempt: attempt("a"), call }), /1000 calls wait already/);
    const other = waiters.admit({ key: "b", attempt: attempt("b"), call });
    over.abort();
    for (const each of [...waiting, other]) await assert.rejects(each, /the caller is gone/);
  });

  test("the wake-up that comes while it tries is not lost", async () => {
    const waiters = new AttemptWaiters();
    let tries = 0;
    const attempt = async () => {
      tries++;
      // The place becomes free after it was decided that there is none.
      if (tries === 2) waiters.settled({ ...ANSWER, result: "SETTLED" });
      return { ...ANSWER, result: tries < 3 ? ("WAITING" as const) : ("ADMITTED" as const) };
    };
    const beginTime = performance.now();
    const call = { deadlineTime: undefined, signal: new AbortController().signal };
    await waiters.admit({ key: "k", attempt, call });
    const waitedMs = performance.now() - beginTime;
    assert.deepEqual([tries, waitedMs < 150], [3, true], `${waitedMs} ms`);
  });
});
