/** What the session RPCs refuse, and who does not see a session. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { Initiator } from "../../../gen/lockkeeper/event/v1/event_pb.ts";
import { assertRefused } from "../../support/refusals.ts";
import { ADMIN_KEY, clientsOf, GENERATION } from "../../support/service.ts";
import { nameOf, openSession, startWithAnn, statusOf } from "../support/sessions.ts";

describe("sessions", () => {
  test("of another organization are not there", async (t) => {
    const running = await startWithAnn(t);
    await running.organizations.createOrganization({ organizationId: "other" });
    const { secret } = await running.keys.createApiKey({ role: "operator", organizationId: "other" });
    const other = clientsOf(running.url, secret);
    const { id, token } = await openSession(running);
    const { status, session } = await other.sessions.verifySession({ key: { case: "token", value: token } });
    assert.deepEqual([nameOf(status), session], ["UNKNOWN", undefined]);
    for (const call of [
      () => other.sessions.getSession({ sessionId: id }),
      () => other.sessions.extendSession({ sessionId: id }),
      () => other.sessions.revokeSession({ sessionId: id }),
    ]) {
      await assertRefused(call(), "NotFound", "SESSION_NOT_FOUND");
    }
    await assertRefused(other.sessions.createSession({ userId: "ann" }), "NotFound", "USER_NOT_FOUND");
    await assertRefused(other.sessions.revokeUserSessions({ userId: "ann" }), "NotFound", "USER_NOT_FOUND");
    assert.deepEqual((await other.sessions.listSessions({})).sessions, []);
    await assertRefused(
      other.sessions.listSessions({ organizationId: "default" }),
      "PermissionDenied",
      "SCOPE_EXCEEDED",
    );
    assert.equal(await statusOf(running, token), "ACTIVE");
  });

  test("are not kept alive by who may not see them", async (t) => {
    const running = await startWithAnn(t);
    await running.organizations.createOrganization({ organizationId: "other" });
    const { secret } = await running.keys.createApiKey({ role: "operator", organizationId: "other" });
    const other = clientsOf(running.url, secret);
    const { token } = await openSession(running, { idleTimeout: { seconds: 600n } });
    for (let i = 0; i < 3; i++) {
      running.clock.advance(250_000);
      await other.sessions.verifySession({ key: { case: "token", value: token } });
    }
    assert.equal(await statusOf(running, token), "IDLE");
  });

  test("refuse what cannot be, naming the field, and change nothing", async (t) => {
    const running = await startWithAnn(t);
    const { sessions } = running;
    const { id, token } = await openSession(running);
    const seconds = (value: bigint) => ({ case: "duration", value: { seconds: value } }) as const;
    const bad: readonly [string, () => Promise<unknown>][] = [
      ["duration", () => openSession(running, { expiry: seconds(0n) })],
      ["duration", () => openSession(running, { expiry: seconds(-1n) })],
      ["duration", () => openSession(running, { expiry: seconds(3_650n * 86_400n + 1n) })],
      ["expire_time", () => openSession(running, { expiry: { case: "expireTime", value: { seconds: 1n } } })],
      ["idle_timeout", () => openSession(running, { idleTimeout: { seconds: 0n } })],
      ["idle_timeout", () => openSession(running, { idleTimeout: { seconds: 9n } })],
      ["user_id", () => openSession(running, { userId: "" })],
      ["user_agent", () => openSession(running, { userAgent: "x".repeat(1001) })],
      ["attributes", () => openSession(running, { attributes: { a: { b: "x".repeat(20_000) } } })],
      ["attributes", () => openSession(running, { attributes: { A: {} } })],
      ["duration", () => sessions.extendSession({ sessionId: id, expiry: seconds(-5n) })],
      ["token", () => sessions.verifySession({ key: { case: "token", value: `${token}0` } })],
      [
        "token",
        () =>
          sessions.verifySession({
            key: { case: "token", value: `${token.slice(0, -1)}${token.endsWith("0") ? 1 : 0}` },
          }),
      ],
      ["token", () => sessions.verifySession({ key: { case: "token", value: ADMIN_KEY } })],
      ["key", () => sessions.verifySession({})],
      ["page_size", () => sessions.listSessions({ pageSize: -1 })],
    ];
    for (const [field, call] of bad) {
      const { fields, message } = await assertRefused(call(), "InvalidArgument", "FIELD_INVALID");
      assert.equal(fields[0]?.split("[")[0], field, message);
    }
    await assertRefused(openSession(running, { userId: "nobody" }), "NotFound", "USER_NOT_FOUND");
    await assertRefused(sessions.getSession({ sessionId: "nothing" }), "NotFound", "SESSION_NOT_FOUND");
    assert.equal((await sessions.listSessions({})).sessions.length, 1);
    const unknown = await sessions.verifySession({ key: { case: "sessionId", value: "nothing" } });
    assert.equal(nameOf(unknown.status), "UNKNOWN");
  });

  test("name the length of time that is not allowed", async (t) => {
    const running = await startWithAnn(t);
    const rows: readonly [seconds: bigint, nanos: number, told: string][] = [
      [9n, 0, "9s"],
      [9n, 999_000_000, "9.999s"],
      [0n, -1, "-0.000000001s"],
      [-3n, -500_000_000, "-3.5s"],
      [1n, -1, "1s and -1ns"],
      [1_000_000_000_000n, 0, "1000000000000s"],
      [0n, 1_000_000_000, "0s and 1000000000ns"],
    ];
    for (const [seconds, nanos, told] of rows) {
      const call = openSession(running, { idleTimeout: { seconds, nanos } });
      const { message } = await assertRefused(call, "InvalidArgument", "FIELD_INVALID");
      assert.ok(message.startsWith(`idle_timeout: ${told} is not allowed; it must `), message);
    }
    const tooLong = openSession(running, { expiry: { case: "duration", value: { seconds: 3_651n * 86_400n } } });
    const { message } = await assertRefused(tooLong, "InvalidArgument", "FIELD_INVALID");
    assert.equal(
      message,
      "duration: 2035-12-31T00:00:00.000Z is not allowed; a session ends at most 3,650 days from now",
    );
  });

  test("that are only tried out leave nothing, and repeated requests answer the first success", async (t) => {
    const running = await startWithAnn(t);
    const { sessions } = running;
    const tried = await sessions.createSession({ userId: "ann", validateOnly: true });
    assert.deepEqual([tried.token, tried.session?.userId], ["", "ann"]);
    assert.deepEqual((await sessions.listSessions({})).sessions, []);
    const { id, token } = await openSession(running);
    await sessions.revokeSession({ sessionId: id, validateOnly: true });
    assert.equal(await statusOf(running, token), "ACTIVE");
    const first = await sessions.revokeSession({ sessionId: id, requestId: "once" });
    const second = await sessions.revokeSession({ sessionId: id, requestId: "once" });
    assert.deepEqual(second, first);
    await assertRefused(
      sessions.revokeSession({ sessionId: "other", requestId: "once" }),
      "InvalidArgument",
      "REQUEST_ID_REUSED",
    );
    const epoch = await sessions.revokeUserSessions({ userId: "ann", requestId: "all" });
    assert.deepEqual(await sessions.revokeUserSessions({ userId: "ann", requestId: "all" }), epoch);
    assert.deepEqual([epoch.user?.revocationEpoch, epoch.details?.sequence], [GENERATION + 2n, 3n]);
    const { events } = await running.users.listUserEvents({ userId: "ann" });
    assert.deepEqual(
      events.map(({ payload, initiator }) => [payload.case, initiator]),
      [
        ["userSessionsRevoked", Initiator.ADMIN],
        ["sessionRevoked", Initiator.ADMIN],
        ["userCreated", Initiator.ADMIN],
      ],
    );
    assert.ok(events[1]?.payload.case === "sessionRevoked");
    assert.equal(events[1].payload.value.sessionId, id);
  });
});
