/** `verification_attempts_remaining` and `lockout_expires_in_seconds`: what the policy leaves, in each answer. */
import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { Factor } from "../../../../gen/lockkeeper/resource/v1/factor_pb.ts";
import { type Running, startService, TestClock } from "../../../support/service.ts";
import { LINES, newestClient, rawOf, send, type UserJson } from "../support/clients.ts";

async function start(t: TestContext): Promise<Running & { readonly clock: TestClock }> {
  const clock = new TestClock();
  const running = await startService(t, { config: { dialects: ["clerk"] }, clock: () => clock.now });
  await running.users.createUser({ userId: "u" });
  return { ...running, clock };
}

async function get(url: string, userId = "u"): Promise<UserJson> {
  const { status, json } = await send(url, `/users/${userId}`);
  assert.equal(status, 200);
  return json as UserJson;
}

async function leftOf(url: string, userId = "u"): Promise<unknown> {
  return (await get(url, userId)).verification_attempts_remaining;
}

async function fail({ signIns }: Running, times: number, factor: Factor = Factor.PASSWORD): Promise<void> {
  for (let n = 0; n < times; n++) {
    await signIns.recordFailure({ subject: { subject: { case: "userId", value: "u" } }, factor });
  }
}

async function limitTo({ policies }: Running, attemptsMax: number, organizationId = ""): Promise<void> {
  const values = { limits: [{ factor: Factor.PASSWORD, attemptsMax }] };
  await policies.updatePolicy({ organizationId, values, updateMask: { paths: ["limits"] } });
}

test("each failure takes an attempt away, and a success restores them", async (t) => {
  const running = await start(t);
  const { url, signIns } = running;
  assert.equal(await leftOf(url), 10);
  for (let left = 9; left > 5; left--) {
    await fail(running, 1);
    assert.equal(await leftOf(url), left);
  }
  const subject = { subject: { case: "userId" as const, value: "u" } };
  await signIns.recordSuccess({ subject, factor: Factor.PASSWORD });
  assert.equal(await leftOf(url), 10);
});

test("failures expire, and those of other factors do not count", async (t) => {
  const running = await start(t);
  const { url, clock, policies } = running;
  const { policy } = await policies.getPolicy({});
  await fail(running, 3);
  await fail(running, 5, Factor.OTP);
  assert.equal(await leftOf(url), 7);
  clock.advance(Number(policy?.effective?.countingWindow?.seconds ?? 0n) * 1000);
  assert.equal(await leftOf(url), 10);
});

test("an attempt in progress does not count as left", async (t) => {
  const running = await start(t);
  const attemptId = "0198b7a0-0000-7000-8000-000000000001";
  const subject = { subject: { case: "userId" as const, value: "u" } };
  await running.signIns.beginAttempt({ attemptId, subject, factor: Factor.PASSWORD });
  assert.equal(await leftOf(running.url), 9);
});

test("a policy lock leaves none, shows its end, and restores all when it is lifted or expires", async (t) => {
  const running = await start(t);
  const { url, clock } = running;
  const client = newestClient(url).users;
  await fail(running, 10);
  const locked = await get(url);
  assert.deepEqual(
    [locked.locked, locked.verification_attempts_remaining, locked.lockout_expires_in_seconds],
    [true, 0, 3600],
  );
  clock.advance(1000);
  assert.equal((await get(url)).lockout_expires_in_seconds, 3599);
  const unlocked = rawOf(await client.unlockUser("u"));
  assert.deepEqual(
    [unlocked.locked, unlocked.verification_attempts_remaining, unlocked.lockout_expires_in_seconds],
    [false, 10, null],
  );
  await fail(running, 10);
  assert.equal(await leftOf(url), 0);
  clock.advance(2 * 3_600_000);
  assert.deepEqual([(await get(url)).locked, await leftOf(url)], [false, 10]);
});

test("a user that an administrator locked may have attempts left", async (t) => {
  const running = await start(t);
  await fail(running, 4);
  const locked = rawOf(await newestClient(running.url).users.lockUser("u"));
  assert.deepEqual([locked.locked, locked.verification_attempts_remaining], [true, 6]);
});

test("without a limit it is null; an organization's own limit takes precedence over the instance's", async (t) => {
  const running = await start(t);
  const { url, organizations, users } = running;
  await organizations.createOrganization({ organizationId: "acme" });
  await users.createUser({ userId: "a", organizationId: "acme" });
  await limitTo(running, 0);
  await fail(running, 3);
  assert.deepEqual([await leftOf(url), await leftOf(url, "a")], [null, null]);
  await limitTo(running, 5, "acme");
  assert.deepEqual([await leftOf(url), await leftOf(url, "a")], [null, 5]);
  await limitTo(running, 1);
  await fail(running, 1);
  assert.equal(await leftOf(url), 0);
  await limitTo(running, 0);
  const locked = await get(url);
  assert.deepEqual([locked.locked, locked.verification_attempts_remaining], [true, null]);
});

for (const { name, client } of LINES) {
  test(`${name}: every answer with a user shows it`, async (t) => {
    const running = await start(t);
    await limitTo(running, 20);
    const { users } = client(running.url);
    const made = await users.createUser({});
    assert.equal(rawOf(made).verification_attempts_remaining, 20);
    await fail(running, 2);
    const { data } = await users.getUserList({ userId: ["u"] });
    const shown = [
      ...data,
      await users.getUser("u"),
      await users.updateUser("u", { firstName: "Ann" }),
      await users.updateUserMetadata("u", { publicMetadata: { a: 1 } }),
      await users.banUser("u"),
      await users.unbanUser("u"),
    ];
    assert.deepEqual(
      shown.map((user) => rawOf(user).verification_attempts_remaining),
      Array(6).fill(18),
    );
    const { json } = await send(running.url, "/users/ban", { body: { user_ids: ["u", made.id] } });
    assert.deepEqual(
      (json as readonly UserJson[]).map((user) => user.verification_attempts_remaining),
      [18, 20],
    );
  });
}

test("a list shows it for each user", async (t) => {
  const running = await start(t);
  const { url, users, signIns } = running;
  const ids = Array.from({ length: 40 }, (_, index) => `u${String(index).padStart(2, "0")}`);
  await Promise.all(ids.map((userId) => users.createUser({ userId })));
  await Promise.all(
    ids.flatMap((value, index) =>
      Array.from({ length: index % 5 }, () =>
        signIns.recordFailure({ subject: { subject: { case: "userId", value } }, factor: Factor.PASSWORD }),
      ),
    ),
  );
  const { json } = await send(url, `/users?limit=500&query=u&order_by=created_at`);
  const left = new Map((json as readonly UserJson[]).map((user) => [user.id, user.verification_attempts_remaining]));
  assert.deepEqual(
    ids.map((id) => left.get(id)),
    ids.map((_, index) => 10 - (index % 5)),
  );
});
