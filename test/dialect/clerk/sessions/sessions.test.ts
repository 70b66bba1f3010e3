/** Single sessions: their form, how they end, who gets one, and what our own API shows. */
import assert from "node:assert/strict";
import { describe, type TestContext, test } from "node:test";
import { Cause } from "../../../../gen/lockkeeper/resource/v1/restriction_pb.ts";
import { SessionStatus } from "../../../../gen/lockkeeper/session/v1/session_service_pb.ts";
import { seededRandom } from "../../../support/random.ts";
import { scaled } from "../../../support/scale.ts";
import { type Running, type RunOptions, startService, TestClock } from "../../../support/service.ts";
import { type ErrorJson, newestClient, send } from "../support/clients.ts";
import { getSession, list, openSession, refusedWith, revoke, sessionIn, verify } from "../support/session-calls.ts";

const MINUTE = 60_000;
const DAY = 86_400_000;

async function start(t: TestContext, options: RunOptions = {}): Promise<Running & { readonly clock: TestClock }> {
  const clock = new TestClock();
  const running = await startService(t, { ...options, config: { dialects: ["clerk"] }, clock: () => clock.now });
  await running.users.createUser({ userId: "u" });
  return { ...running, clock };
}

/** A session of our own API, with properties that only that API can set. */
async function openNative(
  { sessions }: Running,
  more: object,
): Promise<{ readonly id: string; readonly token: string }> {
  const { session, token } = await sessions.createSession({ userId: "u", ...more });
  return { id: session?.sessionId ?? "", token };
}

test("a new session has every property, and its token once", async (t) => {
  const { url, clock } = await start(t);
  const { token, ...made } = await openSession(url, "u");
  const suffix = made.id.slice("sess_".length);
  assert.match(suffix, /^[0-9a-f]{32}$/);
  assert.deepEqual(made, {
    object: "session",
    id: made.id,
    user_id: "u",
    client_id: `client_sess_${suffix}`,
    status: "active",
    actor: null,
    last_active_organization_id: null,
    last_active_at: clock.now,
    latest_activity: null,
    expire_at: clock.now + 30 * DAY,
    abandon_at: clock.now + 30 * DAY,
    tasks: null,
    created_at: clock.now,
    updated_at: clock.now,
  });
  clock.advance(MINUTE);
  assert.deepEqual(await getSession(url, made.id), made);
  assert.deepEqual((await list(url, "user_id=u")).data, [made]);
  assert.deepEqual(sessionIn(await verify(url, made.id, token)), made);
});

test("our own API and this one show the same sessions and accept the same tokens", async (t) => {
  const running = await start(t);
  const { url, sessions, clock } = running;
  const { id, token } = await openSession(url, "u");
  const verified = await sessions.verifySession({ key: { case: "token", value: token } });
  assert.deepEqual([verified.active, verified.session?.sessionId], [true, id]);
  const native = await openNative(running, {
    userAgent: "Mozilla/5.0 (iPhone) Mobile/15E148",
    ip: "203.0.113.7",
    idleTimeout: { seconds: 600n },
  });
  const shown = sessionIn(await verify(url, native.id, native.token));
  assert.deepEqual([shown.client_id, shown.abandon_at], [`client_${native.id}`, clock.now + 10 * MINUTE]);
  assert.deepEqual(shown.latest_activity, {
    object: "session_activity",
    id: `sess_activity_${native.id}`,
    is_mobile: true,
    ip_address: "203.0.113.7",
  });
  await revoke(url, native.id);
  const { status } = await sessions.verifySession({ key: { case: "sessionId", value: native.id } });
  assert.equal(status, SessionStatus.REVOKED);
  await sessions.revokeSession({ sessionId: id });
  assert.equal((await getSession(url, id)).status, "revoked");
});

test("verifying counts as activity; reading does not, nor does a token of another session", async (t) => {
  const running = await start(t, { isOneProcess: true });
  const { url, clock } = running;
  const { id, token } = await openNative(running, { idleTimeout: { seconds: 600n } });
  const other = await openNative(running, { idleTimeout: { seconds: 600n } });
  const began = clock.now;
  clock.advance(5 * MINUTE);
  await getSession(url, id);
  await list(url, "user_id=u");
  assert.deepEqual(refusedWith(await verify(url, id, other.token)), [400, "invalid_session_token"]);
  assert.equal((await getSession(url, id)).last_active_at, began);
  assert.equal((await getSession(url, other.id)).last_active_at, began);
  assert.equal((await verify(url, id, token)).status, 200);
  const used = await getSession(url, id);
  assert.deepEqual([used.last_active_at, used.abandon_at], [clock.now, clock.now + 10 * MINUTE]);
  clock.advance(5 * MINUTE);
  assert.equal((await getSession(url, other.id)).status, "abandoned");
  assert.equal((await getSession(url, id)).status, "active");
});

interface Ending {
  readonly name: string;
  readonly end: (running: Running & { readonly clock: TestClock }, userId: string, id: string) => Promise<unknown>;
  readonly status: string;
}

const ENDINGS: readonly Ending[] = [
  { name: "a revocation", end: ({ url }, _userId, id) => revoke(url, id), status: "revoked" },
  { name: "a ban", end: ({ users }, userId) => users.banUser({ userId }), status: "revoked" },
  { name: "a deactivation", end: ({ users }, userId) => users.deactivateUser({ userId }), status: "revoked" },
  { name: "the user's deletion", end: ({ users }, userId) => users.deleteUser({ userId }), status: "revoked" },
  {
    name: "a lock that says so",
    end: ({ users }, userId) => users.lockUser({ userId, revokeSessions: true }),
    status: "revoked",
  },
  {
    name: "the revocation of all",
    end: ({ sessions }, userId) => sessions.revokeUserSessions({ userId }),
    status: "revoked",
  },
  { name: "too long a rest", end: async ({ clock }) => clock.advance(DAY), status: "abandoned" },
  { name: "its end", end: async ({ clock }) => clock.advance(7 * DAY), status: "expired" },
];

test("a session that has ended shows how, stays so when it is revoked, and no longer verifies", async (t) => {
  const running = await start(t);
  const { url, users } = running;
  for (const [index, { name, end, status }] of ENDINGS.entries()) {
    await t.test(name, async () => {
      const userId = `u${index}`;
      await users.createUser({ userId });
      const expiry = { case: "duration", value: { seconds: BigInt((7 * DAY) / 1000) } };
      const idleTimeout = { seconds: BigInt(DAY / 1000) };
      const { id, token } = await openNative(running, { userId, idleTimeout, expiry });
      assert.equal((await verify(url, id, token)).status, 200);
      await end(running, userId, id);
      const ended = await getSession(url, id);
      assert.equal(ended.status, status);
      assert.deepEqual(await revoke(url, id), ended);
      assert.deepEqual((await list(url, `user_id=${userId}`)).data, [ended]);
      assert.deepEqual((await list(url, `user_id=${userId}&status=${status}`)).data, [ended]);
      assert.equal((await list(url, `user_id=${userId}&status=active`)).total_count, 0);
      assert.deepEqual(refusedWith(await verify(url, id, token)), [400, "invalid_session_token"]);
    });
  }
});

describe("a user that may not act gets no session", () => {
  const LOCKED = "Your account is locked.";
  const CONTACT = "For more information, please contact support.";
  const rows: readonly {
    readonly name: string;
    readonly restrict: (running: Running, userId: string) => Promise<unknown>;
    readonly status: number;
    readonly code: string;
    readonly message: string;
    readonly longMessage: string;
    readonly meta?: object;
  }[] = [
    ...(
      [
        [59n, "59 seconds"],
        [90n, "2 minutes"],
        [3600n, "1 hour"],
        [86_401n, "2 days"],
      ] as const
    ).map(([seconds, words]) => ({
      name: `locked for ${seconds} seconds`,
      restrict: ({ users }: Running, userId: string) =>
        users.lockUser({ userId, expiry: { case: "duration", value: { seconds } } }),
      status: 403,
      code: "user_locked",
      message: "Account locked",
      longMessage: `${LOCKED} You will be able to try again in ${words}. ${CONTACT}`,
      meta: { lockout_expires_in_seconds: Number(seconds) },
    })),
    {
      name: "locked permanently",
      restrict: ({ users }, userId) => users.lockUser({ userId, expiry: { case: "never", value: true } }),
      status: 403,
      code: "user_locked",
      message: "Account locked",
      longMessage: `${LOCKED} ${CONTACT}`,
    },
    {
      name: "banned, and locked as well",
      restrict: async ({ users }, userId) => {
        await users.lockUser({ userId });
        await users.banUser({ userId });
      },
      status: 403,
      code: "user_banned",
      message: "User banned",
      longMessage: "You have been banned. If you think this was by mistake, please contact support.",
    },
    {
      name: "deactivated, by a directory as well",
      restrict: async ({ users }, userId) => {
        await users.deactivateUser({ userId, cause: Cause.DIRECTORY });
        await users.deactivateUser({ userId });
      },
      status: 403,
      code: "user_deactivated",
      message: "User deactivated",
      longMessage: "You have been deactivated. Please contact support.",
    },
    {
      name: "deprovisioned",
      restrict: ({ users }, userId) => users.deactivateUser({ userId, cause: Cause.DIRECTORY }),
      status: 400,
      code: "deprovisioned",
      message: "account deprovisioned",
      longMessage: "The target user's account has been deprovisioned according to their external identity provider",
    },
    {
      name: "deleted",
      restrict: ({ users }, userId) => users.deleteUser({ userId }),
      status: 404,
      code: "resource_not_found",
      message: "not found",
      longMessage: "No user was found with id <user>",
    },
  ];
  test("and the error says why", async (t) => {
    const running = await start(t);
    for (const [index, { name, restrict, status, code, message, longMessage, meta }] of rows.entries()) {
      await t.test(name, async () => {
        const userId = `u${index}`;
        await running.users.createUser({ userId });
        await restrict(running, userId);
        const answer = await send(running.url, "/sessions", { body: { user_id: userId } });
        assert.equal(answer.status, status);
        const told = { message, long_message: longMessage.replace("<user>", userId), code };
        assert.deepEqual((answer.json as ErrorJson).errors, [{ ...told, ...(meta === undefined ? {} : { meta }) }]);
        assert.equal((await list(running.url, `user_id=${userId}`)).total_count, 0);
      });
    }
  });
});

test("malformed tokens, unknown ones and those of another organization are refused alike", async (t) => {
  const { url, organizations, keys } = await start(t);
  await organizations.createOrganization({ organizationId: "acme" });
  const { secret } = await keys.createApiKey({ displayName: "acme", role: "owner", organizationId: "acme" });
  const { id, token } = await openSession(url, "u");
  const swapped = `${token.slice(0, 10)}${token[10] === "a" ? "b" : "a"}${token.slice(11)}`;
  for (const bad of ["tok", swapped, ` ${token}`, `${token}x`, token.toUpperCase(), "a.b.c"]) {
    assert.deepEqual(refusedWith(await verify(url, id, bad)), [400, "invalid_session_token"], bad);
  }
  for (const [path, body] of [
    [`/sessions/${id}`, undefined],
    [`/sessions/${id}/revoke`, {}],
    [`/sessions/${id}/verify`, { token }],
    ["/sessions", { user_id: "u" }],
  ] as const) {
    assert.deepEqual(refusedWith(await send(url, path, { key: secret, body })), [404, "resource_not_found"], path);
  }
  assert.equal((await list(url, "user_id=u", { key: secret })).total_count, 0);
  assert.equal((await list(url, `client_id=client_${id}`, { key: secret })).total_count, 0);
  assert.equal((await verify(url, id, token)).status, 200);
});

test("signing out needs the permission to end sessions, and changes nothing without it", async (t) => {
  const { url, keys } = await start(t);
  const { id } = await openSession(url, "u");
  const { secret } = await keys.createApiKey({ displayName: "writer", permissions: ["user.write"] });
  const patch = (body: object) => send(url, "/users/u", { method: "PATCH", key: secret, body });
  const refused = await patch({ first_name: "Ann", sign_out_of_other_sessions: true });
  assert.deepEqual(refusedWith(refused), [403, "authorization_missing_scopes"]);
  assert.equal((await patch({ last_name: "Lee", sign_out_of_other_sessions: false })).status, 200);
  assert.equal((await getSession(url, id)).status, "active");
  const { json } = await send(url, "/users/u");
  const { first_name: first, last_name: last } = json as { first_name: string | null; last_name: string | null };
  assert.deepEqual([first, last], [null, "Lee"]);
});

test("P9 P10 sessions that are opened, verified and revoked around a ban do not verify once it has returned", async (t) => {
  const { url } = await start(t);
  const random = seededRandom(t);
  const { users } = newestClient(url);
  for (let round = 0; round < scaled({ quick: 4, soak: 40 }); round++) {
    const { id: userId } = await users.createUser({});
    const before = await Promise.all(Array.from({ length: 10 }, () => openSession(url, userId)));
    const opened = [...before];
    const calls = Array.from({ length: 40 }, (_, n) => async () => {
      if (n === 20) return void (await users.banUser(userId));
      const { id, token } = random.pick(before);
      if (n % 4 === 0) return void (await verify(url, id, token));
      if (n % 4 === 1) return void (await send(url, `/sessions/${id}/revoke`, { method: "POST" }));
      const made = await send(url, "/sessions", { body: { user_id: userId } });
      if (made.status === 200) opened.push(made.json as (typeof before)[number]);
      else assert.deepEqual(refusedWith(made), [403, "user_banned"]);
    });
    await Promise.all(calls.toSorted(() => random.below(3) - 1).map((call) => call()));
    const answers = await Promise.all(opened.map(({ id, token }) => verify(url, id, token)));
    assert.deepEqual(new Set(answers.map(({ status }) => status)), new Set([400]));
    const { data, total_count: total } = await list(url, `user_id=${userId}&limit=500`);
    assert.equal(total, opened.length);
    assert.deepEqual(new Set(data.map(({ status }) => status)), new Set(["revoked"]));
  }
});
