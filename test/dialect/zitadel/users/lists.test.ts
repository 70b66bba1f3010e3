/** ListUsers of v1, v2 and v2beta: every query, order and page, and which users a caller sees. */
import assert from "node:assert/strict";
import { describe, type TestContext, test } from "node:test";
import type { JsonObject } from "@bufbuild/protobuf";
import { listUsers } from "../../../../src/dialect/zitadel/users/user-list.ts";
import type { Operations, UserSearch, UserSearchView } from "../../../../src/service/operations/operations.ts";
import { errorBody, type Lab, makeUsers, type RestCall, startLab } from "../support/lab.ts";

const VERSIONS = {
  v1: "POST /management/v1/users/_search",
  v2: "POST /v2/users",
  v2beta: "POST /v2beta/users",
} as const;
type Version = keyof typeof VERSIONS;

interface Found {
  readonly ids: readonly string[];
  readonly total: string;
}

async function list(lab: Lab, version: Version, body: JsonObject, call: RestCall = {}): Promise<Found> {
  const { status, json } = await lab.rest(VERSIONS[version], { ...call, body });
  assert.equal(status, 200, JSON.stringify(json));
  const users = (json.result ?? []) as { id?: string; userId?: string }[];
  const details = json.details as { totalResult?: string; timestamp?: string; viewTimestamp?: string };
  assert.match(String(details.timestamp ?? details.viewTimestamp), /^\d{4}-\d\d-\d\dT/);
  return { ids: users.map(({ id, userId }) => id ?? userId ?? ""), total: details.totalResult ?? "0" };
}

/** Users in every state, a machine, and a user of another organization. */
async function startPopulated(t: TestContext): Promise<Lab> {
  const lab = await startLab(t);
  await lab.organizations.createOrganization({ organizationId: "acme" });
  await makeUsers(lab, ["LOCKED", "BANNED", "INACTIVE", "INITIAL", "DELETED"], (start) => start.toLowerCase());
  const people = [
    ["alice", "Alice", "Liddell", "alice@example.com", "+41791"],
    ["bob", "Bob", "Builder", "Bob@Example.org", "+41792"],
  ] as const;
  for (const [username, givenName, familyName, email, phone] of people) {
    const profile = { username, givenName, familyName, displayName: `${givenName} ${familyName}`, email, phone };
    await lab.users.createUser({ userId: `u-${username}`, profile });
  }
  await lab.users.createUser({ userId: "nameless", profile: { email: "nameless@example.com" } });
  await lab.users.createUser({ userId: "x-carol", organizationId: "acme", profile: { username: "carol" } });
  await lab.rest("POST /management/v1/users/machine", { body: { userId: "robot", userName: "robot", name: "Robot" } });
  return lab;
}

test("a query", async (t) => {
  const lab = await startPopulated(t);
  const text = (member: string, field: string, value: string, method = "EQUALS"): JsonObject => ({
    [member]: { [field]: value, method: `TEXT_QUERY_METHOD_${method}` },
  });
  const state = (name: string): JsonObject => ({ stateQuery: { state: `USER_STATE_${name}` } });
  const ids = (...userIds: string[]): JsonObject => ({ inUserIdsQuery: { userIds } });

  /** The same in every version. */
  const cases: readonly (readonly [query: JsonObject, ids: readonly string[]])[] = [
    [text("userNameQuery", "userName", "alice"), ["u-alice"]],
    [text("userNameQuery", "userName", "ALICE"), []],
    [text("userNameQuery", "userName", "ALICE", "EQUALS_IGNORE_CASE"), ["u-alice"]],
    [text("userNameQuery", "userName", "al", "STARTS_WITH"), ["u-alice"]],
    [text("userNameQuery", "userName", "AL", "STARTS_WITH"), []],
    [text("userNameQuery", "userName", "AL", "STARTS_WITH_IGNORE_CASE"), ["u-alice"]],
    [text("userNameQuery", "userName", "ob", "CONTAINS"), ["robot", "u-bob"]],
    [text("userNameQuery", "userName", "OB", "CONTAINS"), []],
    [text("userNameQuery", "userName", "OB", "CONTAINS_IGNORE_CASE"), ["robot", "u-bob"]],
    [text("userNameQuery", "userName", "ob", "ENDS_WITH"), ["u-bob"]],
    [text("userNameQuery", "userName", "OB", "ENDS_WITH"), []],
    [text("userNameQuery", "userName", "OB", "ENDS_WITH_IGNORE_CASE"), ["u-bob"]],
    [text("firstNameQuery", "firstName", "Alice"), ["u-alice"]],
    [text("lastNameQuery", "lastName", "Builder"), ["u-bob"]],
    [text("displayNameQuery", "displayName", "Alice Liddell"), ["u-alice"]],
    [text("emailQuery", "emailAddress", "Bob@Example.org"), ["u-bob"]],
    [text("emailQuery", "emailAddress", "bob@example.org", "EQUALS_IGNORE_CASE"), ["u-bob"]],
    [text("loginNameQuery", "loginName", "bob"), ["u-bob"]],
    [text("loginNameQuery", "loginName", "nameless@example.com"), ["nameless"]],
    [text("loginNameQuery", "loginName", "alice@example.com"), []],
    [state("LOCKED"), ["banned", "locked"]],
    [state("INACTIVE"), ["inactive"]],
    [state("INITIAL"), ["initial"]],
    [state("DELETED"), []],
    [{ andQuery: { queries: [state("ACTIVE"), ids("locked", "initial", "u-bob")] } }, ["u-bob"]],
    [{ typeQuery: { type: "TYPE_MACHINE" } }, ["robot"]],
    [{ andQuery: { queries: [{ typeQuery: { type: "TYPE_HUMAN" } }, ids("robot", "u-bob")] } }, ["u-bob"]],
    [{ typeQuery: { type: "TYPE_UNSPECIFIED" } }, []],
    [ids("u-alice", "u-bob", "nobody"), ["u-alice", "u-bob"]],
    [ids(), []],
    [{ inUserEmailsQuery: { userEmails: ["alice@example.com", "nobody@example.com"] } }, ["u-alice"]],
    [{ orQuery: { queries: [ids("locked"), ids("banned")] } }, ["banned", "locked"]],
    [{ andQuery: { queries: [ids("locked"), ids("banned")] } }, []],
    [{ andQuery: { queries: [{ notQuery: { query: state("LOCKED") } }, ids("locked", "inactive")] } }, ["inactive"]],
  ];

  await t.test("finds the users it describes, in every version", async () => {
    for (const version of ["v1", "v2", "v2beta"] as const) {
      for (const [query, expected] of cases) {
        const found = await list(lab, version, { queries: [query], query: { asc: true } });
        assert.deepEqual(found, { ids: expected, total: `${expected.length}` }, `${version} ${JSON.stringify(query)}`);
      }
    }
  });

  await t.test("of v2 and v2beta may name phone numbers and organizations, and all must match", async () => {
    for (const version of ["v2", "v2beta"] as const) {
      const phone = await list(lab, version, { queries: [text("phoneQuery", "number", "+4179", "STARTS_WITH")] });
      assert.deepEqual(phone.ids, ["u-bob", "u-alice"]);
      const organization = { organizationIdQuery: { organizationId: "acme" } };
      assert.deepEqual((await list(lab, version, { queries: [organization] })).ids, ["x-carol"]);
      assert.deepEqual((await list(lab, version, { queries: [organization, ids("u-bob")] })).ids, []);
    }
  });

  await t.test("that cannot be answered is refused with the reason", async () => {
    const nick = "users cannot be searched or sorted by nick name; use the user name, email or display name";
    const deep = (level: number): JsonObject => (level === 0 ? ids("u-bob") : { notQuery: { query: deep(level - 1) } });
    const tooDeep = errorBody(3, "Too many query nesting levels (Max 20)", "USER-zsQ97");
    for (const version of ["v1", "v2", "v2beta"] as const) {
      const refuse = async (body: JsonObject): Promise<JsonObject> => {
        const { status, json } = await lab.rest(VERSIONS[version], { body });
        assert.equal(status, 400);
        return json;
      };
      const byNick = await refuse({ queries: [text("nickNameQuery", "nickName", "Al")] });
      assert.deepEqual(byNick, errorBody(3, nick, "QUERY_UNSUPPORTED"));
      assert.deepEqual(await refuse({ sortingColumn: "USER_FIELD_NAME_NICK_NAME" }), byNick);
      const byType = await refuse({ sortingColumn: "USER_FIELD_NAME_TYPE" });
      assert.match(String(byType.message), /^users cannot be sorted by type; .* \(QUERY_UNSUPPORTED\)$/);
      assert.deepEqual(await refuse({ queries: [deep(21)] }), tooDeep);
      assert.equal((await list(lab, version, { queries: [deep(20)] })).ids.length, 1);
      await refuse({ queries: [{}] });
      // An empty condition must not match everybody, not even within a `not`.
      const empty: readonly JsonObject[] = [
        { andQuery: {} },
        { orQuery: { queries: [] } },
        { notQuery: { query: { orQuery: {} } } },
        text("firstNameQuery", "firstName", " ", "CONTAINS_IGNORE_CASE"),
        text("emailQuery", "emailAddress", " ", "STARTS_WITH_IGNORE_CASE"),
      ];
      for (const query of empty) await refuse({ queries: [query] });
      const undefinedState = await refuse({ queries: [{ stateQuery: { state: 99 } }] });
      assert.match(String(undefinedState.message), /StateQuery\.State: value must be one of the defined enum values/);
    }
    const invalid = errorBody(3, "List.Query.Invalid", "GRPC-vR9nC");
    const noQuery = await lab.rest(VERSIONS.v1, { body: { queries: [{ notQuery: {} }] } });
    assert.deepEqual([noQuery.status, noQuery.json], [400, invalid]);
    const column = await lab.rest(VERSIONS.v2, { body: { sortingColumn: 77 } });
    assert.deepEqual([column.status, column.json], [400, invalid]);
  });
});

test("a list", async (t) => {
  const lab = await startPopulated(t);
  const ALL = ["u-bob", "u-alice", "robot", "nameless", "locked", "initial", "inactive", "banned"];

  await t.test(
    "is in the order of ids, the last first unless asked otherwise, page by page with the same total",
    async () => {
      assert.deepEqual(await list(lab, "v1", {}), { ids: ALL, total: "8" });
      assert.deepEqual((await list(lab, "v1", { query: { asc: true } })).ids, ALL.toReversed());
      const second = await list(lab, "v1", { query: { limit: 3, offset: "3" } });
      assert.deepEqual(second, { ids: ALL.slice(3, 6), total: "8" });
      assert.deepEqual(await list(lab, "v2", { query: { limit: 4_000_000_000 } }), {
        ids: ["x-carol", ...ALL],
        total: "9",
      });
      assert.deepEqual(await list(lab, "v2", { query: { offset: "18446744073709551615" } }), { ids: [], total: "9" });
    },
  );

  await t.test("is ordered by a column", async () => {
    const byName = { sortingColumn: "USER_FIELD_NAME_USER_NAME", query: { asc: true, limit: 3 } };
    assert.deepEqual((await list(lab, "v1", byName)).ids, ["u-alice", "u-bob", "robot"]);
    const byEmail = { sortingColumn: "USER_FIELD_NAME_EMAIL", query: { limit: 3 } };
    assert.deepEqual((await list(lab, "v2", byEmail)).ids, ["nameless", "u-bob", "u-alice"]);
    const byCreation = { sortingColumn: "USER_FIELD_NAME_CREATION_DATE", query: { limit: 1 } };
    assert.deepEqual((await list(lab, "v2beta", byCreation)).ids, ["robot"]);
    for (const [column, first] of [
      ["FIRST_NAME", "u-alice"],
      ["LAST_NAME", "u-bob"],
      ["DISPLAY_NAME", "u-alice"],
    ]) {
      const { ids } = await list(lab, "v2", { sortingColumn: `USER_FIELD_NAME_${column}`, query: { asc: true } });
      assert.equal(ids[0], first, column);
    }
    const byState = await list(lab, "v2", { sortingColumn: "USER_FIELD_NAME_STATE", query: { asc: true } });
    assert.ok(byState.ids.indexOf("inactive") < byState.ids.indexOf("locked"));
  });

  await t.test("shows only what the caller may see", async () => {
    const { secret: acme } = await lab.keys.createApiKey({ organizationId: "acme", role: "owner" });
    const { secret: login } = await lab.keys.createApiKey({ role: "login" });
    assert.deepEqual((await list(lab, "v1", {}, { organization: "acme" })).ids, ["x-carol"]);
    for (const version of ["v1", "v2", "v2beta"] as const) {
      assert.deepEqual(await list(lab, version, {}, { key: acme }), { ids: ["x-carol"], total: "1" }, version);
    }
    const elsewhere = { queries: [{ organizationIdQuery: { organizationId: "default" } }] };
    assert.deepEqual((await list(lab, "v2", elsewhere, { key: acme })).ids, []);
    assert.deepEqual(await list(lab, "v2", {}, { key: login }), { ids: [], total: "0" });
  });
});

test("a page has at most 1,000 users, also if no limit or a larger one is given", async () => {
  const limits: number[] = [];
  const operations = {
    async searchUsers({ limit }: UserSearch): Promise<UserSearchView> {
      limits.push(limit);
      return { users: [], total: 0, isTotalExact: true };
    },
  } as unknown as Operations;
  for (const limit of [0, 1, 1000, 1001, 4_000_000_000]) {
    const query = { offset: 0n, limit, asc: false };
    const call = { deadlineTime: undefined, signal: new AbortController().signal };
    await listUsers(operations, { query, sortingColumn: 0, queries: [] }, {}, null, call);
  }
  assert.deepEqual(limits, [1000, 1, 1000, 1000, 1000]);
});

describe("a user by its login name", () => {
  const path = "GET /management/v1/global/users/_by_login_name";

  test("is found in the caller's scope, ignoring case", async (t) => {
    const lab = await startPopulated(t);
    const { secret: acme } = await lab.keys.createApiKey({ organizationId: "acme", role: "owner" });
    const idOf = async (name: string, call: RestCall = {}): Promise<unknown> => {
      const { json } = await lab.rest(`${path}?loginName=${name}`, call);
      return (json.user as JsonObject | undefined)?.id ?? json.message;
    };
    assert.equal(await idOf("CAROL"), "x-carol");
    assert.equal(await idOf("carol", { key: acme }), "x-carol");
    assert.equal(await idOf("nameless@example.com"), "nameless");
    assert.equal(await idOf("alice", { key: acme }), "User could not be found (QUERY-Dfbg2)");
    assert.equal(await idOf("nobody"), "User could not be found (QUERY-Dfbg2)");
  });

  test("is refused if several users have it", async (t) => {
    const lab = await startPopulated(t);
    await lab.users.createUser({ userId: "another", profile: { username: "Carol" } });
    const { status, json } = await lab.rest(`${path}?login_name=carol`);
    const text = "more than one user has this login name; ask for the user by its id";
    assert.deepEqual([status, json], [400, errorBody(9, text, "LOGIN_NAME_AMBIGUOUS")]);
  });
});
