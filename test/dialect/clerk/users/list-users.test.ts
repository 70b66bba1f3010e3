/** List and count: every parameter over one set of users. */
import assert from "node:assert/strict";
import { describe, type TestContext, test } from "node:test";
import { type Running, startService, TestClock } from "../../../support/service.ts";
import { newestClient, send, type UserJson } from "../support/clients.ts";

interface Person {
  readonly id: string;
  readonly organizationId?: string;
  readonly username?: string;
  readonly email?: string;
  readonly givenName?: string;
  readonly familyName?: string;
  readonly phone?: string;
  readonly externalId?: string;
}

/** Created a second apart, in this order. */
const PEOPLE: readonly Person[] = [
  { id: "ann", username: "Annie", email: "Ann@Example.com", givenName: "Ann", familyName: "Lee", externalId: "x1" },
  {
    id: "bob",
    username: "bobby",
    email: "bob@example.com",
    givenName: "Bob",
    familyName: "Ray",
    phone: "+15555550100",
  },
  { id: "cyd", username: "cyd", email: "cyd@other.org", givenName: "Cyd", familyName: "Lee", externalId: "x3" },
  { id: "dan", givenName: "Dan", organizationId: "acme" },
  { id: "eve", username: "eve", phone: "+15555550199", organizationId: "acme" },
];

const CREATION_START = Date.UTC(2026, 0, 1);

function createdAt(index: number): number {
  return CREATION_START + index * 1000;
}

async function startWithPeople(t: TestContext): Promise<Running> {
  const clock = new TestClock();
  clock.now = CREATION_START;
  const running = await startService(t, { config: { dialects: ["clerk"] }, clock: () => clock.now });
  await running.organizations.createOrganization({ organizationId: "acme" });
  for (const { id, organizationId = "default", ...profile } of PEOPLE) {
    await running.users.createUser({ userId: id, organizationId, profile });
    clock.advance(1000);
  }
  await running.users.banUser({ userId: "bob" });
  clock.advance(1000);
  await running.users.lockUser({ userId: "ann" });
  return running;
}

interface Row {
  readonly query: string;
  /** The ids, in order. */
  readonly found: readonly string[];
  /** Present if the page is not complete. */
  readonly total?: number;
}

const ALL = ["eve", "dan", "cyd", "bob", "ann"];

const FILTERS: readonly Row[] = [
  { query: "", found: ALL },
  { query: "user_id=ann&user_id=eve", found: ["eve", "ann"] },
  { query: "user_id[]=ann", found: ["ann"] },
  { query: "user_id=%2Bann&user_id=+bob", found: ["bob", "ann"] },
  { query: "user_id=-ann&user_id=-eve", found: ["dan", "cyd", "bob"] },
  { query: "user_id=ann&user_id=bob&user_id=-bob", found: ["ann"] },
  { query: "user_id=nobody&user_id=ann", found: ["ann"] },
  { query: "user_id=ANN", found: [] },
  { query: "user_id=", found: [] },
  { query: "user_id=ann%00&user_id=bob", found: ["bob"] },
  { query: "query=%00", found: [] },
  { query: "external_id=x1&external_id=x9", found: ["ann"] },
  { query: "external_id=-x1", found: ["eve", "dan", "cyd", "bob"] },
  { query: "organization_id=acme", found: ["eve", "dan"] },
  { query: "organization_id=-acme", found: ["cyd", "bob", "ann"] },
  { query: "organization_id=nothing", found: [] },
  { query: "email_address=ann%40example.com&email_address=CYD%40OTHER.ORG", found: ["cyd", "ann"] },
  { query: "email_address=ann", found: [] },
  { query: "phone_number=%2B15555550100", found: ["bob"] },
  { query: "username=annie&username=EVE", found: ["eve", "ann"] },
  { query: "query=LEE", found: ["cyd", "ann"] },
  { query: "query=555", found: ["eve", "bob"] },
  { query: "query=example.com", found: ["bob", "ann"] },
  { query: "query=bobb", found: ["bob"] },
  { query: "query=da", found: ["dan"] },
  { query: "query=zzz", found: [] },
  { query: "query=", found: ALL },
  { query: "query=+", found: [] },
  { query: "name_query=%20%20", found: [] },
  { query: "email_address_query=ANN%40", found: ["ann"] },
  { query: "phone_number_query=0199", found: ["eve"] },
  { query: "username_query=nni", found: ["ann"] },
  { query: "name_query=ay", found: ["bob"] },
  { query: "name_query=annie", found: [] },
  { query: "banned=true", found: ["bob"] },
  { query: "banned=false", found: ["eve", "dan", "cyd", "ann"] },
  { query: `created_at_before=${createdAt(2)}`, found: ["bob", "ann"] },
  { query: `created_at_after=${createdAt(2)}`, found: ["eve", "dan"] },
  { query: `created_at_after=${createdAt(0)}&created_at_before=${createdAt(3)}`, found: ["cyd", "bob"] },
  { query: "query=lee&banned=false&user_id=-ann", found: ["cyd"] },
  { query: "web3_wallet=0x1", found: [] },
  { query: "provider=oauth_google&provider_user_id=1", found: [] },
  { query: "last_active_at_after=1", found: [] },
  { query: "last_active_at_since=1", found: [] },
  { query: "last_sign_in_at_before=9999999999999", found: [] },
  { query: "locked=true&limits=1&nothing=2", found: ALL },
];

const PAGES: readonly Row[] = [
  { query: "limit=2", found: ["eve", "dan"], total: 5 },
  { query: "limit=2&offset=3", found: ["bob", "ann"], total: 5 },
  { query: "offset=9", found: [], total: 5 },
  { query: "limit=&offset=&order_by=", found: ALL },
  { query: "order_by=created_at", found: ALL.toReversed() },
  { query: "order_by=%2Bcreated_at", found: ALL.toReversed() },
  { query: "order_by=+created_at", found: ALL.toReversed() },
  { query: "order_by=-created_at", found: ALL },
  { query: "order_by=username&order_by=created_at", found: ["ann", "bob", "cyd", "eve", "dan"] },
  { query: "order_by=-username", found: ["eve", "cyd", "bob", "ann", "dan"] },
  { query: "order_by=-email_address&limit=2", found: ["cyd", "bob"], total: 5 },
  { query: "order_by=-first_name&limit=1", found: ["dan"], total: 5 },
  { query: "order_by=last_name", found: ["ann", "cyd", "bob", "dan", "eve"] },
  { query: "order_by=-phone_number&limit=2", found: ["eve", "bob"], total: 5 },
  { query: "order_by=-updated_at&limit=2", found: ["ann", "bob"], total: 5 },
  { query: "order_by=last_sign_in_at", found: ["ann", "bob", "cyd", "dan", "eve"] },
  { query: "starting_after=dan", found: ["cyd", "bob", "ann"], total: 5 },
  { query: "starting_after=dan&limit=2", found: ["cyd", "bob"], total: 5 },
  { query: "starting_after=bob&order_by=created_at", found: ["cyd", "dan", "eve"], total: 5 },
  { query: "starting_after=ann", found: [], total: 5 },
  { query: "starting_after=cyd&query=lee&offset=0", found: ["ann"], total: 2 },
  { query: "starting_after=dan&banned=true", found: ["bob"], total: 1 },
];

function idsOf(json: unknown): readonly string[] {
  return (json as readonly UserJson[]).map(({ id }) => id);
}

describe("list and count", () => {
  for (const [name, rows] of [
    ["filters", FILTERS],
    ["pages", PAGES],
  ] as const) {
    test(name, async (t) => {
      const { url } = await startWithPeople(t);
      for (const { query, found, total = found.length } of rows) {
        await t.test(query === "" ? "an empty query" : query, async () => {
          const list = await send(url, `/users?${query}`);
          assert.equal(list.status, 200);
          assert.deepEqual(idsOf(list.json), found);
          const count = await send(url, `/users/count?${query}`);
          assert.deepEqual(count.json, { object: "total_count", total_count: total });
        });
      }
    });
  }

  test("a page has 10 users by default", async (t) => {
    const { url, users } = await startService(t, { config: { dialects: ["clerk"] } });
    await Promise.all(Array.from({ length: 12 }, (_, index) => users.createUser({ userId: `u${index}` })));
    assert.equal(idsOf((await send(url, "/users")).json).length, 10);
    assert.equal(idsOf((await send(url, "/users?limit=500")).json).length, 12);
  });

  test("a walk by cursor visits every user once, though many were created in the same millisecond", async (t) => {
    const clock = new TestClock();
    const { url, users } = await startService(t, { config: { dialects: ["clerk"] }, clock: () => clock.now });
    for (let wave = 0; wave < 3; wave++) {
      await Promise.all(Array.from({ length: 8 }, (_, index) => users.createUser({ userId: `w${wave}-${index}` })));
      clock.advance(1);
    }
    for (const order of ["-created_at", "created_at"]) {
      const expected = idsOf((await send(url, `/users?limit=500&order_by=${order}`)).json);
      const met: string[] = [];
      // The number of pages is bounded: a cursor that does not move must not loop forever.
      for (let page = 0; page < 9; page++) {
        const after = met.length === 0 ? "" : `&starting_after=${met.at(-1)}`;
        const ids = idsOf((await send(url, `/users?limit=3&order_by=${order}${after}`)).json);
        met.push(...ids);
        if (ids.length < 3) break;
      }
      assert.equal(met.length, 24);
      assert.deepEqual(met, expected);
    }
  });

  test("the SDK gets its page with the total", async (t) => {
    const { url } = await startWithPeople(t);
    const { users } = newestClient(url);
    const { data, totalCount } = await users.getUserList({ limit: 1, offset: 1, orderBy: "+created_at", query: "lee" });
    assert.deepEqual([data.map(({ id }) => id), totalCount], [["cyd"], 2]);
    const banned = await users.getUserList({ banned: true } as object);
    assert.deepEqual([banned.data.map(({ id }) => id), banned.totalCount], [["bob"], 1]);
    assert.equal(await users.getCount({ emailAddress: ["ann@example.com"] }), 1);
  });

  test("a cursor of another organization is refused as unknown", async (t) => {
    const { url, keys } = await startWithPeople(t);
    const { secret } = await keys.createApiKey({ displayName: "acme", role: "viewer", organizationId: "acme" });
    assert.deepEqual(idsOf((await send(url, "/users?starting_after=eve", { key: secret })).json), ["dan"]);
    assert.equal((await send(url, "/users?starting_after=bob", { key: secret })).status, 422);
  });
});
