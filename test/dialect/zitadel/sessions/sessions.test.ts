/** Sessions over REST: paths and statuses, refusals, and when users lose their sessions. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { fromBinary, type JsonObject } from "@bufbuild/protobuf";
import { ChecksSchema } from "@zitadel/proto/zitadel/session/v2/session_service_pb.js";
import { assertOnlyUser } from "../../../../src/dialect/zitadel/sessions/session-check.ts";
import { TestClock } from "../../../support/service.ts";
import { errorBody, makeUsers, STARTS, startLab } from "../support/lab.ts";
import { forUser, idsOf, type Opened, open } from "../support/open-sessions.ts";

const MISSING = errorBody(5, "Session does not exist", "QUERY-SFeaa");
const NOT_EXISTING = errorBody(9, "Session does not exist", "COMMAND-Flk38");
const TERMINATED = errorBody(9, "Session already terminated", "COMMAND-Hewfq");
const EXPIRED = errorBody(9, "Session has expired", "COMMAND-Hkl3d");
const NOT_ACTIVE = errorBody(9, "Errors.User.NotActive", "SESSION-Gj4ko");
const UNKNOWN_USER = errorBody(5, "User could not be found", "QUERY-Dfbg2");
const BAD_TOKEN = errorBody(7, "Session Token is invalid", "COMMAND-sGr42");
const DENIED = errorBody(7, "Permission denied", "QUERY-dsfr3");
const USER_CHANGE = errorBody(3, "user change not possible", "DOM-78g1TV");

for (const version of ["v2", "v2beta"]) {
  test(`${version}: every path with its status and answer`, async (t) => {
    const clock = new TestClock();
    const lab = await startLab(t, { clock: () => clock.now });
    await lab.users.createUser({ userId: "alice", profile: { username: "al", displayName: "Alice" } });
    const body = { ...forUser("alice"), metadata: { a: "YQ==" }, userAgent: { ip: "not an address" } };
    const made = await lab.rest(`POST /${version}/sessions`, { body });
    assert.equal(made.status, 201);
    const { sessionId, sessionToken, ...rest } = made.json;
    const date = "2026-01-01T00:00:00Z";
    const details = { sequence: "1", creationDate: date, changeDate: date, resourceOwner: "default" };
    assert.deepEqual(rest, { details });
    const path = `/${version}/sessions/${String(sessionId)}`;
    const session = {
      id: String(sessionId),
      creationDate: date,
      changeDate: date,
      sequence: "1",
      factors: {
        user: { verifiedAt: date, id: "alice", loginName: "al", displayName: "Alice", organizationId: "default" },
      },
      metadata: { a: "YQ==" },
      expirationDate: "2035-12-30T00:00:00Z",
    };
    for (const query of ["", `?sessionToken=${String(sessionToken)}`, `?session_token=${String(sessionToken)}`]) {
      const { status, json } = await lab.rest(`GET ${path}${query}`);
      assert.deepEqual([status, json], [200, { session }], query);
    }
    const { status, json } = await lab.rest(`POST /${version}/sessions/search`);
    assert.deepEqual([status, json], [200, { details: { totalResult: "1", timestamp: date }, sessions: [session] }]);
    clock.advance(1000);
    const set = await lab.rest(`PATCH ${path}`, { body: forUser("alice") });
    assert.deepEqual([set.status, Object.keys(set.json)], [200, ["details", "sessionToken"]]);
    const again = (await lab.rest(`GET ${path}`)).json.session as typeof session;
    assert.equal(again.factors.user.verifiedAt, "2026-01-01T00:00:01Z");
    assert.deepEqual(again.metadata, { a: "YQ==" });
    const deleted = await lab.rest(`DELETE ${path}`);
    assert.deepEqual([deleted.status, Object.keys(deleted.json)], [200, ["details"]]);
    const twice = await lab.rest(`DELETE ${path}`, { body: { sessionToken: String(set.json.sessionToken) } });
    assert.deepEqual([twice.status, twice.json], [200, deleted.json]);
    const gone = await lab.rest(`DELETE /${version}/sessions/nothing`);
    assert.deepEqual([gone.status, gone.json], [200, { details: { resourceOwner: "default" } }]);
    const unserved = await lab.rest(`PUT ${path}`);
    assert.deepEqual([unserved.status, unserved.json], [405, { code: 12, message: "Method Not Allowed" }]);
  });
}

describe("refusals", () => {
  test("have the original's errors", async (t) => {
    const clock = new TestClock();
    const lab = await startLab(t, { clock: () => clock.now });
    for (const userId of ["alice", "bob"]) await lab.users.createUser({ userId, profile: { username: "twin" } });
    const held = await open(lab, "alice");
    const other = await open(lab, "alice");
    const ended = await open(lab, "alice");
    const expired = await open(lab, "alice", { lifetime: "1s" });
    await lab.rest(`DELETE /v2/sessions/${ended.id}`);
    clock.advance(1000);
    const cases: readonly (readonly [request: string, body: JsonObject, status: number, json: JsonObject])[] = [
      ["GET /v2/sessions/nothing", {}, 404, MISSING],
      [`GET /v2/sessions/${ended.id}`, {}, 404, MISSING],
      [`GET /v2/sessions/${expired.id}`, {}, 404, MISSING],
      [`GET /v2/sessions/${ended.id}?sessionToken=${ended.token}`, {}, 404, MISSING],
      [`GET /v2/sessions/${held.id}?sessionToken=nonsense`, {}, 403, DENIED],
      [`GET /v2/sessions/${held.id}?sessionToken=${other.token}`, {}, 403, DENIED],
      ["PATCH /v2/sessions/nothing", {}, 400, NOT_EXISTING],
      [`PATCH /v2/sessions/${ended.id}`, {}, 400, TERMINATED],
      [`PATCH /v2/sessions/${expired.id}`, { sessionToken: expired.token }, 400, EXPIRED],
      [`PATCH /v2/sessions/${held.id}`, forUser("bob"), 400, USER_CHANGE],
      [`PATCH /v2/sessions/${held.id}`, forUser("nobody"), 404, UNKNOWN_USER],
      [`DELETE /v2/sessions/${held.id}`, { sessionToken: "nonsense" }, 403, BAD_TOKEN],
      [`DELETE /v2/sessions/${held.id}`, { sessionToken: other.token }, 403, BAD_TOKEN],
      ["POST /v2/sessions", forUser("nobody"), 404, UNKNOWN_USER],
      ["POST /v2/sessions", { checks: { user: { loginName: "nobody" } } }, 404, UNKNOWN_USER],
    ];
    for (const [request, body, status, json] of cases) {
      const reply = await lab.rest(request, request.startsWith("GET") ? {} : { body });
      assert.deepEqual([reply.status, reply.json], [status, json], request);
    }
    const twin = await lab.rest("POST /v2/sessions", { body: { checks: { user: { loginName: "twin" } } } });
    assert.match(String(twin.json.message), /\(LOGIN_NAME_AMBIGUOUS\)$/);
    assert.deepEqual((await idsOf(lab)).toSorted(), [held.id, other.id].toSorted(), "nothing was changed");
  });

  test("come for values that break the descriptor's rules or are too large", async (t) => {
    const lab = await startLab(t);
    await lab.users.createUser({ userId: "alice" });
    const held = await open(lab, "alice");
    const days = (count: number): string => `${count * 86_400}s`;
    const refused: readonly (readonly [body: JsonObject, message: RegExp])[] = [
      [{ lifetime: "0s" }, /^invalid CreateSessionRequest\.Lifetime: value must be greater than 0s$/],
      [{ lifetime: "-1s" }, /^invalid CreateSessionRequest\.Lifetime: value must be greater than 0s$/],
      [{ lifetime: days(3651) }, / is not allowed; a session ends at most 3,650 days from now \(FIELD_INVALID\)$/],
      [{ checks: { user: { userId: "" } } }, /CheckUser\.UserId: value length must be between 1 and 200 runes/],
      [{ checks: {} }, /\(SESSION_USER_REQUIRED\)$/],
      [{ checks: { user: {} } }, /\(SESSION_USER_REQUIRED\)$/],
      [{ metadata: { a: "A".repeat(16_384) } }, /16384 are allowed \(FIELD_INVALID\)$/],
      [{ userAgent: { description: "x".repeat(1001) } }, /^invalid UserAgent\.Description: /],
      [{ userAgent: { fingerprintId: "a\u0000" } }, /^invalid CreateSessionRequest\.UserAgent: .*U\+0000/],
      [{ metadata: { "a\u0000": "YQ==" } }, /^invalid CreateSessionRequest\.Metadata: .*U\+0000/],
    ];
    for (const [body, message] of refused) {
      const { status, json } = await lab.rest("POST /v2/sessions", { body: { ...forUser("alice"), ...body } });
      assert.equal(status, 400, JSON.stringify(body).slice(0, 100));
      assert.match(String(json.message), message);
    }
    const { json } = await lab.rest(`PATCH /v2/sessions/${held.id}`, { body: { lifetime: "0s" } });
    assert.deepEqual(json, { code: 3, message: "invalid SetSessionRequest.Lifetime: value must be greater than 0s" });
    const long = await lab.rest(`DELETE /v2/sessions/${"x".repeat(201)}`);
    assert.equal(long.status, 400);
    assert.deepEqual(await idsOf(lab), [held.id]);
  });

  test("come for checks of credentials and for challenges: nothing here verifies them", async (t) => {
    const lab = await startLab(t);
    await lab.users.createUser({ userId: "alice" });
    const held = await open(lab, "alice");
    const checks: readonly (readonly [name: string, value: JsonObject])[] = [
      ["password", { password: "Secret123!" }],
      ["webAuthN", { credentialAssertionData: {} }],
      ["idpIntent", { idpIntentId: "1", idpIntentToken: "2" }],
      ["totp", { code: "123456" }],
      ["otpSms", { code: "123" }],
      ["otpEmail", { code: "123" }],
    ];
    const bodies: (readonly [name: string, id: string, body: JsonObject])[] = [
      ...checks.map(([name, value]) => {
        const body: JsonObject = { checks: { user: { userId: "alice" }, [name]: value } };
        return [`checks.${name}`, "CHECK_UNSUPPORTED", body] as const;
      }),
      ["challenges.otpSms", "CHALLENGE_UNSUPPORTED", { ...forUser("alice"), challenges: { otpSms: {} } }],
    ];
    for (const [name, id, body] of bodies) {
      for (const request of ["POST /v2/sessions", `PATCH /v2/sessions/${held.id}`, "POST /v2beta/sessions"]) {
        const { status, json } = await lab.rest(request, { body });
        assert.equal(status, 501, `${request} ${name}`);
        assert.match(String(json.message), new RegExp(`^${name} is not served: .*\\(${id}\\)$`));
      }
    }
    assert.deepEqual(await idsOf(lab), [held.id]);
    assert.equal((await lab.rest("POST /v2/sessions", { body: { ...forUser("alice"), challenges: {} } })).status, 201);
  });
});

test("a check that only later versions know is refused in binary, where it is visible", () => {
  const later = fromBinary(ChecksSchema, Uint8Array.of(0x42, 0x00));
  assert.throws(
    () => assertOnlyUser(later, undefined),
    /^ConnectError: \[unimplemented\] check or challenge 8 is not served/,
  );
});

test("showing the token counts as activity of its own session; reading does not", async (t) => {
  const clock = new TestClock();
  const lab = await startLab(t, { clock: () => clock.now, isOneProcess: true });
  await lab.organizations.createOrganization({ organizationId: "acme" });
  for (const userId of ["alice", "bob"]) await lab.users.createUser({ userId, organizationId: "acme" });
  const { secret: key } = await lab.keys.createApiKey({ organizationId: "acme", permissions: ["session.read"] });
  const mine = await open(lab, "alice");
  const theirs = await open(lab, "bob");
  const began = clock.now;
  const lastActivity = async ({ id }: Opened): Promise<number> => {
    const { session } = await lab.sessions.getSession({ sessionId: id });
    return Number(session?.lastActivityTime?.seconds) * 1000;
  };
  const get = async (id: string, token: string): Promise<number> =>
    (await lab.rest(`GET /v2/sessions/${id}${token === "" ? "" : `?sessionToken=${token}`}`, { key })).status;
  clock.advance(60_000);
  assert.equal(await get(mine.id, theirs.token), 403);
  assert.equal(await get("nothing", theirs.token), 404);
  assert.equal(await get(mine.id, ""), 200);
  await lab.users.lockUser({ userId: "bob", expiry: { case: "never", value: true } });
  assert.equal(await get(theirs.id, theirs.token), 404);
  await lab.users.unlockUser({ userId: "bob" });
  for (const session of [mine, theirs]) assert.equal(await lastActivity(session), began);
  assert.equal(await get(mine.id, mine.token), 200);
  assert.deepEqual([await lastActivity(mine), await lastActivity(theirs)], [clock.now, began]);
  assert.equal(await get(theirs.id, theirs.token), 200);
  assert.equal(await lastActivity(theirs), clock.now);
});

describe("a user that may not act", () => {
  test("gets no session, whatever the reason", async (t) => {
    const lab = await startLab(t);
    await makeUsers(lab, STARTS, (start) => start);
    for (const start of STARTS) {
      const { status, json } = await lab.rest("POST /v2/sessions", { body: forUser(start) });
      if (start === "MISSING" || start === "DELETED") assert.deepEqual([status, json], [404, UNKNOWN_USER], start);
      else if (["ACTIVE", "INITIAL", "LOCK_SCHEDULED"].includes(start)) assert.equal(status, 201, start);
      else assert.deepEqual([status, json], [400, NOT_ACTIVE], start);
    }
  });

  test("no longer has visible sessions, and later changes revive none", async (t) => {
    const lab = await startLab(t);
    const { users } = lab;
    const never = { case: "never" as const, value: true };
    const acts: Readonly<Record<string, readonly [end: (userId: string) => Promise<unknown>, undo?: string]>> = {
      lock: [(id) => lab.rest(`POST /v2/users/${id}/lock`), "POST /v2/users/ID/unlock"],
      lockv1: [(id) => lab.rest(`POST /management/v1/users/${id}/_lock`), "POST /management/v1/users/ID/_unlock"],
      deactivate: [(id) => lab.rest(`POST /v2/users/${id}/deactivate`), "POST /v2/users/ID/reactivate"],
      ban: [(userId) => users.banUser({ userId, expiry: never }), "POST /v1/users/ID:unban"],
      nativelock: [
        (userId) => users.lockUser({ userId, expiry: never, revokeSessions: true }),
        "POST /v2/users/ID/unlock",
      ],
      revoke: [(userId) => lab.sessions.revokeUserSessions({ userId }), "GET /v2/users/ID"],
      delete: [(userId) => users.deleteUser({ userId })],
    };
    for (const [userId, [end, undo]] of Object.entries(acts)) {
      await users.createUser({ userId });
      const first = await open(lab, userId);
      const opened = [first, await open(lab, userId)];
      const query = { queries: [{ userIdQuery: { id: userId } }] };
      assert.equal((await idsOf(lab, query)).length, 2, userId);
      await end(userId);
      for (const when of ["ended", "undone"]) {
        assert.deepEqual(await idsOf(lab, query), [], `${userId}: ${when}`);
        assert.deepEqual(await idsOf(lab, { queries: [{ idsQuery: { ids: opened.map(({ id }) => id) } }] }), []);
        for (const { id, token } of opened) {
          for (const request of [`GET /v2/sessions/${id}`, `GET /v2/sessions/${id}?sessionToken=${token}`]) {
            const { status, json } = await lab.rest(request);
            assert.deepEqual([status, json], [404, MISSING], `${userId}: ${when}`);
          }
          const set = await lab.rest(`PATCH /v2/sessions/${id}`, { body: { sessionToken: token } });
          assert.deepEqual(set.json, TERMINATED, `${userId}: ${when}`);
        }
        if (when === "ended" && undo !== undefined) {
          const { status, json } = await lab.rest(
            undo.replace("ID", userId),
            undo.startsWith("GET") ? {} : { body: {} },
          );
          assert.equal(status, 200, `${undo}: ${JSON.stringify(json)}`);
        }
      }
      assert.equal((await lab.rest(`DELETE /v2/sessions/${first.id}`)).status, 200, userId);
    }
  });

  test("has its sessions hidden while a lock that ends none is in force", async (t) => {
    const lab = await startLab(t);
    await lab.users.createUser({ userId: "alice" });
    const { id, token } = await open(lab, "alice");
    await lab.users.lockUser({ userId: "alice", expiry: { case: "never", value: true } });
    const { json: hidden } = await lab.rest("POST /v2/sessions/search");
    assert.deepEqual([(hidden.details as JsonObject).totalResult, hidden.sessions], [undefined, undefined]);
    assert.deepEqual((await lab.rest(`GET /v2/sessions/${id}?sessionToken=${token}`)).json, MISSING);
    const set = await lab.rest(`PATCH /v2/sessions/${id}`, { body: { sessionToken: token } });
    assert.deepEqual([set.status, set.json], [400, NOT_ACTIVE]);
    await lab.users.unlockUser({ userId: "alice" });
    assert.deepEqual(await idsOf(lab), [id]);
    assert.equal((await lab.rest(`GET /v2/sessions/${id}?sessionToken=${token}`)).status, 200);
  });
});
