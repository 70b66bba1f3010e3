/** What the gate refuses, who may use it, and its paths in plain JSON. */
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { rename } from "node:fs/promises";
import { join } from "node:path";
import { describe, test } from "node:test";
import type { MessageInitShape } from "@bufbuild/protobuf";
import { Factor } from "../../../gen/lockkeeper/resource/v1/factor_pb.ts";
import {
  AttemptOutcome,
  type BeginAttemptRequestSchema,
} from "../../../gen/lockkeeper/signin/v1/sign_in_service_pb.ts";
import { httpRequest } from "../../support/http-client.ts";
import { assertRefused } from "../../support/refusals.ts";
import { clientsOf, startService, temporaryFolder } from "../../support/service.ts";
import { begin, check, complete, fail, limit, of, startGate } from "../support/sign-ins.ts";

describe("the gate refuses", () => {
  test("what cannot be, naming the field, and counts nothing", async (t) => {
    const gate = await startGate(t);
    const { signIns } = gate;
    const attemptId = randomUUID();
    const fine = { attemptId, ...of() };
    const typed = (identifier: string) => ({ subject: { case: "identifier", value: identifier } as const });
    const bad: readonly [field: string, request: MessageInitShape<typeof BeginAttemptRequestSchema>][] = [
      ["attempt_id", { ...fine, attemptId: "" }],
      ["attempt_id", { ...fine, attemptId: "short" }],
      ["attempt_id", { ...fine, attemptId: "x".repeat(65) }],
      ["attempt_id", { ...fine, attemptId: `${attemptId}/` }],
      ["subject", { attemptId, factor: Factor.PASSWORD }],
      ["subject.subject", { ...fine, subject: {} }],
      ["subject.user_id", { ...fine, ...of({ userId: "" }) }],
      ["subject.user_id", { ...fine, ...of({ userId: "x".repeat(201) }) }],
      ["subject.identifier", { ...fine, subject: typed("") }],
      ["subject.identifier", { ...fine, subject: typed("x".repeat(321)) }],
      ["factor", { ...fine, factor: Factor.UNSPECIFIED }],
      ["factor", { ...fine, factor: 6 as Factor }],
      ["factor", { ...fine, factor: -1 as Factor }],
      ["client.ip", { ...fine, client: { ip: "x".repeat(101) } }],
      ["client.user_agent", { ...fine, client: { userAgent: "x".repeat(1_001) } }],
      ["organization_id", { ...fine, organizationId: "x".repeat(201) }],
    ];
    for (const [field, request] of bad) {
      const { fields, message } = await assertRefused(
        signIns.beginAttempt(request),
        "InvalidArgument",
        "FIELD_INVALID",
      );
      assert.equal(fields[0], field, message);
    }
    for (const call of [
      () => signIns.recordFailure({ ...of(), factor: Factor.UNSPECIFIED }),
      () => signIns.recordSuccess({ ...of(), factor: 9 as Factor }),
      () => signIns.recordFailure({ factor: Factor.OTP }),
      () => signIns.checkSignIn({ userId: "" }),
      () => signIns.checkSignIn({ userId: "ann", factor: 9 as Factor }),
      () => signIns.completeAttempt({ attemptId: "", outcome: AttemptOutcome.FAILED }),
      () => signIns.completeAttempt({ attemptId, outcome: AttemptOutcome.UNSPECIFIED }),
      () => signIns.completeAttempt({ attemptId, outcome: 3 as AttemptOutcome }),
    ]) {
      await assertRefused(call(), "InvalidArgument", "FIELD_INVALID");
    }
    assert.equal((await check(gate)).attemptsLeft, 10);
    const { attemptId: open } = await begin(gate);
    await assertRefused(
      signIns.completeAttempt({ attemptId: open, outcome: AttemptOutcome.UNSPECIFIED }),
      "InvalidArgument",
      "FIELD_INVALID",
    );
    assert.equal((await complete(gate, open, true)).decision?.allowed, true, "it is still under way");
  });

  test("P28 to write down what a person typed or where the call came from", async (t) => {
    const gate = await startGate(t);
    const identifier = "typed-by-mistake-hunter2";
    const client = { ip: "192.0.2.77", userAgent: "Secret Browser" };
    await assertRefused(
      gate.signIns.beginAttempt({ attemptId: "short", ...of({ identifier }), client }),
      "InvalidArgument",
      "FIELD_INVALID",
    );
    await gate.signIns.beginAttempt({ attemptId: randomUUID(), ...of({ identifier }), client }).catch(() => undefined);
    await gate.signIns.recordFailure({ ...of(), client });
    assert.doesNotMatch(gate.log(), /hunter2|192\.0\.2\.77|Secret Browser/);
  });

  test("who lacks the permission, and does not see users of other organizations", async (t) => {
    const gate = await startGate(t);
    await gate.organizations.createOrganization({ organizationId: "other" });
    const as = async (role: string, organizationId = "") => {
      const { secret } = await gate.keys.createApiKey({ role, ...(organizationId === "" ? {} : { organizationId }) });
      return clientsOf(gate.url, secret);
    };
    const viewer = await as("viewer");
    assert.equal((await check(viewer)).allowed, true);
    for (const call of [
      () => begin(viewer),
      () => complete(viewer, randomUUID(), true),
      () => viewer.signIns.recordFailure(of()),
      () => viewer.signIns.recordSuccess(of()),
    ]) {
      await assertRefused(call(), "PermissionDenied", "PERMISSION_MISSING");
    }
    const login = await as("login");
    assert.equal((await begin(login)).admitted, true);
    assert.equal((await check(login)).attemptsLeft, 9);
    const other = await as("login", "other");
    for (const call of [
      () => begin(other),
      () => other.signIns.recordFailure(of()),
      () => other.signIns.checkSignIn({ userId: "ann" }),
    ]) {
      await assertRefused(call(), "NotFound", "USER_NOT_FOUND");
    }
    await assertRefused(
      gate.signIns.checkSignIn({ userId: "ann", organizationId: "other" }),
      "NotFound",
      "USER_NOT_FOUND",
    );
    await gate.users.deleteUser({ userId: "ann" });
    await assertRefused(gate.signIns.checkSignIn({ userId: "ann" }), "NotFound", "USER_NOT_FOUND");
  });
});

test("CheckSignIn tells the strongest restriction and the one that lasts longest", async (t) => {
  const gate = await startGate(t);
  const inSeconds = (value: bigint) => ({ case: "duration", value: { seconds: value } }) as const;
  const told = async (): Promise<readonly unknown[]> => {
    const { allowed, reasonCode, text, untilTime } = await check(gate);
    return [allowed, reasonCode, text, untilTime === undefined ? 0 : Number(untilTime.seconds) - gate.clock.now / 1000];
  };
  assert.deepEqual(await told(), [true, "", "", 0]);
  await gate.users.lockUser({ userId: "ann", reasonCode: "ODD", expiry: inSeconds(90n) });
  assert.deepEqual(await told(), [false, "ODD", "Your account is locked. You can try again in 2 minutes.", 90]);
  await gate.users.deactivateUser({ userId: "ann", reasonCode: "LEFT" });
  assert.deepEqual(await told(), [false, "LEFT", "Your account is not active. Please contact support.", 0]);
  await gate.users.banUser({ userId: "ann", reasonCode: "FRAUD", note: "seen twice", expiry: inSeconds(172_800n) });
  assert.deepEqual(await told(), [false, "FRAUD", "Your account is banned. The ban ends in 2 days.", 172_800]);
  const { decision } = await gate.signIns.checkSignIn({ userId: "ann" });
  const { user } = await gate.users.getUser({ userId: "ann" });
  assert.equal(decision?.revocationEpoch, user?.revocationEpoch);
});

test("P14 a clock that steps back neither revives a lock that ended nor forgets a failure", async (t) => {
  const gate = await startGate(t);
  await fail(gate, 10);
  gate.clock.advance(3_600_000);
  await fail(gate, 1);
  gate.clock.advance(-10_000);
  const { allowed, attemptsLeft } = await check(gate);
  assert.deepEqual([allowed, attemptsLeft], [true, 9]);
});

test("an unknown factor is refused with the list of factors", async (t) => {
  const gate = await startGate(t);
  const allowed = "must be one of FACTOR_PASSWORD, FACTOR_OTP, FACTOR_PASSKEY, FACTOR_BACKUP_CODE, FACTOR_RECOVERY";
  for (const [factor, told] of [
    [0, "FACTOR_UNSPECIFIED"],
    [9, "9"],
  ] as const) {
    const call = gate.signIns.recordFailure({ ...of(), factor: factor as Factor });
    const { message } = await assertRefused(call, "InvalidArgument", "FIELD_INVALID");
    assert.equal(message, `factor: ${told} is not allowed; it ${allowed}`);
  }
});

test("P14 a start with a clock behind the newest attempt is refused, though attempts are no events", async (t) => {
  const path = join(await temporaryFolder(t), "a.db");
  const gate = await startGate(t, undefined, { path });
  gate.clock.advance(600_000);
  await fail(gate, 1);
  await gate.stop();
  await assert.rejects(
    startService(t, { path, clock: () => gate.clock.now - 120_000 }),
    /the newest record is of .*: it is 120 s behind/,
  );
});

test("every RPC of the gate answers plain JSON at its path", async (t) => {
  const gate = await startGate(t);
  const send = async (method: string, path: string, body?: object) => {
    const request = body === undefined ? { method } : { method, body: JSON.stringify(body) };
    const { status, text } = await httpRequest(gate.url, path, request);
    const json = JSON.parse(text) as {
      readonly admitted?: boolean;
      readonly locked?: boolean;
      readonly decision?: { readonly allowed?: boolean; readonly attemptsLeft?: number; readonly state: string };
      readonly details?: readonly { readonly reason?: string }[];
    };
    return { status, ...json };
  };
  const subject = { userId: "ann" };
  const factor = "FACTOR_PASSWORD";
  const attemptId = randomUUID();
  const checked = await send("GET", "/v1/users/ann:checkSignIn?factor=FACTOR_OTP");
  assert.deepEqual([checked.status, checked.decision?.allowed, checked.decision?.attemptsLeft], [200, true, 10]);
  assert.equal((await send("POST", "/v1/attempts", { attemptId, subject, factor })).admitted, true);
  const path = `/v1/attempts/${attemptId}:complete`;
  const done = await send("POST", path, { outcome: "ATTEMPT_OUTCOME_FAILED" });
  assert.deepEqual([done.status, done.decision?.attemptsLeft], [200, 9]);
  const again = await send("POST", path, { outcome: "ATTEMPT_OUTCOME_FAILED" });
  assert.deepEqual([again.status, again.details?.[0]?.reason], [400, "ATTEMPT_SETTLED"]);
  const failed = await send("POST", "/v1/attempts:recordFailure", { subject, factor });
  assert.deepEqual([failed.status, failed.decision?.attemptsLeft], [200, 8]);
  const succeeded = await send("POST", "/v1/attempts:recordSuccess", { subject, factor });
  assert.deepEqual([succeeded.status, succeeded.decision?.attemptsLeft], [200, 10]);
  const odd = await send("POST", "/v1/attempts", { attemptId, subject, factor: "FACTOR_TATTOO" });
  assert.equal(odd.status, 400);
  const unknown = await send("GET", "/v1/users/nobody:checkSignIn");
  assert.deepEqual([unknown.status, unknown.details?.[0]?.reason], [404, "USER_NOT_FOUND"]);
});

test("P29 while the store cannot be written nobody is admitted or settled, and it goes on after", async (t) => {
  const path = join(await temporaryFolder(t), "a.db");
  const gate = await startGate(t, undefined, { path });
  const { attemptId } = await begin(gate);
  await rename(path, `${path}.moved`);
  for (const call of [begin(gate), complete(gate, attemptId, true), gate.signIns.recordFailure(of())]) {
    await assertRefused(call, "Unavailable", "STORE_UNAVAILABLE");
  }
  await rename(`${path}.moved`, path);
  assert.equal((await check(gate)).attemptsLeft, 9, "one under way as before");
  assert.equal((await complete(gate, attemptId, true)).decision?.allowed, true);
});

test("who has the id of a deleted user inherits none of its attempts, nor the calls that wait for a place", async (t) => {
  const gate = await startGate(t, { limits: limit(1), concealUnknown: true });
  const { attemptId } = await begin(gate);
  const waiting = assertRefused(begin(gate), "NotFound", "USER_NOT_FOUND");
  // When it is answered, the call before it is waiting.
  await check(gate);
  await gate.users.deleteUser({ userId: "ann" });
  const ofNobody = await begin(gate);
  assert.deepEqual([ofNobody.admitted, ofNobody.userId], [true, ""]);
  await gate.users.createUser({ userId: "ann" });
  await waiting;
  for (const id of [attemptId, ofNobody.attemptId]) {
    await assertRefused(complete(gate, id, true), "NotFound", "ATTEMPT_NOT_FOUND");
  }
  assert.equal((await check(gate)).attemptsLeft, 1);
  const own = await begin(gate);
  assert.equal((await complete(gate, own.attemptId, true)).decision?.allowed, true);
});
