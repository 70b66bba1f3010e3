/** Creating users: what is stored, their first state, their organization, and what is refused. */
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, test } from "node:test";
import type { JsonObject } from "@bufbuild/protobuf";
import { temporaryFolder } from "../../../support/service.ts";
import { errorBody, type Lab, type RestReply, startLab } from "../support/lab.ts";
import { addV1, addV2, create, createV3, EMAIL, PROFILE, shown } from "../support/new-users.ts";

describe("management v1", () => {
  const verified = { email: { ...EMAIL, isEmailVerified: true } };
  const cases: readonly (readonly [path: string, body: JsonObject, state: string])[] = [
    ["human", {}, "INITIAL"],
    ["human", verified, "INITIAL"],
    ["human", { initialPassword: "Secret123!" }, "INITIAL"],
    ["human", { ...verified, initialPassword: "Secret123!" }, "ACTIVE"],
    ["human/_import", verified, "INITIAL"],
    ["human/_import", { password: "Secret123!" }, "INITIAL"],
    ["human/_import", { ...verified, password: "Secret123!" }, "ACTIVE"],
    ["human/_import", { ...verified, hashedPassword: { value: "$2a$10$x" } }, "ACTIVE"],
  ];
  test("a human is initial until it has a verified address and a password", async (t) => {
    const lab = await startLab(t);
    for (const [path, body, state] of cases) {
      const { status, json } = await addV1(lab, body, path);
      assert.equal(status, 200);
      const { userId, details } = json as { userId: string; details: JsonObject };
      assert.equal(details.sequence, "1");
      assert.equal((await shown(lab, userId)).state, `USER_STATE_${state}`, `${path} ${JSON.stringify(body)}`);
    }
  });

  test("a machine is active, and a machine in both versions", async (t) => {
    const lab = await startLab(t);
    const body = {
      userName: "robot",
      name: "Robot",
      description: "It works",
      accessTokenType: "ACCESS_TOKEN_TYPE_JWT",
    };
    const { json } = await lab.rest("POST /management/v1/users/machine", { body });
    const machine = { name: "Robot", description: "It works", accessTokenType: "ACCESS_TOKEN_TYPE_JWT" };
    const user = await shown(lab, json.userId);
    assert.deepEqual([user.state, user.username, user.machine], ["USER_STATE_ACTIVE", "robot", machine]);
    const v1 = await lab.rest(`GET /management/v1/users/${String(json.userId)}`);
    assert.deepEqual((v1.json.user as JsonObject).machine, machine);
  });
});

describe("user v2", () => {
  test("a human is active, whatever is verified, and keeps its properties", async (t) => {
    const lab = await startLab(t);
    const { status, json } = await addV2(lab, {
      userId: "alice",
      username: "al",
      profile: {
        ...PROFILE,
        nickName: "Al",
        displayName: "Alice L.",
        preferredLanguage: "en",
        gender: "GENDER_FEMALE",
      },
      phone: { phone: "+41791234567", isVerified: true },
      metadata: [{ key: "team", value: Buffer.from("red").toString("base64") }],
      idpLinks: [{ idpId: "google", userId: "123", userName: "al@gmail.com" }],
      password: { password: "Secret123!", changeRequired: true },
    });
    assert.equal(status, 200);
    assert.deepEqual(Object.keys(json).sort(), ["details", "userId"]);
    const { details, human, ...user } = await shown(lab, "alice");
    assert.deepEqual(user, {
      userId: "alice",
      state: "USER_STATE_ACTIVE",
      username: "al",
      loginNames: ["al"],
      preferredLoginName: "al",
    });
    const { passwordChanged, ...rest } = human as JsonObject;
    assert.equal(passwordChanged, (details as JsonObject).creationDate);
    assert.deepEqual(rest, {
      profile: {
        givenName: "Alice",
        familyName: "Liddell",
        nickName: "Al",
        displayName: "Alice L.",
        preferredLanguage: "en",
        gender: "GENDER_FEMALE",
      },
      email: EMAIL,
      phone: { phone: "+41791234567", isVerified: true },
      passwordChangeRequired: true,
    });
    const { attributes } = (await lab.users.getUser({ userId: "alice" })).user ?? {};
    assert.deepEqual(attributes?.["zitadel.human"]?.metadata, { team: "cmVk" });
    const identities = [{ providerId: "google", userId: "123", userName: "al@gmail.com" }];
    assert.deepEqual(attributes["zitadel.human"].identities, identities);
  });

  test("a human without a username shows its email address, one without a display name its names", async (t) => {
    const lab = await startLab(t);
    const { json } = await addV2(lab, {});
    const user = await shown(lab, json.userId);
    assert.deepEqual([user.username, user.preferredLoginName], ["alice@example.com", "alice@example.com"]);
    assert.equal(((user.human as JsonObject).profile as JsonObject).displayName, "Alice Liddell");
    assert.equal((user.human as JsonObject).passwordChanged, undefined);
  });

  test("names that are too long together are combined only when they are shown", async (t) => {
    const lab = await startLab(t);
    const [givenName, familyName] = ["g".repeat(200), "f".repeat(200)];
    const { json } = await addV2(lab, { profile: { givenName, familyName } });
    const { human } = await shown(lab, json.userId);
    assert.equal(((human as JsonObject).profile as JsonObject).displayName, `${givenName} ${familyName}`);
  });

  test("CreateUser creates humans and machines; a machine without a username shows its id", async (t) => {
    const lab = await startLab(t);
    const human = await create(lab, { human: { profile: PROFILE, email: { ...EMAIL, isVerified: true } } });
    assert.equal(human.status, 200, JSON.stringify(human.json));
    assert.deepEqual(Object.keys(human.json).sort(), ["creationDate", "id"]);
    const machine = await create(lab, { userId: "robot", machine: { name: "Robot" } });
    assert.equal(machine.json.id, "robot");
    const user = await shown(lab, "robot");
    assert.deepEqual([user.username, user.machine], ["robot", { name: "Robot" }]);
    const neither = await create(lab, {});
    assert.equal(neither.json.message, "invalid CreateUserRequest.UserType: value is required");
  });
});

test("unverified addresses and a password that must be changed are shown as such", async (t) => {
  const lab = await startLab(t);
  const { json } = await addV2(lab, { email: { ...EMAIL, isVerified: false } });
  assert.deepEqual(((await shown(lab, json.userId)).human as JsonObject).email, EMAIL);
  const imported = await addV1(lab, { password: "Secret123!", passwordChangeRequired: true }, "human/_import");
  assert.equal(((await shown(lab, imported.json.userId)).human as JsonObject).passwordChangeRequired, true);
});

test("identities of an import are stored", async (t) => {
  const lab = await startLab(t);
  const idps = [{ configId: "google", externalUserId: "123", displayName: "al@gmail.com" }];
  const { json } = await addV1(lab, { idps, otpCode: "123456" }, "human/_import");
  const { user } = await lab.users.getUser({ userId: String(json.userId) });
  const identities = [{ providerId: "google", userId: "123", userName: "al@gmail.com" }];
  assert.deepEqual(user?.attributes["zitadel.human"], { identities });
});

test("users of our own API without a username show their address or their id", async (t) => {
  const lab = await startLab(t);
  await lab.users.createUser({ userId: "alice", profile: { email: "alice@example.com" } });
  await lab.users.createUser({ userId: "bob" });
  const alice = await shown(lab, "alice");
  assert.deepEqual([alice.loginNames, alice.preferredLoginName], [["alice@example.com"], "alice@example.com"]);
  const bob = await shown(lab, "bob");
  assert.deepEqual([bob.loginNames, bob.username], [["bob"], undefined]);
});

test("v2beta and v3alpha answer 201", async (t) => {
  const lab = await startLab(t);
  const beta = await addV2(lab, { userId: "alice" }, "v2beta");
  assert.equal(beta.status, 201);
  assert.equal(beta.json.userId, "alice");
  const contact = { email: { address: "bob@example.com", isVerified: true }, phone: { number: "+4179" } };
  const authenticators = { usernames: [{ username: "bob" }], password: { password: "Secret123!" } };
  const alpha = await createV3(lab, { userId: "bob", data: { badge: 7 }, contact, authenticators });
  assert.equal(alpha.status, 201, JSON.stringify(alpha.json));
  assert.equal((alpha.json.details as JsonObject).id, "bob");
  const { user } = await lab.users.getUser({ userId: "bob" });
  assert.deepEqual(user?.attributes["zitadel.schema"], { schemaId: "employee", data: { badge: 7 } });
  const { username, email, emailVerified, phone } = user.profile ?? {};
  assert.deepEqual([username, email, emailVerified, phone], ["bob", "bob@example.com", true, "+4179"]);
});

test("passwords are neither stored nor logged", async (t) => {
  const path = join(await temporaryFolder(t), "lockkeeper.db");
  const lab = await startLab(t, { path });
  const secret = "correct-horse-battery-staple";
  await addV1(lab, { initialPassword: secret });
  await addV1(lab, { password: secret, hashedPassword: { value: secret } }, "human/_import");
  await addV2(lab, { password: { password: secret }, totpSecret: secret });
  await addV2(lab, { hashedPassword: { hash: secret } }, "v2beta");
  await create(lab, {
    human: { profile: PROFILE, email: { ...EMAIL, isVerified: true }, password: { password: secret } },
  });
  const last = await createV3(lab, { authenticators: { password: { password: secret } } });
  assert.equal(last.status, 201);
  assert.ok(!lab.log().includes(secret));
  await lab.stop();
  for (const file of [path, `${path}-wal`]) {
    const bytes = await readFile(file).catch(() => Buffer.alloc(0));
    assert.ok(!bytes.includes(secret), file);
  }
  assert.ok((await readFile(path)).includes("alice@example.com"), "the users are in this file");
});

test("an id that any user has fails a precondition", async (t) => {
  const lab = await startLab(t);
  await lab.organizations.createOrganization({ organizationId: "acme" });
  await lab.users.createUser({ userId: "alice", organizationId: "acme" });
  const userId = "alice";
  const existing = "Errors.User.AlreadyExisting";
  const human = { profile: PROFILE, email: { ...EMAIL, isVerified: true } };
  const refusals = [
    [await addV2(lab, { userId }), errorBody(9, existing, "COMMAND-7yiox1isql")],
    [await addV2(lab, { userId }, "v2beta"), errorBody(9, existing, "COMMAND-7yiox1isql")],
    [await addV1(lab, { userId, name: "x" }, "machine"), errorBody(9, existing, "COMMAND-k2una")],
    [await createV3(lab, { userId }), errorBody(9, "User already exists", "COMMAND-Nn8CRVlkeZ")],
  ] as const;
  for (const [{ status, json }, body] of refusals) assert.deepEqual([status, json], [400, body]);
  const connect = await create(lab, { userId, human });
  assert.equal(connect.json.message, `${existing} (COMMAND-7yiox1isql)`);
  const machine = await create(lab, { userId, machine: { name: "x" } });
  assert.equal(machine.json.message, `${existing} (COMMAND-k2una)`);
  // The id of a deleted user can be used again.
  await lab.users.deleteUser({ userId });
  const again = await createV3(lab, { userId }, "?organization.orgId=acme");
  assert.equal(again.status, 201, JSON.stringify(again.json));
});

describe("the organization of a new user", () => {
  const ownerOf = ({ users }: Lab, userId: unknown): Promise<string | undefined> =>
    users.getUser({ userId: String(userId) }).then(({ user }) => user?.details?.resourceOwner);

  test("is the request's, otherwise the header's, otherwise the caller's own", async (t) => {
    const lab = await startLab(t);
    for (const organizationId of ["acme", "umbrella"]) await lab.organizations.createOrganization({ organizationId });
    const { secret: key } = await lab.keys.createApiKey({ organizationId: "acme", role: "owner" });
    const body = { profile: PROFILE, email: EMAIL };
    const add = (call: Parameters<Lab["rest"]>[1]): Promise<RestReply> => lab.rest("POST /v2/users/human", call);
    const made = [
      [await add({ body }), "default"],
      [await add({ body, organization: "acme" }), "acme"],
      [await add({ body: { ...body, organization: { orgId: "umbrella" } }, organization: "acme" }), "umbrella"],
      [await add({ body, key }), "acme"],
      [await add({ body: { ...body, organization: { orgId: "acme" } }, key }), "acme"],
      [await lab.rest("POST /management/v1/users/machine", { body: { userName: "r", name: "R" }, key }), "acme"],
    ] as const;
    for (const [{ json }, owner] of made) assert.equal(await ownerOf(lab, json.userId), owner);
    const missing = errorBody(7, "Organisation doesn't exist", "AUTH-Bs7Ds");
    const noMembership = errorBody(5, "membership not found", "AUTHZ-cdgFk");
    const refused = [
      [await add({ body: { ...body, organization: { orgId: "nowhere" } } }), 403, missing],
      [await add({ body: { ...body, organization: { orgDomain: "acme" } } }), 403, missing],
      [await add({ body: { ...body, organization: { orgId: "umbrella" } }, key }), 404, noMembership],
      [await createV3(lab, {}, "?organization.orgId=nowhere"), 403, missing],
      [await lab.rest("POST /v2/users/human", { body, key, organization: "umbrella" }), 404, noMembership],
    ] as const;
    for (const [{ status, json }, expected, text] of refused) assert.deepEqual([status, json], [expected, text]);
  });

  test("of CreateUser is checked in the same way", async (t) => {
    const lab = await startLab(t);
    await lab.organizations.createOrganization({ organizationId: "acme" });
    const { secret: key } = await lab.keys.createApiKey({ organizationId: "acme", role: "owner" });
    const body = { machine: { name: "Robot" } };
    const call = (organizationId: string, used?: string): Promise<RestReply> =>
      lab.rest("POST /zitadel.user.v2.UserService/CreateUser", {
        body: { ...body, organizationId },
        ...(used === undefined ? {} : { key: used }),
      });
    assert.equal((await call("nowhere")).json.message, "Organisation doesn't exist (AUTH-Bs7Ds)");
    assert.equal((await call("default", key)).json.message, "membership not found (AUTHZ-cdgFk)");
    assert.equal(await ownerOf(lab, (await call("acme", key)).json.id), "acme");
  });

  test("needs the permission, which CreateUser and v3alpha check last", async (t) => {
    const lab = await startLab(t);
    await lab.users.createUser({ userId: "alice" });
    const { secret: key } = await lab.keys.createApiKey({ role: "viewer" });
    const body = { organizationId: "default", machine: { name: "Robot" } };
    const path = "POST /zitadel.user.v2.UserService/CreateUser";
    const refused = "No matching permissions found (AUTH-AWfge)";
    assert.equal((await lab.rest(path, { key, body: { ...body, userId: "robot" } })).json.message, refused);
    const taken = await lab.rest(path, { key, body: { ...body, userId: "alice" } });
    assert.equal(taken.json.message, "Errors.User.AlreadyExisting (COMMAND-k2una)");
    const path3 = "POST /resources/v3alpha/users?organization.orgId=default";
    const alpha = await lab.rest(path3, { key, body: { schemaId: "s", userId: "robot" } });
    assert.deepEqual([alpha.status, alpha.json.message], [403, refused]);
    await assert.rejects(lab.users.getUser({ userId: "robot" }));
  });
});

test("values that the original accepts and that cannot be stored here are refused, never truncated", async (t) => {
  const lab = await startLab(t);
  const refused: readonly (readonly [RestReply, RegExp, string])[] = [
    [await addV2(lab, { userId: "." }), /^user_id: "\." is a path segment/, "FIELD_INVALID"],
    [await addV2(lab, { phone: { phone: "1".repeat(100) } }), /^profile\.phone: /, "FIELD_INVALID"],
    [await addV2(lab, { profile: { ...PROFILE, preferredLanguage: "e n" } }), /^profile\.locale: /, "FIELD_INVALID"],
    [
      await addV2(lab, { metadata: [{ key: "k", value: Buffer.alloc(100_000).toString("base64") }] }),
      /^attributes: profile and attributes would have \d+ characters/,
      "FIELD_INVALID",
    ],
    [
      await createV3(lab, { authenticators: { usernames: [{ username: "a" }, { username: "b" }] } }),
      /^a user has one username here/,
      "USERNAMES_UNSUPPORTED",
    ],
  ];
  for (const [{ status, json }, text, id] of refused) {
    assert.equal(status, 400);
    assert.match(String(json.message), text);
    const [detail] = json.details as JsonObject[];
    assert.deepEqual([json.message, detail?.id], [`${String(detail?.message)} (${id})`, id]);
  }
  const noSchema = await lab.rest("POST /resources/v3alpha/users?organization.orgId=default");
  assert.deepEqual(noSchema.json, errorBody(3, "User Schema ID missing", "COMMAND-TFo06JgnF2"));
});
