/** Errors over REST and Connect: credentials, organizations, permissions, paths, bodies and broken rules. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { JsonObject } from "@bufbuild/protobuf";
import { httpRequest } from "../../../support/http-client.ts";
import { ADMIN_KEY } from "../../../support/service.ts";
import { errorBody, type Lab, makeUsers, type RestCall, startLab } from "../support/lab.ts";

const NO_PERMISSION = "No matching permissions found";

/** The same call in all four services. */
const LOCKS = [
  "POST /management/v1/users/alice/_lock",
  "POST /v2/users/alice/lock",
  "POST /v2beta/users/alice/lock",
  "POST /resources/v3alpha/users/alice/_lock",
] as const;

describe("a credential", () => {
  const cases: readonly (readonly [what: string, authorization: string | undefined, body: JsonObject])[] = [
    ["is missing", undefined, { code: 16, message: "auth header missing" }],
    ["is empty", "", { code: 16, message: "auth header missing" }],
    ["is of another scheme", "Basic YTpi", errorBody(16, "invalid auth header", "AUTH-toLo1")],
    ["is a bearer without a token", "Bearer ", errorBody(16, "invalid auth header", "AUTH-toLo1")],
    ["is not known", `Bearer ${"x".repeat(40)}`, errorBody(16, "Errors.Token.Invalid", "AUTH-7fs1e")],
    ["is a bearer of two words", "Bearer two words", errorBody(16, "Errors.Token.Invalid", "AUTH-7fs1e")],
    ["is malformed", "Bearer lk_1_2_3", errorBody(16, "Errors.Token.Invalid", "AUTH-7fs1e")],
  ];
  test("that is invalid is refused by its own text, with WWW-Authenticate, on every service", async (t) => {
    const lab = await startLab(t);
    for (const path of LOCKS) {
      for (const [what, authorization, body] of cases) {
        const reply = await lab.rest(path, { key: null, headers: { authorization } });
        assert.deepEqual([reply.status, reply.json], [401, body], `${path}: ${what}`);
        assert.equal(reply.headers["www-authenticate"], body.message, `${path}: ${what}`);
      }
    }
  });

  test("that was revoked is refused like one that never existed", async (t) => {
    const lab = await startLab(t);
    const { secret, apiKey } = await lab.keys.createApiKey({ role: "owner" });
    assert.equal((await lab.rest("POST /v2/users", { key: secret })).status, 200);
    await lab.keys.revokeApiKey({ apiKeyId: apiKey?.apiKeyId ?? "" });
    const { status, json } = await lab.rest("POST /v2/users", { key: secret });
    assert.deepEqual([status, json], [401, errorBody(16, "Errors.Token.Invalid", "AUTH-7fs1e")]);
  });

  test("is not needed for Healthz", async (t) => {
    const lab = await startLab(t);
    const { status, json } = await lab.rest("GET /management/v1/healthz", { key: null });
    assert.deepEqual([status, json], [200, {}]);
  });
});

/** Two organizations with a user each, and keys of one of them. */
async function startOrganizations(t: Parameters<typeof startLab>[0]) {
  const lab = await startLab(t);
  for (const organizationId of ["acme", "umbrella"]) await lab.organizations.createOrganization({ organizationId });
  await lab.users.createUser({ userId: "alice", organizationId: "acme" });
  await lab.users.createUser({ userId: "bob", organizationId: "umbrella" });
  const key = async (role: string): Promise<string> =>
    (await lab.keys.createApiKey({ organizationId: "acme", role })).secret;
  return { lab, owner: await key("owner"), viewer: await key("viewer"), login: await key("login") };
}

describe("the organization context", () => {
  const missing = errorBody(7, "Organisation doesn't exist", "AUTH-Bs7Ds");
  const noMembership = errorBody(5, "membership not found", "AUTHZ-cdgFk");
  const notFound = (id: string): JsonObject => errorBody(5, "User could not be found", id);

  test("that does not exist is refused everywhere", async (t) => {
    const { lab, owner } = await startOrganizations(t);
    for (const path of LOCKS) {
      for (const key of [ADMIN_KEY, owner]) {
        const { status, json } = await lab.rest(path, { key, organization: "nowhere" });
        assert.deepEqual([status, json], [403, missing], path);
      }
    }
  });

  test("of management v1 is where users are searched", async (t) => {
    const { lab, owner } = await startOrganizations(t);
    const lock = LOCKS[0];
    const cases: readonly (readonly [call: RestCall, status: number, json?: JsonObject])[] = [
      [{}, 404, notFound("COMMAND-5M9fs")],
      [{ organization: "umbrella" }, 404, notFound("COMMAND-5M9fs")],
      [{ key: owner, organization: "umbrella" }, 404, noMembership],
      [{ organization: "acme" }, 200],
    ];
    for (const [call, status, json] of cases) {
      const reply = await lab.rest(lock, call);
      assert.equal(reply.status, status, JSON.stringify(call));
      if (json !== undefined) assert.deepEqual(reply.json, json);
    }
    assert.equal((await lab.rest("POST /management/v1/users/alice/_unlock", { key: owner })).status, 200);
    const elsewhere = await lab.rest("GET /management/v1/users/bob", { key: owner });
    assert.deepEqual([elsewhere.status, elsewhere.json], [404, notFound("MANAG-fpo4B")]);
    const nobody = await lab.rest("GET /management/v1/users/nobody", { key: owner });
    assert.deepEqual([nobody.status, nobody.json], [404, notFound("QUERY-Dfbg2")]);
  });

  for (const version of ["v2", "v2beta"]) {
    test(`of user ${version} is the user's own`, async (t) => {
      const { lab, owner } = await startOrganizations(t);
      const ok = await lab.rest(`POST /${version}/users/alice/lock`, { organization: "umbrella" });
      assert.equal(ok.status, 200);
      const own = await lab.rest(`POST /${version}/users/alice/unlock`, { key: owner, organization: "umbrella" });
      assert.equal(own.status, 200);
      for (const act of ["POST lock", "POST unlock", "POST deactivate", "POST reactivate", "DELETE ", "GET "]) {
        const [method, word] = act.split(" ");
        const path = `${method} /${version}/users/bob${word === "" ? "" : `/${word}`}`;
        const { status, json } = await lab.rest(path, { key: owner });
        assert.deepEqual([status, json], [404, noMembership], path);
      }
      const nobody = await lab.rest(`POST /${version}/users/nobody/lock`, { key: owner });
      assert.deepEqual(nobody.json, notFound("COMMAND-450yxuqrh1"));
      const unread = await lab.rest(`GET /${version}/users/nobody`, { key: owner });
      assert.deepEqual([unread.status, unread.json], [404, notFound("QUERY-Dfbg2")]);
    });
  }

  test("of v3alpha is what the request expects", async (t) => {
    const { lab, owner } = await startOrganizations(t);
    const cases: readonly (readonly [query: string, call: RestCall, status: number, json?: JsonObject])[] = [
      ["alice/_lock?organization.orgId=umbrella", {}, 404, notFound("COMMAND-G4LOrnjY7q")],
      ["alice/_lock?organization.org_id=umbrella", {}, 404, notFound("COMMAND-G4LOrnjY7q")],
      ["alice/_lock?organization.orgDomain=acme", {}, 404, notFound("COMMAND-G4LOrnjY7q")],
      ["alice/_lock?organization.orgId=umbrella", { key: owner }, 404, notFound("COMMAND-G4LOrnjY7q")],
      ["bob/_lock?organization.orgId=umbrella", { key: owner }, 404, noMembership],
      ["bob/_lock", { key: owner }, 404, noMembership],
      ["nobody/_lock", { key: owner }, 404, notFound("COMMAND-G4LOrnjY7q")],
      ["alice/_lock?organization.org_id=acme&instance.id=1", {}, 200],
      ["alice/_unlock?organization.orgId=acme", { key: owner }, 200],
    ];
    for (const [query, call, status, json] of cases) {
      const reply = await lab.rest(`POST /resources/v3alpha/users/${query}`, call);
      assert.equal(reply.status, status, query);
      if (json !== undefined) assert.deepEqual(reply.json, json, query);
    }
  });
});

describe("a missing permission", () => {
  test("is reported by management v1 before anything else", async (t) => {
    const { lab, viewer, login } = await startOrganizations(t);
    const refused = errorBody(7, NO_PERMISSION, "AUTH-5mWD2");
    const paths = ["nobody/_lock", "alice/_unlock", "alice/_deactivate", "alice/_reactivate"];
    for (const path of ["POST /management/v1/users/human", ...paths.map((p) => `POST /management/v1/users/${p}`)]) {
      const { status, json } = await lab.rest(path, { key: viewer, body: {} });
      assert.deepEqual([status, json], [403, refused], path);
    }
    const removal = await lab.rest("DELETE /management/v1/users/alice", { key: viewer });
    assert.deepEqual([removal.status, removal.json], [403, refused]);
    for (const path of ["GET /management/v1/users/alice", "POST /management/v1/users/_search"]) {
      const { status, json } = await lab.rest(path, { key: login });
      assert.deepEqual([status, json], [403, refused], path);
    }
    assert.equal((await lab.rest("GET /management/v1/users/alice", { key: viewer })).status, 200);
  });

  for (const version of ["v2", "v2beta"]) {
    test(`is reported by user ${version} after existence and state`, async (t) => {
      const { lab, viewer, login } = await startOrganizations(t);
      const refused = errorBody(7, NO_PERMISSION, "AUTH-AWfge");
      const cases: readonly (readonly [path: string, key: string, status: number, body: JsonObject])[] = [
        ["POST nobody/lock", viewer, 404, errorBody(5, "User could not be found", "COMMAND-450yxuqrh1")],
        ["POST alice/unlock", viewer, 400, errorBody(9, "User is not locked", "COMMAND-olb9vb0oca")],
        ["POST alice/lock", viewer, 403, refused],
        ["POST alice/deactivate", viewer, 403, refused],
        ["DELETE alice", viewer, 403, refused],
        ["DELETE nobody", viewer, 404, errorBody(5, "User could not be found", "COMMAND-bd4ir1mblj")],
        ["GET alice", login, 403, refused],
        ["GET nobody", login, 404, errorBody(5, "User could not be found", "QUERY-Dfbg2")],
      ];
      for (const [path, key, status, body] of cases) {
        const [method, rest] = path.split(" ");
        const reply = await lab.rest(`${method} /${version}/users/${rest}`, { key });
        assert.deepEqual([reply.status, reply.json], [status, body], path);
      }
      const { user } = await lab.users.getUser({ userId: "alice" });
      assert.equal(user?.details?.sequence, 1n);
      const add = await lab.rest(`POST /${version}/users/human`, { key: viewer, body: {} });
      assert.deepEqual([add.status, add.json], [403, errorBody(7, NO_PERMISSION, "AUTH-5mWD2")]);
      const list = await lab.rest(`POST /${version}/users`, { key: login });
      assert.equal(list.status, 200);
      assert.equal(list.json.result, undefined);
    });
  }

  test("for deleting differs from the one for writing", async (t) => {
    const lab = await startLab(t);
    await lab.users.createUser({ userId: "alice" });
    const { secret: writer } = await lab.keys.createApiKey({ permissions: ["user.write"] });
    const { secret: deleter } = await lab.keys.createApiKey({ permissions: ["user.delete"] });
    const refused = errorBody(7, NO_PERMISSION, "AUTH-AWfge");
    for (const [request, key] of [
      ["DELETE /v2/users/alice", writer],
      ["POST /v2/users/alice/lock", deleter],
    ] as const) {
      const { status, json } = await lab.rest(request, { key });
      assert.deepEqual([status, json], [403, refused], request);
    }
    assert.equal((await lab.rest("POST /v2/users/alice/lock", { key: writer })).status, 200);
    assert.equal((await lab.rest("DELETE /v2/users/alice", { key: deleter })).status, 200);
  });

  test("is reported by v3alpha after existence and state, which share an error", async (t) => {
    const { lab, viewer } = await startOrganizations(t);
    const cases: readonly (readonly [path: string, status: number, body: JsonObject])[] = [
      ["POST nobody/_lock", 404, errorBody(5, "User could not be found", "COMMAND-G4LOrnjY7q")],
      ["POST alice/_unlock", 404, errorBody(5, "User could not be found", "COMMAND-gpBv46Lh9m")],
      ["POST alice/_lock", 403, errorBody(7, NO_PERMISSION, "AUTH-AWfge")],
      ["DELETE alice", 403, errorBody(7, NO_PERMISSION, "AUTH-AWfge")],
    ];
    for (const [path, status, body] of cases) {
      const [method, rest] = path.split(" ");
      const reply = await lab.rest(`${method} /resources/v3alpha/users/${rest}`, { key: viewer });
      assert.deepEqual([reply.status, reply.json], [status, body], path);
    }
  });
});

test("broken rules of the descriptors are reported in the original's words, without a detail", async (t) => {
  const lab = await startLab(t);
  const long = "x".repeat(201);
  const lengths = "value length must be between 1 and 200 runes, inclusive";
  const cases: readonly (readonly [request: string, message: string, body?: JsonObject])[] = [
    [`POST /management/v1/users/${long}/_lock`, `invalid LockUserRequest.Id: ${lengths}`],
    [`POST /v2/users/${long}/lock`, `invalid LockUserRequest.UserId: ${lengths}`],
    [`POST /v2beta/users/${long}/unlock`, `invalid UnlockUserRequest.UserId: ${lengths}`],
    [`POST /resources/v3alpha/users/${long}/_lock`, `invalid LockUserRequest.Id: ${lengths}`],
    ["POST /zitadel.user.v2.UserService/LockUser", `invalid LockUserRequest.UserId: ${lengths}`, {}],
    ["POST /v2/users/a%00b/lock", "invalid LockUserRequest.UserId: has a character U+0000, which is not allowed"],
    ["POST /management/v1/users/machine", `invalid AddMachineUserRequest.UserName: ${lengths}`, { name: "x" }],
  ];
  for (const [request, message, body] of cases) {
    const { status, json } = await lab.rest(request, body === undefined ? {} : { body });
    assert.equal(status, 400, request);
    assert.equal(json.message, message);
    assert.equal(json.details, undefined);
  }
});

test("Connect callers get the same errors, with the detail as bytes", async (t) => {
  const lab = await startLab(t);
  await makeUsers(lab, ["LOCKED"], () => "alice");
  const lock = async (body: string): Promise<readonly [number, JsonObject]> => {
    const { status, json } = await lab.rest("POST /zitadel.user.v2.UserService/LockUser", { body });
    return [status, json];
  };
  const [status, json] = await lock('{"userId":"alice","unknown":1}');
  assert.equal(status, 400);
  assert.equal(json.code, "failed_precondition");
  assert.equal(json.message, "User is not active or initial (COMMAND-lgws8wtsqf)");
  const [detail, another] = json.details as { type: string; value: string; debug: JsonObject }[];
  assert.equal(another, undefined);
  assert.equal(detail?.type, "zitadel.v1.ErrorDetail");
  assert.match(Buffer.from(detail.value, "base64").toString(), /COMMAND-lgws8wtsqf.*User is not active or initial$/s);
  const unlock = await lab.rest("POST /zitadel.user.v2.UserService/UnlockUser", { body: { userId: "alice" } });
  assert.equal(unlock.status, 200);
  assert.equal((unlock.json.details as JsonObject).sequence, "2");
  const [malformed, said] = await lock('{"userId":{}}');
  assert.equal(malformed, 400);
  assert.equal(said.details, undefined, "details that are not the original's must not leave");
  const nothing = await httpRequest(lab.url, "/zitadel.user.v2.UserService/Nothing", { body: "{}" });
  assert.equal(nothing.status, 404);
});

test("the log names the refusal behind an error, and the caller that was refused early", async (t) => {
  const { lab, viewer } = await startOrganizations(t);
  await lab.rest("POST /v2/users/alice/unlock");
  await lab.rest("POST /management/v1/users/alice/_lock", { key: viewer });
  const lines = logged(lab);
  assert.equal(
    lines.find(({ rpc }) => rpc === "zitadel.user.v2.UserService/UnlockUser")?.reason,
    "USER_STATE_MISMATCH",
  );
  const denied = lines.find(({ rpc }) => rpc === "zitadel.management.v1.ManagementService/LockUser");
  assert.equal(denied?.code, "PERMISSION_DENIED");
  assert.match(`${denied?.actor}`, /^key:/);
});

function logged(lab: Lab): readonly Readonly<Record<string, unknown>>[] {
  return lab
    .log()
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line) as Record<string, unknown>);
}
