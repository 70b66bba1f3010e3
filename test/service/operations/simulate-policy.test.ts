/** SimulatePolicy against real attempts: the policy in force gives the real locks, another one its own. */
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { describe, test } from "node:test";
import type { MessageInitShape } from "@bufbuild/protobuf";
import { Code, ConnectError } from "@connectrpc/connect";
import type {
  SimulatePolicyRequestSchema,
  SimulatePolicyResponse,
} from "../../../gen/lockkeeper/policy/v1/policy_service_pb.ts";
import { Factor } from "../../../gen/lockkeeper/resource/v1/factor_pb.ts";
import { seededRandom } from "../../support/random.ts";
import { assertRefused } from "../../support/refusals.ts";
import { scaled } from "../../support/scale.ts";
import { clientsOf, type Running } from "../../support/service.ts";
import {
  begin,
  complete,
  fail,
  type Gate,
  HOUR_MS,
  limit,
  MINUTE_MS,
  record,
  SECOND_MS,
  setPolicy,
  startGate,
  toMs,
  type Who,
} from "../support/sign-ins.ts";

type Request = MessageInitShape<typeof SimulatePolicyRequestSchema>;

interface Lock {
  readonly userId: string;
  readonly factor: Factor;
  /** Milliseconds since the epoch. */
  readonly start: number | undefined;
  readonly end: number | undefined;
}

async function simulate({ policies }: Pick<Running, "policies">, request: Request = {}) {
  const answer: SimulatePolicyResponse = await policies.simulatePolicy(request);
  const locks = answer.locks.map(({ userId, factor, startTime, expireTime }): Lock => {
    return { userId, factor, start: toMs(startTime), end: toMs(expireTime) };
  });
  return { ...answer, locks };
}

/** Does not wait long for a place. A call that took too long for its own reasons is repeated: it may have its place. */
async function beginIfFree(
  gate: Gate,
  who: Who & { readonly id: string },
): Promise<{ readonly admitted?: boolean | undefined }> {
  for (let timeoutMs = 60; ; timeoutMs *= 2) {
    try {
      return await begin(gate, { ...who, timeoutMs });
    } catch (error) {
      const code = ConnectError.from(error).code;
      if (code === Code.Unavailable) return { admitted: false };
      if (code !== Code.DeadlineExceeded) throw error;
    }
  }
}

/** Runs random attempts with random factors; returns the locks that the gate reported. */
async function live(gate: Gate, random: ReturnType<typeof seededRandom>, steps: number): Promise<readonly Lock[]> {
  const locks: Lock[] = [];
  const open: { readonly id: string; readonly userId: string; readonly factor: Factor }[] = [];
  const note = (userId: string, factor: Factor, until: number | undefined): void => {
    locks.push({ userId, factor, start: gate.clock.now, end: until });
  };
  for (let i = 0; i < steps; i++) {
    gate.clock.advance(1 + random.below(3 * SECOND_MS));
    const userId = random.pick(["ann", "bob", "eve"]);
    const factor = random.pick([Factor.PASSWORD, Factor.OTP]);
    const isRight = random.below(8) === 0;
    const act = random.below(10);
    if (act === 0) {
      // Never so long that an open attempt expires: no answer would report a lock caused by that.
      if (open.length === 0) gate.clock.advance(random.below(5 * MINUTE_MS));
    } else if (act < 3) {
      const { decision, locked } = await record(gate, isRight, { userId, factor });
      if (locked) note(userId, factor, toMs(decision?.untilTime));
    } else if (act < 7 && open.length < 4) {
      const id = randomUUID();
      const { admitted } = await beginIfFree(gate, { id, userId, factor });
      if (admitted) open.push({ id, userId, factor });
    } else {
      const [one] = open.splice(random.below(Math.max(1, open.length)), 1);
      if (one === undefined) continue;
      const { decision, locked } = await complete(gate, one.id, isRight);
      if (locked) note(one.userId, one.factor, toMs(decision?.untilTime));
    }
  }
  for (const { id, userId, factor } of open) {
    // Two at one instant have no order that could be compared.
    gate.clock.advance(1);
    const { decision, locked } = await complete(gate, id, false);
    if (locked) note(userId, factor, toMs(decision?.untilTime));
  }
  return locks;
}

describe("SimulatePolicy", () => {
  test("P27 under the policy in force gives the locks that were, however attempts overlap", async (t) => {
    const random = seededRandom(t);
    for (let round = 0; round < scaled({ quick: 1, soak: 30 }); round++) {
      const gate = await startGate(t, {
        limits: [...limit(3), ...limit(2, Factor.OTP)],
        lockDuration: { seconds: 60n },
        growthFactor: 2,
        countingWindow: { seconds: 120n },
        reservationTime: { seconds: 600n },
      });
      for (const userId of ["bob", "eve"]) await gate.users.createUser({ userId });
      const happened = await live(gate, random, 150);
      const { locks, lockCount } = await simulate(gate);
      assert.deepEqual(locks, happened, `seed ${random.seed}, round ${round}`);
      assert.deepEqual([lockCount, happened.length > 3], [BigInt(happened.length), true]);
      await gate.stop();
    }
  });

  test("under another policy gives the locks that would have been, and the attempts that would have been refused", async (t) => {
    const gate = await startGate(t);
    const start = gate.clock.now;
    for (let i = 0; i < 9; i++) {
      await fail(gate, 1);
      gate.clock.advance(MINUTE_MS);
    }
    const none = await simulate(gate);
    assert.deepEqual([none.locks, none.attemptCount, none.refusedCount], [[], 9n, 0n]);
    const values = { limits: limit(2), lockDuration: { seconds: 120n }, growthFactor: 2 };
    const { locks, attemptCount, refusedCount } = await simulate(gate, { values });
    const minute = (index: number): number => start + index * MINUTE_MS;
    const common = { userId: "ann", factor: Factor.PASSWORD };
    // Failures 0 and 1 lock to 3; 3 and 4 lock to 8; 8 begins the next row.
    assert.deepEqual(locks, [
      { ...common, start: minute(1), end: minute(3) },
      { ...common, start: minute(4), end: minute(8) },
    ]);
    assert.deepEqual([attemptCount, refusedCount], [9n, 4n]);
    const forever = await simulate(gate, { values: { ...values, permanentAfter: 1 } });
    assert.deepEqual([forever.locks.length, forever.locks[0]?.end, forever.refusedCount], [1, undefined, 7n]);
    assert.deepEqual((await simulate(gate, { values: { limits: limit(2, Factor.OTP) } })).locks, []);
    assert.equal((await gate.policies.getPolicy({})).policy?.details, undefined, "nothing is stored");
  });

  test("replays guesses at the same time as the gate would have met them", async (t) => {
    const gate = await startGate(t);
    const open = await Promise.all(Array.from({ length: 9 }, () => begin(gate)));
    gate.clock.advance(SECOND_MS);
    for (const { attemptId } of open) await complete(gate, attemptId, false);
    const { lockCount, refusedCount } = await simulate(gate, { values: { limits: limit(3) } });
    assert.deepEqual(
      [lockCount, refusedCount],
      [1n, 6n],
      "three fill it, the others would have waited and been denied",
    );
  });

  test("counts what timed out, and nothing that is under way, denied or of nobody", async (t) => {
    const gate = await startGate(t, { limits: [...limit(5), ...limit(0, Factor.PASSKEY)], concealUnknown: true });
    await fail(gate, 4, { identifier: "nobody" });
    await gate.users.createUser({ userId: "bob" });
    const { attemptId } = await begin(gate, { userId: "bob" });
    await gate.users.banUser({ userId: "bob" });
    await complete(gate, attemptId, true);
    await record(gate, false, { userId: "bob" });
    await begin(gate);
    await begin(gate, { factor: Factor.PASSKEY });
    gate.clock.advance(30 * SECOND_MS);
    await begin(gate);
    const values = { limits: [...limit(1), ...limit(1, Factor.PASSKEY)] };
    const { locks, attemptCount } = await simulate(gate, { values });
    assert.equal(attemptCount, 2n);
    assert.deepEqual(locks.map(({ userId, factor }) => [userId, factor]).sort(), [
      ["ann", Factor.PASSWORD],
      ["ann", Factor.PASSKEY],
    ]);
  });

  test("looks at the period asked for, within the caller's scope, under each organization's own policy", async (t) => {
    const gate = await startGate(t);
    await gate.organizations.createOrganization({ organizationId: "acme" });
    await gate.users.createUser({ userId: "zoe", organizationId: "acme" });
    const start = gate.clock.now;
    for (let i = 0; i < 4; i++) {
      await fail(gate, 1);
      await fail(gate, 1, { userId: "zoe" });
      gate.clock.advance(HOUR_MS / 4);
    }
    const seconds = (ms: number) => ({ seconds: BigInt(ms / 1000) });
    const count = async (request: Request): Promise<bigint> => (await simulate(gate, request)).attemptCount;
    assert.equal(await count({}), 8n);
    assert.equal(await count({ organizationId: "acme" }), 4n);
    assert.equal(await count({ startTime: seconds(start + HOUR_MS / 4) }), 6n);
    assert.equal(await count({ endTime: seconds(start + HOUR_MS / 4) }), 2n);
    const { secret } = await gate.keys.createApiKey({ role: "viewer", organizationId: "acme" });
    assert.equal((await simulate(clientsOf(gate.url, secret))).attemptCount, 4n);
    await setPolicy(gate, { limits: limit(4) }, "acme");
    assert.deepEqual(
      (await simulate(gate)).locks.map(({ userId }) => userId),
      ["zoe"],
    );
    const later = { startTime: seconds(start), endTime: seconds(start) };
    const bad: readonly [Request, string][] = [
      [later, "start_time"],
      [{ values: { limits: [...limit(1), ...limit(1)] } }, "values.limits[1]"],
      [{ values: { growthFactor: 0 } }, "values.growth_factor"],
    ];
    for (const [request, field] of bad) {
      const { fields } = await assertRefused(simulate(gate, request), "InvalidArgument", "FIELD_INVALID");
      assert.equal(fields[0], field);
    }
  });

  test("refuses recovery under its own lock alone, and every other factor under either", async (t) => {
    const gate = await startGate(t, { limits: [...limit(0), ...limit(0, Factor.RECOVERY)] });
    const refusedIn = async (values: Request["values"]): Promise<readonly bigint[]> => {
      const { lockCount, refusedCount } = await simulate(gate, { values: { ...values } });
      return [lockCount, refusedCount];
    };
    for (const factor of [Factor.PASSWORD, Factor.PASSWORD, Factor.RECOVERY, Factor.RECOVERY, Factor.RECOVERY]) {
      await fail(gate, 1, { factor });
      gate.clock.advance(SECOND_MS);
    }
    await fail(gate, 1);
    assert.deepEqual(await refusedIn({ limits: limit(1) }), [1n, 2n], "passwords 2 and 3");
    assert.deepEqual(await refusedIn({ limits: limit(2, Factor.RECOVERY) }), [1n, 2n], "recovery 3 and password 3");
    assert.deepEqual(await refusedIn({ limits: [...limit(1), ...limit(1, Factor.RECOVERY)] }), [2n, 4n]);
    // The gate itself, under the second policy: recovery locks although the password did before, and shuts both.
    await setPolicy(gate, { limits: [...limit(1), ...limit(2, Factor.RECOVERY)] });
    await gate.users.createUser({ userId: "bob" });
    const admitted: (boolean | undefined)[] = [];
    for (const factor of [Factor.PASSWORD, Factor.RECOVERY, Factor.RECOVERY, Factor.RECOVERY, Factor.OTP]) {
      gate.clock.advance(SECOND_MS);
      const answer = await begin(gate, { userId: "bob", factor });
      admitted.push(answer.admitted);
      if (answer.admitted) await complete(gate, answer.attemptId, false);
    }
    assert.deepEqual(admitted, [true, true, true, false, false]);
    const { locks } = await simulate(gate);
    const ofBob = locks.filter(({ userId }) => userId === "bob").map(({ factor }) => factor);
    assert.deepEqual(ofBob, [Factor.PASSWORD, Factor.RECOVERY]);
  });
});
