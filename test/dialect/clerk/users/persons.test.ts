/** Properties of users: what is stored of a body, several addresses, metadata, and what our own API shows. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { EventOrder } from "../../../../gen/lockkeeper/user/v1/user_service_pb.ts";
import { startService, TestClock } from "../../../support/service.ts";
import { type ErrorJson, send, type UserJson } from "../support/clients.ts";
import { create, emailsOf, patch, phonesOf, startClerk, userIn } from "../support/persons.ts";

test("an empty body creates a user with every property", async (t) => {
  const { url } = await startClerk(t);
  const begin = Date.now();
  const user = userIn(await send(url, "/users", { method: "POST" }));
  assert.match(user.id, /^user_[0-9a-f]{32}$/);
  const { id: _id, created_at: createdAt, updated_at: updatedAt, ...rest } = user;
  assert.ok(typeof createdAt === "number" && begin <= createdAt && createdAt <= Date.now());
  assert.equal(updatedAt, createdAt);
  assert.deepEqual(rest, {
    object: "user",
    username: null,
    first_name: null,
    last_name: null,
    locale: null,
    timezone: null,
    external_id: null,
    image_url: "",
    profile_image_url: "",
    has_image: false,
    primary_email_address_id: null,
    primary_phone_number_id: null,
    primary_web3_wallet_id: null,
    password_enabled: false,
    password_last_updated_at: null,
    two_factor_enabled: false,
    totp_enabled: false,
    backup_code_enabled: false,
    mfa_enabled_at: null,
    mfa_disabled_at: null,
    email_addresses: [],
    phone_numbers: [],
    web3_wallets: [],
    passkeys: [],
    external_accounts: [],
    saml_accounts: [],
    enterprise_accounts: [],
    organization_memberships: [],
    public_metadata: {},
    private_metadata: {},
    unsafe_metadata: {},
    last_sign_in_at: null,
    last_active_at: null,
    banned: false,
    locked: false,
    deprovisioned: false,
    lockout_expires_in_seconds: null,
    verification_attempts_remaining: 10,
    delete_self_enabled: true,
    create_organization_enabled: true,
    create_organizations_limit: null,
    legal_accepted_at: null,
    bypass_client_trust: false,
    scim: null,
  });
});

test("settings of the creation are shown, changed by an update, and reset by null", async (t) => {
  const { url } = await startClerk(t);
  const given = {
    timezone: "Europe/Zurich",
    delete_self_enabled: false,
    create_organization_enabled: false,
    create_organizations_limit: 3,
    bypass_client_trust: true,
    locale: "de-CH",
    external_id: "x",
    username: "ann",
    first_name: "Ann",
    last_name: "Lee",
  };
  const { id } = await create(url, {
    ...given,
    legal_accepted_at: "2026-01-01T01:00:00+01:00",
    skip_legal_checks: true,
  });
  const made = userIn(await send(url, `/users/${id}`));
  for (const [name, value] of Object.entries(given)) assert.equal(made[name], value, name);
  assert.equal(made.legal_accepted_at, Date.UTC(2026, 0, 1));
  const changed = await patch(url, id, {
    create_organizations_limit: 0,
    delete_self_enabled: true,
    first_name: "Anna",
  });
  assert.deepEqual(
    [changed.create_organizations_limit, changed.delete_self_enabled, changed.first_name, changed.last_name],
    [0, true, "Anna", "Lee"],
  );
  const names = [...Object.keys(given), "legal_accepted_at"];
  const reset = await patch(url, id, Object.fromEntries(names.map((name) => [name, null])));
  const bare = await create(url, {});
  for (const name of names) assert.equal(reset[name], bare[name], name);
  assert.equal((await patch(url, id, { username: "" })).username, null);
});

test("of passwords and second factors only their existence is stored", async (t) => {
  const clock = new TestClock();
  const running = await startService(t, { config: { dialects: ["clerk"] }, clock: () => clock.now });
  const { url, users } = running;
  const secrets = { password: "hunter2-hunter2", totp_secret: "JBSWY3DPEHPK3PXP", backup_codes: ["11112222"] };
  const user = await create(url, { ...secrets, skip_password_checks: true });
  assert.deepEqual(
    [user.password_enabled, user.two_factor_enabled, user.totp_enabled, user.backup_code_enabled],
    [true, true, true, true],
  );
  assert.deepEqual([user.password_last_updated_at, user.mfa_enabled_at], [user.created_at, user.created_at]);
  const digest = { password_digest: "$2a$10$abcdefgh", password_hasher: "bcrypt" };
  const hashed = await create(url, digest);
  assert.deepEqual([hashed.password_enabled, hashed.two_factor_enabled], [true, false]);
  const bare = await create(url, {});
  clock.advance(5000);
  const later = await patch(url, bare.id, { ...secrets, sign_out_of_other_sessions: true });
  const expected = (bare.created_at as number) + 5000;
  assert.deepEqual([later.password_enabled, later.password_last_updated_at], [true, expected]);
  assert.deepEqual([later.totp_enabled, later.mfa_enabled_at], [true, expected]);

  const { events } = await users.listUserEvents({ userId: user.id, order: EventOrder.OLDEST_FIRST });
  const seen = JSON.stringify([events, await users.getUser({ userId: user.id })], (_key, value: unknown) =>
    typeof value === "bigint" ? `${value}` : value,
  );
  for (const secret of [secrets.password, secrets.totp_secret, "11112222", digest.password_digest]) {
    assert.doesNotMatch(seen + running.log(), new RegExp(secret.replaceAll("$", "\\$")));
  }
});

test("changes by our own API are shown: the profile takes precedence over the stored extras", async (t) => {
  const { url, users } = await startClerk(t);
  const { id } = await create(url, { email_address: ["a@x.org", "b@x.org"], phone_number: ["+15555550100"] });
  await users.updateUser({
    userId: id,
    profile: { email: "new@x.org", phone: "+15555550199" },
    updateMask: { paths: ["profile.email", "profile.phone"] },
  });
  const user = userIn(await send(url, `/users/${id}`));
  assert.deepEqual(
    emailsOf(user).map((each) => [each.email_address, each.verification?.status ?? null]),
    [
      ["new@x.org", null],
      ["b@x.org", "verified"],
    ],
  );
  assert.equal(user.primary_email_address_id, emailsOf(user)[0]?.id);
  assert.deepEqual(
    phonesOf(user).map((each) => [each.phone_number, each.verification]),
    [["+15555550199", null]],
  );
});

test("a user of our own API is complete, and unexpected attributes in the dialect's namespaces do no harm", async (t) => {
  const { url, users } = await startClerk(t);
  await users.createUser({
    userId: "native",
    profile: { email: "n@x.org", emailVerified: true },
    attributes: {
      clerk: { email_addresses: ["x", { value: 1 }], delete_self_enabled: "no", timezone: 3, mfa_enabled_at: 1.5 },
      "clerk.public_metadata": { plan: "pro" },
      billing: { plan: "free" },
    },
  });
  const user = userIn(await send(url, "/users/native"));
  assert.deepEqual(
    emailsOf(user).map((each) => [each.email_address, each.verification?.status]),
    [["n@x.org", "verified"]],
  );
  assert.deepEqual([user.delete_self_enabled, user.timezone, user.mfa_enabled_at], [true, null, null]);
  assert.deepEqual(user.public_metadata, { plan: "pro" });
  await patch(url, "native", { first_name: "N" });
  const { user: kept } = await users.getUser({ userId: "native" });
  assert.deepEqual(kept?.attributes.billing, { plan: "free" });
  assert.deepEqual(kept?.attributes["clerk.public_metadata"], { plan: "pro" });
});

test("metadata: PATCH merges at every level, null removes, lists are replaced, and other kinds stay", async (t) => {
  const { url, users } = await startClerk(t);
  const { id } = await create(url, { public_metadata: { a: { b: { c: 1, d: 2 } }, list: [1, 2], x: null } });
  const merged = await patch(
    url,
    id,
    { public_metadata: { a: { b: { d: null, e: { f: null, g: 1 } } }, list: [3], x: null, n: [null] } },
    "/metadata",
  );
  assert.deepEqual(merged.public_metadata, { a: { b: { c: 1, e: { g: 1 } } }, list: [3], n: [null] });
  const private_ = await patch(url, id, { private_metadata: { p: 1 }, public_metadata: null }, "/metadata");
  assert.deepEqual([private_.private_metadata, private_.public_metadata], [{ p: 1 }, merged.public_metadata]);
  const replaced = userIn(await send(url, `/users/${id}/metadata`, { method: "PUT", body: { public_metadata: {} } }));
  assert.deepEqual([replaced.public_metadata, replaced.private_metadata], [{}, { p: 1 }]);
  const { user } = await users.getUser({ userId: id });
  assert.deepEqual(Object.keys(user?.attributes ?? {}), ["clerk.private_metadata"]);
});

test("metadata: a key named __proto__ is a key", async (t) => {
  const { url } = await startClerk(t);
  const { id } = await create(url, {});
  const body = '{"public_metadata":{"__proto__":{"banned":true},"constructor":{"a":1}}}';
  await send(url, `/users/${id}/metadata`, { method: "PATCH", body });
  await send(url, `/users/${id}/metadata`, { method: "PATCH", body: '{"public_metadata":{"__proto__":{"x":1}}}' });
  const { json } = await send(url, `/users/${id}`);
  assert.equal(
    JSON.stringify((json as UserJson).public_metadata),
    '{"__proto__":{"banned":true,"x":1},"constructor":{"a":1}}',
  );
});

test("an update has the same limits as a creation, parameter by parameter", async (t) => {
  const { url } = await startClerk(t);
  const { id } = await create(url, {});
  let deep: object = {};
  for (let level = 1; level < 17; level++) deep = { a: deep };
  for (const [path, param, value] of [
    ["", "first_name", "x".repeat(201)],
    ["", "locale", "de_CH"],
    ["", "unsafe_metadata", deep],
    ["/metadata", "public_metadata", deep],
  ] as const) {
    const { status, json } = await send(url, `/users/${id}${path}`, { method: "PATCH", body: { [param]: value } });
    const [error] = (json as ErrorJson).errors;
    assert.deepEqual([status, error?.meta?.param_name], [422, param]);
  }
});

test("metadata that become too large in many steps are refused by name", async (t) => {
  const { url } = await startClerk(t);
  const { id } = await create(url, { private_metadata: { a: "x".repeat(40_000) } });
  const body = { public_metadata: { b: "x".repeat(40_000) } };
  const { status, json } = await send(url, `/users/${id}/metadata`, { method: "PATCH", body });
  const [error] = (json as ErrorJson).errors;
  assert.deepEqual(
    [status, error?.code, error?.meta?.param_name],
    [422, "form_param_format_invalid", "public_metadata"],
  );
  assert.deepEqual(userIn(await send(url, `/users/${id}`)).public_metadata, {});
});

test("a user that is created banned and locked was never in another state", async (t) => {
  const { url, users } = await startClerk(t);
  const user = await create(url, { banned: true, locked: true, created_at: "2020-01-01T00:00:00Z" });
  assert.deepEqual([user.banned, user.locked, user.created_at], [true, true, Date.UTC(2020, 0, 1)]);
  const { events } = await users.listUserEvents({ userId: user.id });
  assert.deepEqual(
    events.map(({ payload }) => payload.case),
    ["userImported"],
  );
});

test("an update that changes nothing writes nothing", async (t) => {
  const { url, users } = await startClerk(t);
  const { id } = await create(url, { first_name: "Ann", public_metadata: { a: 1 }, phone_number: ["+15555550100"] });
  await patch(url, id, {});
  await patch(url, id, { first_name: "Ann", public_metadata: { a: 1 } });
  await patch(url, id, { public_metadata: { a: 1 } }, "/metadata");
  assert.equal((await users.getUser({ userId: id })).user?.details?.sequence, 1n);
});

test("a deleted user does not exist for any operation", async (t) => {
  const { url } = await startClerk(t);
  const { id } = await create(url, { first_name: "Ann" });
  const { status, json } = await send(url, `/users/${id}`, { method: "DELETE" });
  assert.deepEqual([status, json], [200, { object: "user", id, deleted: true }]);
  for (const [path, method] of [
    ["", "GET"],
    ["", "DELETE"],
    ["", "PATCH"],
    ["/metadata", "PUT"],
    ["/lock", "POST"],
    ["/unlock", "POST"],
    ["/ban", "POST"],
    ["/unban", "POST"],
  ] as const) {
    assert.equal((await send(url, `/users/${id}${path}`, { method })).status, 404, `${method} ${path}`);
  }
  assert.deepEqual((await send(url, "/users")).json, []);
});

test("ids of any form are found when they are encoded", async (t) => {
  const { url, users } = await startClerk(t);
  for (const userId of ["a/b", "ü ser", "50%", "a?x=1", "constructor"]) {
    await users.createUser({ userId });
    assert.equal(userIn(await send(url, `/users/${encodeURIComponent(userId)}`)).id, userId);
    const locked = await send(url, `/users/${encodeURIComponent(userId)}/lock`, { method: "POST" });
    assert.equal(userIn(locked).locked, true);
  }
});
