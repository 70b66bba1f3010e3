/** Every served method of the real SDK, in each of its release lines. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { User } from "@clerk/backend";
import { ADMIN_KEY, type Running, type RunOptions, startService } from "../../support/service.ts";
import { type BackendClient, LINES, type Line, rawOf, refusedBySdk, type UserJson } from "./support/clients.ts";

interface Case {
  readonly method: string;
  /** `user` is new and has no restrictions. */
  readonly run: (client: BackendClient, user: User, line: Line) => Promise<void>;
}

/** The generic call that every release line has at run time. */
function request(client: BackendClient, options: object): Promise<unknown> {
  const api = client.users as unknown as { request(options: object): Promise<unknown> };
  return api.request(options);
}

const CASES: readonly Case[] = [
  {
    method: "lockUser",
    async run({ users }, { id }) {
      const locked = await users.lockUser(id);
      assert.equal(locked.locked, true);
      assert.equal(locked.banned, false);
      assert.equal(rawOf(locked).lockout_expires_in_seconds, 3600);
      assert.equal((await users.getUser(id)).locked, true);
    },
  },
  {
    method: "unlockUser",
    async run({ users }, { id }) {
      await users.lockUser(id);
      const unlocked = await users.unlockUser(id);
      assert.equal(unlocked.locked, false);
      assert.equal(rawOf(unlocked).lockout_expires_in_seconds, null);
      assert.equal((await users.unlockUser(id)).locked, false);
    },
  },
  {
    method: "banUser",
    async run({ users }, { id }) {
      assert.equal((await users.banUser(id)).banned, true);
      assert.equal((await users.banUser(id)).banned, true);
      const { banned, locked } = await users.getUser(id);
      assert.deepEqual({ banned, locked }, { banned: true, locked: false });
    },
  },
  {
    method: "unbanUser",
    async run({ users }, { id }) {
      await users.banUser(id);
      assert.equal((await users.unbanUser(id)).banned, false);
      assert.equal((await users.unbanUser(id)).banned, false);
    },
  },
  {
    method: "POST /users/ban and /users/unban by the generic call",
    async run(client, { id }) {
      const other = await client.users.createUser({});
      const bodyParams = { userIds: [other.id, id] };
      const banned = (await request(client, { method: "POST", path: "/users/ban", bodyParams })) as User[];
      assert.deepEqual(
        banned.map((user) => [user.id, user.banned]),
        [
          [other.id, true],
          [id, true],
        ],
      );
      const unbanned = (await request(client, { method: "POST", path: "/users/unban", bodyParams })) as User[];
      assert.deepEqual(
        unbanned.map((user) => user.banned),
        [false, false],
      );
    },
  },
  {
    method: "getUser",
    async run({ users }, user) {
      const got = await users.getUser(user.id);
      assert.deepEqual(rawOf(got), rawOf(user));
      assert.equal(got.emailAddresses[0]?.emailAddress, "ann@example.com");
      assert.equal(got.primaryEmailAddressId, got.emailAddresses[0]?.id);
      assert.equal(got.fullName, "Ann Lee");
    },
  },
  {
    method: "getUserList",
    async run({ users }, { id }) {
      const { data, totalCount } = await users.getUserList({ userId: [id], limit: 5, orderBy: "-created_at" });
      assert.equal(totalCount, 1);
      assert.deepEqual(
        data.map((user) => [user.primaryEmailAddress?.emailAddress, user.id]),
        [["ann@example.com", id]],
      );
    },
  },
  {
    method: "getCount",
    async run({ users }, { id }) {
      assert.equal(await users.getCount({ userId: [id, "user_nobody"] }), 1);
      assert.equal(await users.getCount({ userId: ["user_nobody"] }), 0);
    },
  },
  {
    method: "createUser",
    async run({ users }) {
      const user = await users.createUser({
        emailAddress: ["b@example.com", "c@example.com"],
        phoneNumber: ["+15555550100"],
        username: "bob",
        firstName: "Bob",
        lastName: "Ray",
        password: "correct horse",
        skipPasswordChecks: true,
        publicMetadata: { innerKey: { aB: 1 } },
        privateMetadata: { x: null },
        unsafeMetadata: { list: [1, "2"] },
        externalId: "ext-1",
        locale: "de-CH",
        createdAt: new Date("2020-02-29T12:00:00.123Z"),
        legalAcceptedAt: new Date("2021-01-01T00:00:00Z"),
      });
      assert.equal(user.id.startsWith("user_"), true);
      const got = await users.getUser(user.id);
      assert.deepEqual(rawOf(got), rawOf(user));
      assert.equal(got.createdAt, Date.UTC(2020, 1, 29, 12, 0, 0, 123));
      assert.equal(got.legalAcceptedAt, Date.UTC(2021, 0, 1));
      assert.deepEqual(got.publicMetadata, { innerKey: { aB: 1 } });
      assert.deepEqual(got.privateMetadata, { x: null });
      assert.deepEqual(got.unsafeMetadata, { list: [1, "2"] });
      assert.deepEqual([got.username, got.firstName, got.lastName], ["bob", "Bob", "Ray"]);
      assert.deepEqual([got.externalId, rawOf(got).locale, got.passwordEnabled], ["ext-1", "de-CH", true]);
      assert.deepEqual(
        got.emailAddresses.map((each) => [each.emailAddress, each.verification?.status]),
        [
          ["b@example.com", "verified"],
          ["c@example.com", "verified"],
        ],
      );
      assert.equal(got.phoneNumbers[0]?.phoneNumber, "+15555550100");
      assert.equal(got.primaryPhoneNumberId, got.phoneNumbers[0]?.id);
    },
  },
  {
    method: "createUser, banned and locked",
    async run({ users }) {
      const user = await users.createUser({ banned: true, locked: true });
      assert.deepEqual([user.banned, user.locked], [true, true]);
      assert.equal(rawOf(user).lockout_expires_in_seconds, 3600);
    },
  },
  {
    method: "updateUser",
    async run({ users }, { id }, line) {
      await users.updateUserMetadata(id, { publicMetadata: { old: true } });
      const updated = await users.updateUser(id, { firstName: "Anna", publicMetadata: { new: true } });
      assert.equal(updated.firstName, "Anna", line.name);
      assert.deepEqual(updated.publicMetadata, { new: true });
      assert.deepEqual(rawOf(await users.getUser(id)), rawOf(updated));
    },
  },
  {
    method: "updateUserMetadata",
    async run({ users }, { id }) {
      await users.updateUserMetadata(id, { publicMetadata: { a: { b: 1, c: 2 }, d: 3 }, privateMetadata: { p: 1 } });
      const merged = await users.updateUserMetadata(id, { publicMetadata: { a: { b: null, e: 5 } } });
      assert.deepEqual(merged.publicMetadata, { a: { c: 2, e: 5 }, d: 3 });
      assert.deepEqual(merged.privateMetadata, { p: 1 });
    },
  },
  {
    method: "replaceUserMetadata",
    async run(client, { id }, line) {
      await client.users.updateUserMetadata(id, { publicMetadata: { a: 1 }, unsafeMetadata: { u: 1 } });
      const metadata = { publicMetadata: { b: { c: 2 } } };
      const replaced = line.replacesMetadata
        ? await client.users.replaceUserMetadata(id, metadata)
        : ((await request(client, { method: "PUT", path: `/users/${id}/metadata`, bodyParams: metadata })) as User);
      assert.deepEqual(replaced.publicMetadata, { b: { c: 2 } });
      assert.deepEqual(replaced.unsafeMetadata, { u: 1 });
    },
  },
  {
    method: "deleteUser",
    async run({ users }, { id }) {
      const deleted = (await users.deleteUser(id)) as unknown as UserJson;
      assert.deepEqual([deleted.object, deleted.id, deleted.deleted], ["user", id, true]);
      assert.equal((await refusedBySdk(users.getUser(id))).status, 404);
    },
  },
];

/** Paths at which a value is `undefined`. The raw answer that the client keeps is omitted. */
function undefinedIn(value: unknown, path = "user"): readonly string[] {
  if (value === undefined) return [path];
  if (typeof value !== "object" || value === null) return [];
  return Object.entries(value).flatMap(([key, inner]) => (key === "_raw" ? [] : undefinedIn(inner, `${path}.${key}`)));
}

async function startWith(t: Parameters<typeof startService>[0], options: RunOptions = {}): Promise<Running> {
  return startService(t, { ...options, config: { dialects: ["clerk"] } });
}

for (const line of LINES) {
  describe(`@clerk/backend ${line.name}`, () => {
    test("every method", async (t) => {
      const running = await startWith(t);
      const client = line.client(running.url);
      for (const { method, run } of CASES) {
        await t.test(method, async () => {
          const user = await client.users.createUser({
            firstName: "Ann",
            lastName: "Lee",
            emailAddress: ["ann@example.com"],
          });
          await run(client, user, line);
        });
      }
    });

    test("a user has no undefined property at any depth", async (t) => {
      const { url } = await startWith(t);
      const { users } = line.client(url);
      const bare = await users.createUser({});
      assert.deepEqual(undefinedIn(bare), []);
      const full = await users.createUser({
        emailAddress: ["a@example.com", "b@example.com"],
        emailAddressIdentificationStatus: ["verified", "reserved"],
        phoneNumber: ["+15555550100"],
        locked: true,
        banned: true,
      });
      assert.deepEqual(undefinedIn(full), []);
    });

    test("errors are the client's own", async (t) => {
      const { url } = await startWith(t);
      const missing = await refusedBySdk(line.client(url).users.lockUser("user_nobody"));
      assert.equal(missing.name, "ClerkAPIResponseError");
      assert.equal(missing.status, 404);
      assert.equal(missing.message, "Not Found");
      assert.equal(missing.errors[0]?.code, "resource_not_found");
      assert.equal(missing.errors[0]?.longMessage, "No user was found with id user_nobody");
      assert.match(missing.clerkTraceId, /^[0-9a-f-]{36}$/);

      const client = line.client(url);
      const { id } = await client.users.createUser({});
      const unknown = await refusedBySdk(client.users.updateUser(id, { banned: true } as object));
      assert.equal(unknown.status, 422);
      assert.equal(unknown.errors[0]?.code, "form_param_unknown");
      assert.equal(unknown.errors[0]?.meta?.paramName, "banned");

      const stranger = await refusedBySdk(line.client(url, `${ADMIN_KEY}x`).users.getUser(id));
      assert.deepEqual([stranger.status, stranger.errors[0]?.code], [401, "clerk_key_invalid"]);
      const list = await refusedBySdk(client.users.getUserList({ limit: 501 }));
      assert.deepEqual([list.status, list.errors[0]?.code], [422, "form_param_value_invalid"]);
    });

    test("Retry-After reaches the client", async (t) => {
      const { url } = await startWith(t, { isOneProcess: true });
      const wrong = line.client(url, "a-wrong-key-that-is-long-enough-000000");
      const refusals = await Promise.all(Array.from({ length: 40 }, () => refusedBySdk(wrong.users.getUser("user_1"))));
      const throttled = refusals.find(({ status }) => status === 429);
      assert.equal(throttled?.errors[0]?.code, "too_many_requests");
      assert.equal(throttled?.retryAfter, 1);
    });
  });
}
