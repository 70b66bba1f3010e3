/** ApiKeyService and what a key opens, through a real client. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { timestampFromMs, timestampMs } from "@bufbuild/protobuf/wkt";
import { assertRefused } from "../../support/refusals.ts";
import { ADMIN_KEY, clientsOf, startService, TestClock, temporaryFolder } from "../../support/service.ts";

test("a key opens what its role allows, until it is revoked", async (t) => {
  const { keys, users, url } = await startService(t);
  await users.createUser({ userId: "u1" });
  const { secret, apiKey } = await keys.createApiKey({ role: "viewer", displayName: "dashboard" });
  assert.match(secret, /^lk_[0-9a-z]+_[0-9A-Za-z]{43}_[0-9a-f]{8}$/);
  const viewer = clientsOf(url, secret);
  assert.equal((await viewer.users.getUser({ userId: "u1" })).user?.userId, "u1");
  const refused = await assertRefused(
    viewer.users.lockUser({ userId: "u1" }),
    "PermissionDenied",
    "PERMISSION_MISSING",
  );
  assert.equal(refused.metadata.permission, "user.write");
  await assertRefused(viewer.users.lockUser({ userId: "nobody" }), "PermissionDenied", "PERMISSION_MISSING");
  await keys.revokeApiKey({ apiKeyId: apiKey?.apiKeyId ?? "" });
  await assertRefused(viewer.users.getUser({ userId: "u1" }), "Unauthenticated", "CREDENTIAL_INVALID");
  await assertRefused(
    keys.revokeApiKey({ apiKeyId: apiKey?.apiKeyId ?? "" }),
    "FailedPrecondition",
    "API_KEY_ALREADY_REVOKED",
  );
  await assertRefused(keys.revokeApiKey({ apiKeyId: "none" }), "NotFound", "API_KEY_NOT_FOUND");
});

test("a key expires at its end", async (t) => {
  const clock = new TestClock();
  const { keys, url } = await startService(t, { clock: () => clock.now });
  const expireTime = timestampFromMs(clock.now + 1000);
  const { secret } = await keys.createApiKey({ permissions: ["user.read"], expireTime });
  const { users } = clientsOf(url, secret);
  clock.advance(999);
  assert.deepEqual((await users.listUsers({})).users, []);
  clock.advance(1);
  await assertRefused(users.listUsers({}), "Unauthenticated", "CREDENTIAL_INVALID");
  await assertRefused(keys.createApiKey({ role: "viewer", expireTime }), "InvalidArgument", "FIELD_INVALID");
});

test("a caller makes only keys within its own scope and permissions", async (t) => {
  const { keys, organizations, url } = await startService(t);
  await organizations.createOrganization({ organizationId: "acme" });
  const { secret } = await keys.createApiKey({
    permissions: ["key.write", "key.read", "user.read"],
    organizationId: "acme",
  });
  const acme = clientsOf(url, secret);
  const own = await acme.keys.createApiKey({ permissions: ["user.read"] });
  assert.equal(own.details?.resourceOwner, "acme");
  await assertRefused(
    acme.keys.createApiKey({ permissions: ["user.write"] }),
    "PermissionDenied",
    "PERMISSION_MISSING",
  );
  await assertRefused(acme.keys.createApiKey({ role: "owner" }), "PermissionDenied", "PERMISSION_MISSING");
  await assertRefused(
    acme.keys.createApiKey({ permissions: ["user.read"], organizationId: "default" }),
    "PermissionDenied",
    "SCOPE_EXCEEDED",
  );
  const listed = (await acme.keys.listApiKeys({})).apiKeys;
  assert.equal(listed.length, 2);
  assert.ok(listed.every((key) => key.details?.resourceOwner === "acme"));
  await assertRefused(acme.organizations.createOrganization({}), "PermissionDenied", "PERMISSION_MISSING");
});

test("a key is shown to every caller that may read keys of its scope, revoked or not", async (t) => {
  const { keys, organizations, url } = await startService(t);
  await organizations.createOrganization({ organizationId: "acme" });
  const { apiKey, secret } = await keys.createApiKey({ role: "owner", organizationId: "acme", displayName: "ci" });
  const apiKeyId = apiKey?.apiKeyId ?? "";
  assert.deepEqual((await keys.getApiKey({ apiKeyId })).apiKey, apiKey);
  assert.equal((await clientsOf(url, secret).keys.getApiKey({ apiKeyId })).apiKey?.displayName, "ci");
  const [owner] = (await keys.listApiKeys({})).apiKeys.filter(({ details }) => details?.resourceOwner === "");
  const elsewhere = { apiKeyId: owner?.apiKeyId ?? "" };
  await assertRefused(clientsOf(url, secret).keys.getApiKey(elsewhere), "NotFound", "API_KEY_NOT_FOUND");
  await assertRefused(keys.getApiKey({ apiKeyId: "none" }), "NotFound", "API_KEY_NOT_FOUND");
  await keys.revokeApiKey({ apiKeyId });
  assert.notEqual((await keys.getApiKey({ apiKeyId })).apiKey?.revokeTime, undefined);
});

test("a rotated key has a new secret, and the earlier one opens for the overlap, over a restart too", async (t) => {
  const clock = new TestClock();
  const path = join(await temporaryFolder(t), "lockkeeper.db");
  const options = { path, clock: () => clock.now };
  const first = await startService(t, options);
  const { apiKey, secret } = await first.keys.createApiKey({ role: "viewer", displayName: "dashboard" });
  const apiKeyId = apiKey?.apiKeyId ?? "";
  const tried = await first.keys.rotateApiKey({ apiKeyId, overlap: { seconds: 60n }, validateOnly: true });
  assert.deepEqual([tried.secret, tried.apiKey?.earlierSecretsEndTime], ["", timestampFromMs(clock.now + 60_000)]);
  const rotated = await first.keys.rotateApiKey({ apiKeyId, overlap: { seconds: 60n } });
  assert.match(rotated.secret, /^lk_[0-9a-z]+_[0-9A-Za-z]{43}_[0-9a-f]{8}$/);
  assert.deepEqual((await first.keys.getApiKey({ apiKeyId })).apiKey, rotated.apiKey);
  const { displayName, role, rotateTime, details } = rotated.apiKey ?? {};
  assert.deepEqual(
    [displayName, role, rotateTime, details?.sequence],
    ["dashboard", "viewer", timestampFromMs(clock.now), 2n],
  );
  await first.stop();
  const { url, keys } = await startService(t, options);
  const opens = (one: string) => clientsOf(url, one).users.listUsers({});
  await opens(rotated.secret);
  await opens(secret);
  const { expireTime } = await clientsOf(url, secret).admin.whoAmI({});
  assert.deepEqual(expireTime, timestampFromMs(clock.now + 60_000), "who shows the earlier one learns its end");
  clock.advance(60_000);
  await assertRefused(opens(secret), "Unauthenticated", "CREDENTIAL_INVALID");
  const again = await keys.rotateApiKey({ apiKeyId });
  clock.advance(3_599_999);
  await opens(rotated.secret);
  await keys.revokeApiKey({ apiKeyId });
  for (const one of [rotated.secret, again.secret]) {
    await assertRefused(opens(one), "Unauthenticated", "CREDENTIAL_INVALID");
  }
  await assertRefused(keys.rotateApiKey({ apiKeyId }), "FailedPrecondition", "API_KEY_ALREADY_REVOKED");
});

test("nobody rotates a key that may do more, reaches further or opens longer than the caller's credential", async (t) => {
  const clock = new TestClock();
  const { keys, organizations, url } = await startService(t, { clock: () => clock.now });
  await organizations.createOrganization({ organizationId: "acme" });
  const owner = await keys.createApiKey({ role: "owner" });
  const target = { apiKeyId: owner.apiKey?.apiKeyId ?? "" };
  const porter = clientsOf(url, (await keys.createApiKey({ permissions: ["key.write"] })).secret);
  const lacking = await assertRefused(porter.keys.rotateApiKey(target), "PermissionDenied", "PERMISSION_MISSING");
  assert.match(lacking.message, /rotating this key needs the permission user\.read and/);
  const acme = clientsOf(url, (await keys.createApiKey({ role: "owner", organizationId: "acme" })).secret);
  await assertRefused(acme.keys.rotateApiKey(target), "NotFound", "API_KEY_NOT_FOUND");
  const expireTime = timestampFromMs(clock.now + 60_000);
  const short = clientsOf(url, (await keys.createApiKey({ role: "owner", expireTime })).secret);
  await assertRefused(short.keys.rotateApiKey(target), "InvalidArgument", "FIELD_INVALID");
  // An earlier secret is a credential that ends: a thief must not keep access with it. A replica that does not know the
  // rotation yet finds out in the transaction.
  await keys.rotateApiKey(target);
  const refused = clientsOf(url, owner.secret).keys.rotateApiKey(target);
  assert.match(
    (await assertRefused(refused, "InvalidArgument", "FIELD_INVALID")).message,
    /^api_key_id: .* (?:opens beyond|is the key whose earlier secret this call shows)/,
  );
  for (const seconds of [-1n, 2_592_001n]) {
    await assertRefused(keys.rotateApiKey({ ...target, overlap: { seconds } }), "InvalidArgument", "FIELD_INVALID");
  }
});

test("an earlier secret does not rotate its key where both end with the key, but may revoke it", async (t) => {
  const clock = new TestClock();
  const { keys, url } = await startService(t, { clock: () => clock.now });
  const { apiKey, secret } = await keys.createApiKey({
    permissions: ["key.write"],
    expireTime: timestampFromMs(clock.now + 600_000),
  });
  const apiKeyId = apiKey?.apiKeyId ?? "";
  const present = clientsOf(url, (await keys.rotateApiKey({ apiKeyId, overlap: { seconds: 3600n } })).secret).keys;
  const earlier = clientsOf(url, secret).keys;
  for (const validateOnly of [true, false]) {
    const refused = await assertRefused(
      earlier.rotateApiKey({ apiKeyId, overlap: {}, validateOnly }),
      "InvalidArgument",
      "FIELD_INVALID",
    );
    assert.match(refused.message, /^api_key_id: .* earlier secret this call shows; rotate it by its present secret/);
  }
  await present.rotateApiKey({ apiKeyId, overlap: { seconds: 3600n } });
  await earlier.revokeApiKey({ apiKeyId });
});

test("the last owner key of the instance cannot be revoked, even by two at once", async (t) => {
  const { keys, url } = await startService(t);
  const [first] = (await keys.listApiKeys({})).apiKeys;
  assert.equal(first?.role, "owner");
  await assertRefused(keys.revokeApiKey({ apiKeyId: first.apiKeyId }), "FailedPrecondition", "API_KEY_LAST_OWNER");
  const second = await keys.createApiKey({ role: "owner" });
  const other = clientsOf(url, second.secret).keys;
  const outcomes = await Promise.allSettled([
    keys.revokeApiKey({ apiKeyId: second.apiKey?.apiKeyId ?? "" }),
    other.revokeApiKey({ apiKeyId: first.apiKeyId }),
  ]);
  assert.equal(outcomes.filter((outcome) => outcome.status === "fulfilled").length, 1);
});

test("roles and permissions that do not exist are refused with those that do", async (t) => {
  const { keys } = await startService(t);
  for (const request of [
    {},
    { role: "king" },
    { permissions: ["user.fly"] },
    { role: "viewer", permissions: ["user.read"] },
  ]) {
    const refused = await assertRefused(keys.createApiKey(request), "InvalidArgument", "FIELD_INVALID");
    assert.match(refused.message, /operator|user\.read/);
  }
});

test("no secret of a caller reaches the log", async (t) => {
  const { keys, users, url, log } = await startService(t);
  const { secret } = await keys.createApiKey({ role: "viewer" });
  await clientsOf(url, secret).users.listUsers({});
  await users.createUser({ userId: "u1", profile: { email: "private@example.com" } });
  await assertRefused(
    clientsOf(url, "wrong-secret-that-is-long-enough-0000").users.listUsers({}),
    "Unauthenticated",
    "CREDENTIAL_INVALID",
  );
  const lines = log();
  assert.match(lines, /"rpc":"lockkeeper\.user\.v1\.UserService\/CreateUser"/);
  assert.match(lines, /"userId":"u1"/);
  assert.match(lines, /"code":"UNAUTHENTICATED","reason":"CREDENTIAL_INVALID"/);
  for (const word of [secret, ADMIN_KEY, "wrong-secret", "private@example.com"]) {
    assert.ok(!lines.includes(word), `the log has ${word}`);
  }
});

test("an admin key that was revoked or rotated, or is damaged, is refused at the next start in one sentence", async (t) => {
  const path = join(await temporaryFolder(t), "lockkeeper.db");
  const first = await startService(t, { path });
  const { secret } = await first.keys.createApiKey({ role: "owner" });
  const owner = clientsOf(first.url, secret).keys;
  const [admin] = (await owner.listApiKeys({})).apiKeys.filter((key) => key.displayName === "LOCKKEEPER_ADMIN_KEY");
  await owner.revokeApiKey({ apiKeyId: admin?.apiKeyId ?? "" });
  await first.stop();
  await assert.rejects(startService(t, { path }), /LOCKKEEPER_ADMIN_KEY: this key was revoked/);
  await assert.rejects(
    startService(t, { path, config: { adminKey: `${secret}0` } }),
    /LOCKKEEPER_ADMIN_KEY: .* damaged/,
  );
  const second = await startService(t, { path, config: { adminKey: secret } });
  const { apiKeys } = await clientsOf(second.url, secret).keys.listApiKeys({});
  assert.equal(apiKeys.length, 2);
  const apiKeyId = apiKeys.find(({ revokeTime }) => revokeTime === undefined)?.apiKeyId ?? "";
  assert.doesNotMatch(second.log(), /LOCKKEEPER_ADMIN_KEY/);
  const newer = await clientsOf(second.url, secret).keys.rotateApiKey({ apiKeyId, overlap: { seconds: 600n } });
  await second.stop();
  const within = await startService(t, { path, config: { adminKey: secret } });
  const end = new Date(timestampMs(newer.apiKey?.earlierSecretsEndTime ?? timestampFromMs(0))).toISOString();
  const warning = new RegExp(`"level":"warn".*LOCKKEEPER_ADMIN_KEY: .* works only until ${end}; set the new one`);
  assert.match(within.log(), warning);
  const overlap = { seconds: 0n };
  const rotated = await clientsOf(within.url, newer.secret).keys.rotateApiKey({ apiKeyId, overlap });
  await within.stop();
  await assert.rejects(
    startService(t, { path, config: { adminKey: secret } }),
    /LOCKKEEPER_ADMIN_KEY: this key was rotated/,
  );
  const third = await startService(t, { path, config: { adminKey: rotated.secret } });
  assert.equal((await clientsOf(third.url, rotated.secret).keys.listApiKeys({})).apiKeys.length, 2);
});
