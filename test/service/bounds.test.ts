/** Every caller can read what another one stores, and nothing that a caller does grows without bound. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { JsonObject } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { RestrictionKind } from "../../gen/lockkeeper/resource/v1/restriction_pb.ts";
import {
  EventOrder,
  type ListUserEventsResponse,
  type ListUsersResponse,
} from "../../gen/lockkeeper/user/v1/user_service_pb.ts";
import { assertRefused } from "../support/refusals.ts";
import { ADMIN_KEY, clientsOf, GENERATION, startService, TestClock } from "../support/service.ts";

function nested(levels: number): JsonObject {
  let value: JsonObject = { leaf: true };
  for (let level = 1; level < levels; level++) value = { a: value };
  return value;
}

test("attributes nest 16 levels on every wire, and what JSON stores gRPC reads", async (t) => {
  const { users, url } = await startService(t);
  const post = (userId: string, levels: number) =>
    fetch(`${url}/v1/users`, {
      method: "POST",
      headers: { authorization: `Bearer ${ADMIN_KEY}`, "content-type": "application/json" },
      body: JSON.stringify({ userId, attributes: { deep: nested(levels) } }),
    });
  assert.equal((await post("fits", 16)).status, 200);
  const { user } = await users.getUser({ userId: "fits" });
  assert.deepEqual(user?.attributes.deep, nested(16));
  assert.equal((await users.listUserEvents({ userId: "fits" })).events.length, 1);
  const refused = await post("deep", 17);
  assert.equal(refused.status, 400);
  assert.match(await refused.text(), /attributes: nests deeper than 16 levels/);
  await assertRefused(users.createUser({ attributes: { deep: nested(17) } }), "InvalidArgument", "FIELD_INVALID");
  const { results } = await users.importUsers({ users: [{ userId: "deep", attributes: { deep: nested(17) } }] });
  assert.equal(results[0]?.result.case, "error");
});

test("numbers that JSON does not know and text that is not Unicode are refused, with a request_id too", async (t) => {
  const { users } = await startService(t);
  for (const requestId of ["", "r1"]) {
    for (const number of [Number.NaN, Number.POSITIVE_INFINITY]) {
      const call = users.createUser({ requestId, attributes: { a: { number } } });
      await assert.rejects(call, /number (NaN|Infinity)|cannot encode|not a finite|invalid/i);
    }
  }
  assert.deepEqual((await users.listUsers({})).users, []);
});

test("a number of free JSON that would lose digits is refused by its place, on every wire", async (t) => {
  const { users, sessions, url } = await startService(t);
  await users.createUser({ userId: "u1" });
  const says = /\["id"\]: is a number beyond ±9007199254740991, whose digits .* send it as a text/;
  const post = async (path: string, body: string): Promise<[status: number, text: string]> => {
    const headers = { authorization: `Bearer ${ADMIN_KEY}`, "content-type": "application/json" };
    const answer = await fetch(url + path, { method: "POST", headers, body });
    return [answer.status, JSON.parse(`"${(await answer.text()).replaceAll('\\"', "'").replaceAll('"', "'")}"`)];
  };
  const rpc = (method: string) => `/lockkeeper.user.v1.UserService/${method}`;
  for (const number of ["12345678901234567890", "9007199254740992", "-9007199254740993", "1e300"]) {
    const attributes = `{"acme":{"list":[1,{"id":${number}}]}}`;
    const place = /attributes\['acme'\]\['list'\]\[1\]\['id'\]: is a number beyond .* send it as a text/;
    for (const path of ["/v1/users", rpc("CreateUser")]) {
      const [status, text] = await post(path, `{"userId":"u2","attributes":${attributes}}`);
      assert.deepEqual([status, place.test(text)], [400, true], text);
    }
    const imported = await post("/v1/users:import", `{"users":[{"userId":"u2","attributes":${attributes}}]}`);
    assert.deepEqual([imported[0], place.test(imported[1])], [200, true], imported[1]);
    const session = await post("/v1/sessions", `{"userId":"u1","attributes":${attributes}}`);
    assert.deepEqual([session[0], place.test(session[1])], [400, true], session[1]);
  }
  for (const id of [2 ** 53, -(2 ** 64), 1e300]) {
    const attributes = { acme: { id } };
    const refused = [
      users.createUser({ attributes }),
      users.updateUser({ userId: "u1", attributes, updateMask: { paths: ["attributes"] } }),
      sessions.createSession({ userId: "u1", attributes }),
    ];
    for (const call of refused) {
      assert.match((await assertRefused(call, "InvalidArgument", "FIELD_INVALID")).message, says);
    }
  }
  const kept = { most: 9007199254740991, least: -9007199254740991, part: 0.1, text: "12345678901234567890" };
  await users.updateUser({ userId: "u1", attributes: { acme: kept }, updateMask: { paths: ["attributes"] } });
  assert.deepEqual((await users.getUser({ userId: "u1" })).user?.attributes.acme, kept);
});

test("a person stays within 64 Ki characters and 32 namespaces, however small the steps", async (t) => {
  const { users } = await startService(t);
  await users.createUser({ userId: "u1" });
  const put = (namespace: string, chars: number) =>
    users.updateUser({
      userId: "u1",
      attributes: { [namespace]: { text: "x".repeat(chars) } },
      updateMask: { paths: [`attributes.${namespace}`] },
    });
  await put("a", 40_000);
  await assertRefused(put("b", 40_000), "InvalidArgument", "FIELD_INVALID");
  for (let i = 0; i < 31; i++) await put(`n${i}`, 1);
  await assertRefused(put("one-more", 1), "InvalidArgument", "FIELD_INVALID");
  const again = await users.importUsers({ users: [{ userId: "u1", attributes: { z: {} } }], ifExists: 3 });
  assert.equal(again.results[0]?.result.case, "error");
});

test("a page of large users ends before it outgrows a message, and nobody is missed", async (t) => {
  const { users } = await startService(t);
  const text = "x".repeat(60_000);
  for (let i = 0; i < 40; i++) await users.createUser({ userId: `u${i}`, attributes: { a: { text } } });
  const seen: string[] = [];
  let pages = 0;
  let pageToken = "";
  do {
    const page = await users.listUsers({ pageSize: 1000, pageToken });
    seen.push(...page.users.map((user) => user.userId));
    pageToken = page.nextPageToken;
    pages += 1;
  } while (pageToken !== "");
  assert.equal(new Set(seen).size, 40);
  assert.equal(seen.length, 40);
  assert.ok(pages > 1, "the page did not end early");
});

test("a request is answered again as it was, after a long history too", async (t) => {
  const { users } = await startService(t);
  await users.createUser({ userId: "u1", profile: { email: "a@example.com" } });
  for (let i = 0; i < 60; i++) {
    await users.lockUser({ userId: "u1" });
    await users.unlockUser({ userId: "u1" });
  }
  const first = await users.lockUser({ userId: "u1", requestId: "r1", note: "kept" });
  await users.updateUser({ userId: "u1", updateMask: { paths: ["profile.email"] } });
  await users.unlockUser({ userId: "u1" });
  assert.deepEqual(await users.lockUser({ userId: "u1", requestId: "r1", note: "kept" }), first);
});

test("importing the same item again changes nothing, a duration that counts from now included", async (t) => {
  const clock = new TestClock();
  const { users } = await startService(t, { clock: () => clock.now });
  const ban = {
    kind: RestrictionKind.BAN,
    expiry: { case: "duration" as const, value: { seconds: 86_400n, nanos: 0 } },
  };
  const importAgain = () => users.importUsers({ users: [{ userId: "u1", restrictions: [ban] }], ifExists: 3 });
  await importAgain();
  clock.advance(60_000);
  const { results } = await importAgain();
  assert.equal(results[0]?.action, 3);
  const { user } = await users.getUser({ userId: "u1" });
  assert.deepEqual([user?.details?.sequence, user?.revocationEpoch], [1n, GENERATION + 2n]);
});

test("a key does not outlive the one that makes it, and who is refused at the door stands in the log", async (t) => {
  const clock = new TestClock();
  const { keys, url, log } = await startService(t, { clock: () => clock.now });
  const expireTime = timestampFromMs(clock.now + 60_000);
  const maker = await keys.createApiKey({ permissions: ["key.write", "user.read"], expireTime });
  const made = clientsOf(url, maker.secret).keys;
  await assertRefused(made.createApiKey({ permissions: ["user.read"] }), "InvalidArgument", "FIELD_INVALID");
  await made.createApiKey({ permissions: ["user.read"], expireTime });
  await assertRefused(
    clientsOf(url, maker.secret).users.lockUser({ userId: "u" }),
    "PermissionDenied",
    "PERMISSION_MISSING",
  );
  const line = log()
    .split("\n")
    .find((each) => each.includes("PERMISSION_MISSING"));
  assert.match(line ?? "", new RegExp(`"actor":"key:${maker.apiKey?.apiKeyId}"`));
});

test("a page of values ends early, and so does one of events, in both orders; nobody and nothing is missed", async (t) => {
  const { users } = await startService(t);
  const lists = Array<never[]>(9_000).fill([]);
  for (let i = 0; i < 6; i++) await users.createUser({ userId: `u${i}`, attributes: { a: { lists } } });
  const pages: string[][] = [];
  for (let pageToken: string | undefined = ""; pageToken !== undefined; ) {
    const page: ListUsersResponse = await users.listUsers({ pageSize: 1000, pageToken });
    pages.push(page.users.map(({ userId }) => userId));
    pageToken = page.nextPageToken || undefined;
  }
  assert.ok(pages.length > 1, "the page did not end early");
  assert.deepEqual(pages.flat(), ["u0", "u1", "u2", "u3", "u4", "u5"]);
  for (let i = 0; i < 5; i++) {
    await users.updateUser({ userId: "u0", attributes: { a: { lists, i } }, updateMask: { paths: ["attributes.a"] } });
  }
  for (const order of [EventOrder.NEWEST_FIRST, EventOrder.OLDEST_FIRST]) {
    const sequences: bigint[] = [];
    let count = 0;
    for (let pageToken: string | undefined = ""; pageToken !== undefined; ) {
      const page: ListUserEventsResponse = await users.listUserEvents({
        userId: "u0",
        pageSize: 1000,
        order,
        pageToken,
      });
      sequences.push(...page.events.map(({ sequence }) => sequence));
      pageToken = page.nextPageToken || undefined;
      count++;
    }
    assert.ok(count > 1, "the page did not end early");
    assert.deepEqual(sequences.toSorted(), [1n, 2n, 3n, 4n, 5n, 6n]);
    assert.equal(new Set(sequences).size, 6);
  }
});
