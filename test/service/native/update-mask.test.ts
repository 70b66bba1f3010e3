/** What an update changes: the fields of its mask, in either spelling, from query or body, or the fields present. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { JsonObject } from "@bufbuild/protobuf";
import { ADMIN_KEY, startService } from "../../support/service.ts";

type Update = (query: string, body: JsonObject) => Promise<{ readonly status: number; readonly body: JsonObject }>;

async function send(url: string, method: string, body: JsonObject): ReturnType<Update> {
  const headers = { authorization: `Bearer ${ADMIN_KEY}`, "content-type": "application/json" };
  const answer = await fetch(url, { method, headers, body: JSON.stringify(body) });
  return { status: answer.status, body: (await answer.json()) as JsonObject };
}

const NAMESPACES = ["tier_2", "acme-crm", "acme.crm", "a_b.c-d_9", "plain"];

test("every namespace that can be made can be named, on every wire", async (t) => {
  const { users, url } = await startService(t);
  const attributes = Object.fromEntries(NAMESPACES.map((name) => [name, { n: 1 }]));
  await users.createUser({ userId: "u", attributes });
  const rest = `${url}/v1/users/u`;
  const connect = `${url}/lockkeeper.user.v1.UserService/UpdateUser`;
  for (const [index, name] of NAMESPACES.entries()) {
    const n = index * 10;
    const path = `attributes.${name}`;
    const updates: (() => Promise<{ readonly status: number }>)[] = [
      () => send(rest, "PATCH", { attributes: { [name]: { n: n + 1 } }, updateMask: path }),
      () => send(rest, "PATCH", { attributes: { [name]: { n: n + 2 } }, update_mask: path }),
      () => send(`${rest}?updateMask=${path}`, "PATCH", { attributes: { [name]: { n: n + 3 } } }),
      () => send(`${rest}?update_mask=${path}`, "PATCH", { attributes: { [name]: { n: n + 4 } } }),
      () => send(connect, "POST", { userId: "u", attributes: { [name]: { n: n + 5 } }, updateMask: path }),
      async () => {
        await users.updateUser({ userId: "u", attributes: { [name]: { n: n + 6 } }, updateMask: { paths: [path] } });
        return { status: 200 };
      },
    ];
    for (const [which, update] of updates.entries()) {
      assert.equal((await update()).status, 200, `${name} ${which}`);
      assert.deepEqual((await users.getUser({ userId: "u" })).user?.attributes[name], { n: n + which + 1 }, name);
    }
  }
  const { user } = await users.getUser({ userId: "u" });
  assert.deepEqual(Object.keys(user?.attributes ?? {}).sort(), NAMESPACES.toSorted(), "none but the named ones");
});

test("a path of a field may be spelled either way, and the mask stands in the query or in the body, not in both", async (t) => {
  const { users, url } = await startService(t);
  await users.createUser({ userId: "u", profile: { username: "u" } });
  const update: Update = (query, body) => send(`${url}/v1/users/u${query}`, "PATCH", body);
  const shown = async () => (await users.getUser({ userId: "u" })).user?.profile?.displayName;
  for (const [index, path] of ["profile.displayName", "profile.display_name"].entries()) {
    for (const [which, { status }] of [
      await update("", { profile: { displayName: `b${index}` }, updateMask: path }),
      await update(`?updateMask=${path}`, { profile: { displayName: `q${index}` } }),
    ].entries()) {
      assert.equal(status, 200, `${path} ${which}`);
    }
    assert.equal(await shown(), `q${index}`);
  }
  const twice = await update("?updateMask=profile", { profile: {}, updateMask: "profile" });
  assert.deepEqual(
    [twice.status, /given twice, in the query and in the body/.test(String(twice.body.message))],
    [400, true],
  );
  const stray = await update("?note=x", { profile: { displayName: "x" } });
  assert.match(String(stray.body.message), /"note" is unknown; this method takes updateMask alone/);
  assert.equal((await update("?updateMask=*", { profile: { email: "u@example.com" } })).status, 200);
  const { profile } = (await users.getUser({ userId: "u" })).user ?? {};
  assert.deepEqual([profile?.email, profile?.username, profile?.displayName], ["u@example.com", undefined, undefined]);
});

test("without a mask the fields that are there change, an empty text among them, and no other", async (t) => {
  const { users, organizations, policies, url } = await startService(t);
  const profile = { username: "u", email: "u@example.com", displayName: "U", emailVerified: true };
  await users.createUser({ userId: "u", profile, attributes: { a: { n: 1 }, b: { n: 1 } } });
  const read = async () => {
    const { user } = await users.getUser({ userId: "u" });
    const { username, email, displayName, emailVerified } = user?.profile ?? {};
    return [username, email, displayName, emailVerified, user?.attributes];
  };
  const body = { profile: { email: "v@example.com", displayName: "" }, attributes: { b: { n: 2 } } };
  assert.equal((await send(`${url}/v1/users/u`, "PATCH", body)).status, 200);
  assert.deepEqual(await read(), ["u", "v@example.com", undefined, false, { a: { n: 1 }, b: { n: 2 } }]);
  await users.updateUser({ userId: "u", profile: { username: "", emailVerified: false } });
  assert.deepEqual(await read(), [undefined, "v@example.com", undefined, false, { a: { n: 1 }, b: { n: 2 } }]);
  for (const nothing of [{}, { profile: {} }, { attributes: {} }, { updateMask: "" }]) {
    const refused = await send(`${url}/v1/users/u`, "PATCH", nothing);
    assert.equal(refused.status, 400);
    assert.match(
      String(refused.body.message),
      /^updateMask: is absent, and no field has a value; name or give one of profile, /,
    );
  }

  await organizations.createOrganization({ organizationId: "acme", displayName: "Acme" });
  const acme = `${url}/v1/organizations/acme`;
  const lasting = await send(acme, "PATCH", { defaultLockDuration: "60s" });
  assert.deepEqual((lasting.body.organization as JsonObject).displayName, "Acme");
  const named = await send(acme, "PATCH", { displayName: "" });
  assert.deepEqual((named.body.organization as JsonObject).defaultLockDuration, "60s");
  assert.equal((await send(`${acme}?updateMask=displayName`, "PATCH", { displayName: "New" })).status, 200);
  assert.equal((await send(acme, "PATCH", {})).status, 400);

  await policies.updatePolicy({ values: { growthFactor: 2, permanentAfter: 3 } });
  const policy = await send(`${url}/v1/policy`, "PATCH", { values: { permanentAfter: 0 } });
  assert.deepEqual((policy.body.policy as JsonObject).values, { growthFactor: 2, permanentAfter: 0 });
  const cleared = await send(`${url}/v1/policy?updateMask=*`, "PATCH", { values: { growthFactor: 3 } });
  assert.deepEqual((cleared.body.policy as JsonObject).values, { growthFactor: 3 });
});

test("a refusal over JSON has JSON's names in all of its sentence, and a gRPC one the contract's", async (t) => {
  const { users, organizations, url } = await startService(t);
  await users.createUser({ userId: "u" });
  await organizations.createOrganization({ organizationId: "acme" });
  const rows: readonly [path: string, body: JsonObject, says: string][] = [
    [
      "/v1/users/u",
      { updateMask: "displayName" },
      '^updateMask: "displayName" names nothing; .* profile.displayName, ',
    ],
    [
      "/v1/users/u",
      { profile: { givenName: "A" }, updateMask: "profile.email" },
      "^profile.givenName: .* updateMask does not name profile.givenName$",
    ],
    [
      "/v1/users/u",
      { attributes: { user_id: {} }, updateMask: "profile" },
      '^attributes: "user_id" .* updateMask does not name "attributes.user_id"$',
    ],
    [
      "/v1/users/u",
      { profile: {}, expectedSequence: "7", updateMask: "profile" },
      '^expectedSequence is 7, the user "u" is at 1',
    ],
    ["/v1/organizations/acme", { updateMask: "name" }, "; allowed are displayName and defaultLockDuration$"],
    [
      "/v1/policy",
      { updateMask: "values.lockDuration" },
      '^updateMask: "values.lockDuration" names nothing; .* lockDuration, ',
    ],
    [
      "/v1/users/u:lock",
      { duration: "1s", startTime: "2030-01-01T00:00:00Z", reasonCode: "a_b user_id" },
      '^reasonCode: "a_b user_id" ',
    ],
  ];
  for (const [path, body, says] of rows) {
    const refused = await send(`${url}${path}`, path.endsWith(":lock") ? "POST" : "PATCH", body);
    assert.match(String(refused.body.message), new RegExp(says));
    assert.doesNotMatch(String(refused.body.message).replace(/"[^"]*"/g, ""), /[a-z]_[a-z]/);
  }
  await assert.rejects(
    users.updateUser({ userId: "u", updateMask: { paths: ["display_name"] } }),
    /update_mask: "display_name" names nothing; .* profile\.display_name, /,
  );
});
