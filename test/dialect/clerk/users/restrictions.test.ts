/** Lock, unlock, ban and unban: durations, repetition, independence, bulk calls, and what our own API shows. */
import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { create } from "@bufbuild/protobuf";
import { DurationSchema } from "@bufbuild/protobuf/wkt";
import { Cause, RestrictionKind } from "../../../../gen/lockkeeper/resource/v1/restriction_pb.ts";
import { State } from "../../../../gen/lockkeeper/user/v1/user_pb.ts";
import {
  EventOrder,
  type ImportRestriction,
  ImportRestrictionSchema,
} from "../../../../gen/lockkeeper/user/v1/user_service_pb.ts";
import { GENERATION, type Running, startService, TestClock } from "../../../support/service.ts";
import { type ErrorJson, newestClient, rawOf, send, type UserJson } from "../support/clients.ts";

const MINUTE = 60_000;

async function start(t: TestContext): Promise<Running & { readonly clock: TestClock }> {
  const clock = new TestClock();
  const running = await startService(t, { config: { dialects: ["clerk"] }, clock: () => clock.now });
  return { ...running, clock };
}

async function lock(url: string, userId: string): Promise<UserJson> {
  const { json } = await send(url, `/users/${userId}/lock`, { method: "POST" });
  return json as UserJson;
}

async function get(url: string, userId: string): Promise<UserJson> {
  const { status, json } = await send(url, `/users/${userId}`);
  assert.equal(status, 200);
  return json as UserJson;
}

async function eventTypes({ users }: Running, userId: string): Promise<readonly string[]> {
  const { events } = await users.listUserEvents({ userId, order: EventOrder.OLDEST_FIRST });
  return events.map(({ payload }) => `${payload.case}`);
}

test("a lock lasts an hour, counts down in seconds, and expires", async (t) => {
  const running = await start(t);
  const { url, users, clock } = running;
  await users.createUser({ userId: "u" });
  assert.equal((await lock(url, "u")).lockout_expires_in_seconds, 3600);
  clock.advance(1);
  assert.equal((await get(url, "u")).lockout_expires_in_seconds, 3600);
  clock.advance(999);
  assert.equal((await get(url, "u")).lockout_expires_in_seconds, 3599);
  clock.advance(59 * MINUTE + 58_999);
  const { locked, lockout_expires_in_seconds: left } = await get(url, "u");
  assert.deepEqual({ locked, left }, { locked: true, left: 1 });
  clock.advance(1);
  const after = await get(url, "u");
  assert.deepEqual([after.locked, after.lockout_expires_in_seconds], [false, null]);
});

test("locking again restarts the hour", async (t) => {
  const running = await start(t);
  const { url, users, clock } = running;
  await users.createUser({ userId: "u" });
  await lock(url, "u");
  clock.advance(59 * MINUTE);
  assert.equal((await get(url, "u")).lockout_expires_in_seconds, 60);
  assert.equal((await lock(url, "u")).lockout_expires_in_seconds, 3600);
  clock.advance(59 * MINUTE);
  assert.equal((await get(url, "u")).locked, true);
  assert.deepEqual(await eventTypes(running, "u"), ["userCreated", "userLocked", "userLocked"]);
});

test("a lock lasts as long as the user's organization sets", async (t) => {
  const { url, users, organizations } = await start(t);
  await organizations.createOrganization({ organizationId: "acme", defaultLockDuration: { seconds: 90n } });
  await users.createUser({ userId: "u", organizationId: "acme" });
  assert.equal((await lock(url, "u")).lockout_expires_in_seconds, 90);
});

test("a permanent lock stays permanent, and is shown as null", async (t) => {
  const { url, users } = await start(t);
  await users.createUser({ userId: "u" });
  await users.lockUser({ userId: "u", expiry: { case: "never", value: true } });
  const locked = await lock(url, "u");
  assert.deepEqual([locked.locked, locked.lockout_expires_in_seconds], [true, null]);
});

test("of two locks the later end is shown, and null if one is permanent", async (t) => {
  const { url, users } = await start(t);
  const lockOf = (cause: Cause, expiry: ImportRestriction["expiry"]) =>
    create(ImportRestrictionSchema, { kind: RestrictionKind.LOCK, cause, expiry });
  const lasting = (seconds: bigint) => ({ case: "duration" as const, value: create(DurationSchema, { seconds }) });
  await users.importUsers({
    users: [
      { userId: "both", restrictions: [lockOf(Cause.POLICY, lasting(100n)), lockOf(Cause.ADMIN, lasting(50n))] },
      {
        userId: "ever",
        restrictions: [lockOf(Cause.POLICY, lasting(100n)), lockOf(Cause.ADMIN, { case: "never", value: true })],
      },
    ],
  });
  assert.equal((await get(url, "both")).lockout_expires_in_seconds, 100);
  const ever = await get(url, "ever");
  assert.deepEqual([ever.locked, ever.lockout_expires_in_seconds], [true, null]);
  assert.equal((await send(url, "/users/both/unlock", { method: "POST" })).status, 200);
  assert.equal((await get(url, "both")).locked, false);
});

test("a lock does not end sessions, a ban does", async (t) => {
  const { url, users } = await start(t);
  await users.createUser({ userId: "u" });
  await lock(url, "u");
  assert.equal((await users.getUser({ userId: "u" })).user?.revocationEpoch, GENERATION + 1n);
  await send(url, "/users/u/ban", { method: "POST" });
  assert.equal((await users.getUser({ userId: "u" })).user?.revocationEpoch, GENERATION + 2n);
});

test("locks, bans and deactivations are independent", async (t) => {
  const { url, users } = await start(t);
  await users.createUser({ userId: "u" });
  await users.deactivateUser({ userId: "u" });
  const client = newestClient(url).users;
  const flags = async (change: Promise<{ banned: boolean; locked: boolean }>) => {
    const { banned, locked } = await change;
    return [banned, locked];
  };
  assert.deepEqual(await flags(client.lockUser("u")), [false, true]);
  assert.deepEqual(await flags(client.banUser("u")), [true, true]);
  assert.deepEqual(await flags(client.unlockUser("u")), [true, false]);
  assert.deepEqual(await flags(client.unbanUser("u")), [false, false]);
  assert.equal((await users.getUser({ userId: "u" })).user?.state, State.INACTIVE);
});

test("only a deactivation by a directory is shown as deprovisioned", async (t) => {
  const { url, users } = await start(t);
  await users.createUser({ userId: "u" });
  await users.deactivateUser({ userId: "u" });
  assert.equal((await get(url, "u")).deprovisioned, false);
  await users.deactivateUser({ userId: "u", cause: Cause.DIRECTORY });
  assert.equal((await get(url, "u")).deprovisioned, true);
});

test("unlocking a user that is not locked and banning one that is banned change nothing", async (t) => {
  const running = await start(t);
  const { url, users } = running;
  await users.createUser({ userId: "u" });
  for (const path of ["unlock", "unban", "ban", "ban", "ban"]) {
    assert.equal((await send(url, `/users/u/${path}`, { method: "POST" })).status, 200);
  }
  assert.deepEqual(await eventTypes(running, "u"), ["userCreated", "userBanned"]);
});

test("repeating a ban that expires changes nothing; a scheduled one starts now", async (t) => {
  const { url, users, clock } = await start(t);
  await users.createUser({ userId: "ends" });
  await users.banUser({ userId: "ends", expiry: { case: "duration", value: { seconds: 60n } } });
  await users.createUser({ userId: "later" });
  const startTime = { seconds: BigInt(clock.now / 1000 + 3600) };
  await users.banUser({ userId: "later", startTime });
  assert.equal((await get(url, "later")).banned, false);
  for (const userId of ["ends", "later"]) {
    const { json } = await send(url, `/users/${userId}/ban`, { method: "POST" });
    assert.equal((json as UserJson).banned, true, userId);
  }
  clock.advance(MINUTE);
  assert.equal((await get(url, "ends")).banned, false);
  assert.equal((await get(url, "later")).banned, true);
});

test("a scheduled lock is not shown before its start", async (t) => {
  const { url, users, clock } = await start(t);
  await users.createUser({ userId: "u" });
  const startTime = { seconds: BigInt(clock.now / 1000 + 60) };
  await users.lockUser({ userId: "u", startTime, expiry: { case: "duration", value: { seconds: 60n } } });
  assert.equal((await get(url, "u")).locked, false);
  clock.advance(MINUTE);
  const begun = await get(url, "u");
  assert.deepEqual([begun.locked, begun.lockout_expires_in_seconds], [true, 60]);
});

test("the history shows the key and the dialect", async (t) => {
  const { url, users, keys } = await start(t);
  const { secret, apiKey } = await keys.createApiKey({ displayName: "support", role: "operator" });
  await users.createUser({ userId: "u" });
  await send(url, "/users/u/lock", { method: "POST", key: secret });
  const { events } = await users.listUserEvents({ userId: "u" });
  const locked = events.find(({ payload }) => payload.case === "userLocked");
  assert.deepEqual([locked?.via, locked?.actor], ["clerk", `key:${apiKey?.apiKeyId}`]);
});

test("50 locks of one user at once all succeed", async (t) => {
  const running = await start(t);
  const { url, users } = running;
  await users.createUser({ userId: "u" });
  const client = newestClient(url).users;
  const locked = await Promise.all(Array.from({ length: 50 }, () => client.lockUser("u")));
  assert.deepEqual(new Set(locked.map((user) => rawOf(user).lockout_expires_in_seconds)), new Set([3600]));
  assert.equal((await eventTypes(running, "u")).filter((type) => type === "userLocked").length, 50);
});

test("lock ignores the body and accepts every API version", async (t) => {
  const { url, users } = await start(t);
  await users.createUser({ userId: "u" });
  for (const version of ["2021-02-05", "2025-04-10", "2026-05-12", "someday"]) {
    const header = { "clerk-api-version": version };
    const { status } = await send(url, "/users/u/lock", { body: { duration_in_seconds: 60 }, header });
    assert.equal(status, 200);
  }
  assert.equal((await get(url, "u")).lockout_expires_in_seconds, 3600);
});

test("a bulk ban keeps the order, accepts repeated ids, and bans each user once", async (t) => {
  const running = await start(t);
  const { url, users } = running;
  const ids = Array.from({ length: 49 }, (_, index) => `u${index}`);
  await Promise.all(ids.map((userId) => users.createUser({ userId })));
  const asked = [...ids.toReversed(), "u7"];
  const { status, json } = await send(url, "/users/ban", { body: { user_ids: asked } });
  assert.equal(status, 200);
  assert.deepEqual(
    (json as readonly UserJson[]).map(({ id, banned }) => [id, banned]),
    asked.map((id) => [id, true]),
  );
  assert.deepEqual(await eventTypes(running, "u7"), ["userCreated", "userBanned"]);
  const unbanned = await send(url, "/users/unban", { body: { user_ids: asked } });
  assert.deepEqual(new Set((unbanned.json as readonly UserJson[]).map(({ banned }) => banned)), new Set([false]));
});

test("a bulk ban with an unknown id bans nobody", async (t) => {
  const { url, users } = await start(t);
  await users.createUser({ userId: "a" });
  await users.createUser({ userId: "gone" });
  await users.deleteUser({ userId: "gone" });
  const { status, json } = await send(url, "/users/ban", { body: { user_ids: ["a", "gone"] } });
  assert.equal(status, 404);
  const [error] = (json as ErrorJson).errors;
  assert.deepEqual([error?.code, error?.long_message], ["resource_not_found", "No user was found with id gone"]);
  assert.equal((await get(url, "a")).banned, false);
});

test("a key of one organization reaches only its users, and creates users there", async (t) => {
  const { url, users, organizations, keys } = await start(t);
  await organizations.createOrganization({ organizationId: "acme" });
  const { secret } = await keys.createApiKey({ displayName: "acme", role: "owner", organizationId: "acme" });
  await users.createUser({ userId: "theirs" });
  await users.createUser({ userId: "ours", organizationId: "acme" });
  for (const [path, sent] of [
    ["/users/theirs", {}],
    ["/users/theirs/lock", { method: "POST" }],
    ["/users/theirs/ban", { method: "POST" }],
    ["/users/theirs", { method: "DELETE" }],
    ["/users/theirs", { method: "PATCH", body: { first_name: "x" } }],
    ["/users/ban", { body: { user_ids: ["ours", "theirs"] } }],
  ] as const) {
    assert.equal((await send(url, path, { ...sent, key: secret })).status, 404, path);
  }
  assert.equal((await get(url, "ours")).banned, false);
  const listed = await send(url, "/users", { key: secret });
  assert.deepEqual(
    (listed.json as readonly UserJson[]).map(({ id }) => id),
    ["ours"],
  );
  const counted = await send(url, "/users/count", { key: secret });
  assert.deepEqual(counted.json, { object: "total_count", total_count: 1 });
  const { json } = await send(url, "/users", { key: secret, body: { banned: true } });
  const made = await users.getUser({ userId: (json as UserJson).id });
  assert.equal(made.user?.details?.resourceOwner, "acme");
  const { json: other } = await send(url, "/users", { body: {} });
  assert.equal((await users.getUser({ userId: (other as UserJson).id })).user?.details?.resourceOwner, "default");
});
