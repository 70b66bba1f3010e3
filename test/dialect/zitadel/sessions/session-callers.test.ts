/** Who may do what with a session: with a permission, with its token, and from another organization. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { JsonObject } from "@bufbuild/protobuf";
import { TestClock } from "../../../support/service.ts";
import { errorBody, type RestReply, startLab } from "../support/lab.ts";
import { forUser, idsOf, open } from "../support/open-sessions.ts";

const UNKNOWN_USER = errorBody(5, "User could not be found", "QUERY-Dfbg2");
const BAD_TOKEN = errorBody(7, "Session Token is invalid", "COMMAND-sGr42");
const DENIED = errorBody(7, "Permission denied", "QUERY-dsfr3");
const NOT_PERMITTED = errorBody(7, "No matching permissions found", "AUTH-AWfge");

describe("the permission", () => {
  test("is checked in the organization of the user; the session's token replaces it where the original says so", async (t) => {
    const lab = await startLab(t);
    for (const organizationId of ["acme", "umbrella"]) await lab.organizations.createOrganization({ organizationId });
    await lab.users.createUser({ userId: "alice", organizationId: "acme" });
    await lab.users.createUser({ userId: "bob", organizationId: "umbrella" });
    const keyOf = async (permissions: string[]): Promise<string> =>
      (await lab.keys.createApiKey({ organizationId: "acme", permissions })).secret;
    const keys = {
      all: await keyOf(["session.read", "session.write", "session.delete"]),
      read: await keyOf(["session.read"]),
      write: await keyOf(["session.write"]),
      none: await keyOf(["user.read"]),
    };
    const mine = await open(lab, "alice");
    const held = await open(lab, "alice");
    const theirs = await open(lab, "bob");
    type Case = readonly [key: keyof typeof keys, request: string, body: JsonObject, status: number, json?: JsonObject];
    const cases: readonly Case[] = [
      ["all", "POST /v2/sessions", forUser("alice"), 201],
      ["all", "POST /v2/sessions", forUser("bob"), 404, UNKNOWN_USER],
      ["read", "POST /v2/sessions", forUser("alice"), 403, NOT_PERMITTED],
      ["none", "POST /v2/sessions", forUser("nobody"), 404, UNKNOWN_USER],
      ["read", `GET /v2/sessions/${mine.id}`, {}, 200],
      ["none", `GET /v2/sessions/${mine.id}`, {}, 403, NOT_PERMITTED],
      ["none", `GET /v2/sessions/${mine.id}?sessionToken=${mine.token}`, {}, 200],
      ["read", `GET /v2/sessions/${mine.id}?sessionToken=nonsense`, {}, 403, DENIED],
      ["none", `PATCH /v2/sessions/${mine.id}`, {}, 403, NOT_PERMITTED],
      ["none", "PATCH /v2/sessions/nothing", {}, 403, NOT_PERMITTED],
      ["none", `PATCH /v2/sessions/${mine.id}`, { sessionToken: theirs.token }, 403, BAD_TOKEN],
      ["write", `PATCH /v2/sessions/${mine.id}`, { sessionToken: "an old one" }, 200],
      ["none", `PATCH /v2/sessions/${held.id}`, { sessionToken: held.token, lifetime: "3600s" }, 200],
      ["write", `DELETE /v2/sessions/${mine.id}`, {}, 403, NOT_PERMITTED],
      ["write", "DELETE /v2/sessions/nothing", {}, 403, NOT_PERMITTED],
      ["all", "DELETE /v2/sessions/nothing", {}, 200],
      ["all", `DELETE /v2/sessions/${mine.id}`, {}, 200],
    ];
    for (const [name, request, body, status, json] of cases) {
      const reply = await lab.rest(request, { key: keys[name], ...(request.startsWith("GET") ? {} : { body }) });
      assert.equal(reply.status, status, `${name}: ${request}: ${JSON.stringify(reply.json)}`);
      if (json !== undefined) assert.deepEqual(reply.json, json, `${name}: ${request}`);
    }
    const fresh = await open(lab, "alice", {}, { key: keys.write });
    assert.deepEqual(await idsOf(lab, {}, { key: keys.write }), [fresh.id], "only those that the caller opened");
    assert.equal((await lab.rest(`GET /v2/sessions/${fresh.id}`, { key: keys.write })).status, 200);
    assert.deepEqual(await idsOf(lab, {}, { key: keys.none }), []);
    assert.equal((await idsOf(lab, {}, { key: keys.read })).length, 3, "those of alice, not those of bob");
    assert.deepEqual(await idsOf(lab, { queries: [{ idsQuery: { ids: [theirs.id] } }] }, { key: keys.read }), []);
    assert.equal((await lab.rest("POST /v2/sessions/search", { key: null })).status, 401);
  });
});

test("the token alone can only shorten a session, however often it is shown; session.write can extend it", async (t) => {
  const clock = new TestClock();
  const lab = await startLab(t, { clock: () => clock.now });
  await lab.users.createUser({ userId: "alice" });
  const keyOf = async (permission: string): Promise<string> =>
    (await lab.keys.createApiKey({ organizationId: "default", permissions: [permission] })).secret;
  const keys = { none: await keyOf("user.read"), write: await keyOf("session.write") };
  const { id, token } = await open(lab, "alice", { lifetime: "3600s" });
  const set = async (key: keyof typeof keys, sessionToken: string, lifetime: string): Promise<RestReply> =>
    lab.rest(`PATCH /v2/sessions/${id}`, { key: keys[key], body: { sessionToken, lifetime } });
  const end = async (): Promise<unknown> =>
    ((await lab.rest(`GET /v2/sessions/${id}`)).json.session as JsonObject).expirationDate;
  clock.advance(600_000);
  const refused = await set("none", token, "3000.000000001s");
  const message =
    "the lifetime ends at 2026-01-01T01:00:00.001Z; with the session's token alone it must end at 2026-01-01T01:00:00.000Z, as the session does, or before";
  assert.deepEqual([refused.status, refused.json], [403, errorBody(7, message, "SESSION_LIFETIME_REFUSED")]);
  const same = await set("none", token, "3000s");
  assert.deepEqual([same.status, await end()], [200, "2026-01-01T01:00:00Z"], "the refused token is still valid");
  const sooner = await set("none", String(same.json.sessionToken), "60s");
  assert.deepEqual([sooner.status, await end()], [200, "2026-01-01T00:11:00Z"]);
  assert.equal((await set("none", String(sooner.json.sessionToken), "3000s")).status, 403);
  assert.equal((await set("write", String(sooner.json.sessionToken), "7200s")).status, 200);
  assert.equal(await end(), "2026-01-01T02:10:00Z");
});

test("a session of another organization is as unknown as a missing one, whatever the caller's permission or token", async (t) => {
  const lab = await startLab(t);
  for (const organizationId of ["acme", "umbrella"]) await lab.organizations.createOrganization({ organizationId });
  await lab.users.createUser({ userId: "alice", organizationId: "acme" });
  const { id, token } = await open(lab, "alice");
  const permissions = [["session.read"], ["session.write"], ["session.delete"], ["user.read"]];
  const keys = await Promise.all(
    [...permissions, permissions.flat()].map(async (some) => {
      return (await lab.keys.createApiKey({ organizationId: "umbrella", permissions: some })).secret;
    }),
  );
  /** Requests for a session and a user that are in another organization or do not exist. */
  const requests = (sessionId: string, userId: string): readonly (readonly [request: string, body?: JsonObject])[] => [
    [`GET SESSIONS/${sessionId}`],
    ...[token, "nonsense"].map((shown) => [`GET SESSIONS/${sessionId}?sessionToken=${shown}`] as const),
    ...["", token, "nonsense"].flatMap((sessionToken) => [
      [`PATCH SESSIONS/${sessionId}`, { sessionToken }] as const,
      [`PATCH SESSIONS/${sessionId}`, { sessionToken, lifetime: "315360000s" }] as const,
      [`PATCH SESSIONS/${sessionId}`, { sessionToken, ...forUser(userId) }] as const,
      [`DELETE SESSIONS/${sessionId}`, { sessionToken }] as const,
    ]),
    ["POST SESSIONS", forUser(userId)],
    ["POST SESSIONS/search", { queries: [{ idsQuery: { ids: [sessionId] } }] }],
    ["POST SESSIONS/search", { queries: [{ userIdQuery: { id: userId } }] }],
  ];
  for (const version of ["v2", "v2beta"]) {
    for (const key of keys) {
      const ask = async ([request, body]: readonly [string, JsonObject?]) => {
        const call = body === undefined ? { key } : { key, body };
        const { status, json } = await lab.rest(request.replace("SESSIONS", `/${version}/sessions`), call);
        const { details, ...rest } = json;
        return [
          status,
          details === undefined ? rest : { ...rest, details: { ...(details as JsonObject), timestamp: 0 } },
        ];
      };
      const unknown = requests("nothing", "nobody");
      for (const [index, request] of requests(id, "alice").entries()) {
        assert.deepEqual(await ask(request), await ask(unknown[index] ?? assert.fail()), `${version} ${request[0]}`);
      }
    }
  }
  const { status, json } = await lab.rest(`GET /v2/sessions/${id}?sessionToken=${token}`);
  assert.equal(status, 200, "the session and its token are unchanged");
  assert.equal((json.session as JsonObject).sequence, "1");
});
