/** ZITADEL's own clients, unchanged: @zitadel/client over gRPC and gRPC-Web, and @zitadel/node. */
import assert from "node:assert/strict";
import { describe, type TestContext, test } from "node:test";
import { Code, ConnectError } from "@connectrpc/connect";
import { createServerTransport } from "@zitadel/client/node";
import { createManagementServiceClient } from "@zitadel/client/v1";
import { createUserServiceClient } from "@zitadel/client/v2";
import { createUserServiceClient as createUsersClient } from "@zitadel/client/v3alpha";
import { createClientTransport } from "@zitadel/client/web";
import {
  createAccessTokenInterceptor,
  createManagementClient,
  createUserClient,
} from "@zitadel/node/dist/api/index.js";
import { ErrorDetailSchema } from "@zitadel/proto/zitadel/message_pb.js";
import { OwnerType } from "@zitadel/proto/zitadel/object/v3alpha/object_pb.js";
import { UserState as UserStateV2 } from "@zitadel/proto/zitadel/user/v2/user_pb.js";
import { AccessTokenType, Gender, UserState as UserStateV1 } from "@zitadel/proto/zitadel/user_pb.js";
import { ADMIN_KEY } from "../../../support/service.ts";
import { type Lab, startLab } from "../support/lab.ts";

const TRANSPORTS = {
  gRPC: ({ url }: Lab) => createServerTransport(ADMIN_KEY, { baseUrl: url }),
  "gRPC-Web": ({ url }: Lab) => createClientTransport(ADMIN_KEY, { baseUrl: url }),
};

/** Asserts that the call is refused with this code, id and text, as @zitadel/client shows them. */
async function assertRefused(call: Promise<unknown>, code: Code, id: string, text: string): Promise<void> {
  const error = await call.then(
    () => assert.fail("the call was accepted"),
    (reason: unknown) => ConnectError.from(reason),
  );
  assert.equal(error.code, code, error.message);
  assert.equal(error.rawMessage, `${text} (${id})`);
  const details = error.findDetails(ErrorDetailSchema).map((detail) => [detail.id, detail.message]);
  assert.deepEqual(details, [[id, text]]);
}

const HUMAN = {
  profile: { givenName: "Alice", familyName: "Liddell" },
  email: { email: "alice@example.com", verification: { case: "isVerified" as const, value: true } },
};

for (const [wire, transportOf] of Object.entries(TRANSPORTS)) {
  describe(`@zitadel/client over ${wire}`, () => {
    test("management v1: every method", async (t) => {
      const lab = await startLab(t);
      const client = createManagementServiceClient(transportOf(lab));
      await client.healthz({});
      const { userId, details } = await client.addHumanUser({
        userName: "alice",
        profile: {
          firstName: "Alice",
          lastName: "Liddell",
          nickName: "Al",
          gender: Gender.FEMALE,
          preferredLanguage: "en",
        },
        email: { email: "alice@example.com", isEmailVerified: true },
        phone: { phone: "+41791234567", isPhoneVerified: true },
        initialPassword: "Secret123!",
      });
      assert.equal(details?.sequence, 1n);
      assert.equal(details.resourceOwner, "default");
      assert.ok(details.creationDate && details.changeDate);
      const imported = await client.importHumanUser({
        userName: "bob",
        profile: { firstName: "Bob", lastName: "Builder" },
        email: { email: "bob@example.com", isEmailVerified: true },
        hashedPassword: { value: "$2a$10$abc" },
        passwordChangeRequired: true,
      });
      const machine = await client.addMachineUser({
        userName: "robot",
        name: "Robot",
        description: "It works",
        accessTokenType: AccessTokenType.JWT,
        userId: "robot",
      });
      assert.equal(machine.userId, "robot");
      const id = userId;
      const locked = await client.lockUser({ id });
      assert.equal(locked.details?.sequence, 2n);
      assert.equal((await client.getUserByID({ id })).user?.state, UserStateV1.LOCKED);
      await client.unlockUser({ id });
      await client.deactivateUser({ id });
      assert.equal((await client.getUserByID({ id })).user?.state, UserStateV1.INACTIVE);
      await client.reactivateUser({ id });
      const { user } = await client.getUserByLoginNameGlobal({ loginName: "ALICE" });
      assert.equal(user?.id, id);
      assert.equal(user.state, UserStateV1.ACTIVE);
      assert.equal(user.preferredLoginName, "alice");
      assert.equal(user.type.case, "human");
      const human = user.type.case === "human" ? user.type.value : undefined;
      assert.equal(human?.profile?.displayName, "Alice Liddell");
      assert.equal(human?.profile?.nickName, "Al");
      assert.equal(human?.profile?.gender, Gender.FEMALE);
      assert.equal(human?.phone?.isPhoneVerified, true);
      assert.ok(human?.passwordChanged);
      const robot = (await client.getUserByID({ id: "robot" })).user?.type;
      assert.equal(robot?.case, "machine");
      assert.equal(robot.value.accessTokenType, AccessTokenType.JWT);
      const list = await client.listUsers({});
      assert.deepEqual(list.result.map((each) => each.id).sort(), [id, imported.userId, "robot"].sort());
      assert.equal(list.details?.totalResult, 3n);
      const { result } = await client.listUserChanges({ userId: id });
      assert.deepEqual(
        result.map(({ eventType, sequence }) => [eventType?.key, sequence]),
        [
          ["EventTypes.user.reactivated", 5n],
          ["EventTypes.user.deactivated", 4n],
          ["EventTypes.user.unlocked", 3n],
          ["EventTypes.user.locked", 2n],
          ["EventTypes.user.human.added", 1n],
        ],
      );
      await client.removeUser({ id });
      const notFound = "User could not be found";
      await assertRefused(client.getUserByID({ id }), Code.NotFound, "QUERY-Dfbg2", notFound);
      await assertRefused(client.lockUser({ id }), Code.NotFound, "COMMAND-5M9fs", notFound);
      await assertRefused(
        client.unlockUser({ id: "robot" }),
        Code.FailedPrecondition,
        "COMMAND-4M0ds",
        "User is not locked",
      );
    });

    test("management v1: the organization of the header", async (t) => {
      const lab = await startLab(t);
      await lab.organizations.createOrganization({ organizationId: "acme" });
      await lab.users.createUser({ userId: "alice", organizationId: "acme" });
      const client = createManagementServiceClient(transportOf(lab));
      const headers = { "x-zitadel-orgid": "acme" };
      const { details } = await client.lockUser({ id: "alice" }, { headers });
      assert.equal(details?.resourceOwner, "acme");
      const elsewhere = client.unlockUser({ id: "alice" });
      await assertRefused(elsewhere, Code.NotFound, "COMMAND-M0dos", "User could not be found");
      const nowhere = client.unlockUser({ id: "alice" }, { headers: { "x-zitadel-orgid": "nowhere" } });
      await assertRefused(nowhere, Code.PermissionDenied, "AUTH-Bs7Ds", "Organisation doesn't exist");
    });

    test("user v2: every method", async (t) => {
      const lab = await startLab(t);
      const client = createUserServiceClient(transportOf(lab));
      const added = await client.addHumanUser({ userId: "alice", ...HUMAN });
      assert.equal(added.userId, "alice");
      assert.equal(added.emailCode, undefined);
      const human = { case: "human" as const, value: HUMAN };
      const created = await client.createUser({ organizationId: "default", userId: "bob", userType: human });
      assert.equal(created.id, "bob");
      assert.ok(created.creationDate);
      const userId = "alice";
      const { details } = await client.lockUser({ userId });
      assert.equal(details?.sequence, 2n);
      assert.ok(details.changeDate && details.creationDate);
      assert.equal((await client.getUserByID({ userId })).user?.state, UserStateV2.LOCKED);
      const unfit = "User is not active or initial";
      await assertRefused(client.lockUser({ userId }), Code.FailedPrecondition, "COMMAND-lgws8wtsqf", unfit);
      await client.unlockUser({ userId });
      await client.deactivateUser({ userId });
      await client.reactivateUser({ userId });
      const list = await client.listUsers({ query: { asc: true } });
      assert.deepEqual(
        list.result.map((each) => [each.userId, each.state]),
        [
          ["alice", UserStateV2.ACTIVE],
          ["bob", UserStateV2.ACTIVE],
        ],
      );
      await client.deleteUser({ userId });
      const missing = "User could not be found";
      await assertRefused(client.deleteUser({ userId }), Code.NotFound, "COMMAND-bd4ir1mblj", missing);
      const long = client.lockUser({ userId: "x".repeat(201) });
      await assert.rejects(long, { rawMessage: /^invalid LockUserRequest\.UserId: value length must be between/ });
    });

    test("user v3alpha: every method that the original serves", async (t) => {
      const lab = await startLab(t);
      const client = createUsersClient(transportOf(lab));
      const organization = { property: { case: "orgId" as const, value: "default" } };
      const { details } = await client.createUser({
        organization,
        user: { schemaId: "employee", userId: "alice", data: { badge: 7 } },
      });
      assert.equal(details?.id, "alice");
      assert.deepEqual([details.owner?.type, details.owner?.id], [OwnerType.ORG, "default"]);
      const id = "alice";
      const locked = await client.lockUser({ id, organization });
      assert.ok(locked.details?.created && locked.details.changed);
      await client.unlockUser({ id });
      await client.deactivateUser({ id });
      await client.activateUser({ id });
      const twice = client.activateUser({ id });
      await assertRefused(twice, Code.NotFound, "COMMAND-rQjbBr4J3j", "User could not be found");
      await client.deleteUser({ id });
      await assert.rejects(client.getUser({ id }), { code: Code.Unimplemented });
    });

    test("an unknown token", async (t) => {
      const lab = await startLab(t);
      const options = { baseUrl: lab.url };
      const bad = wire === "gRPC" ? createServerTransport("nope", options) : createClientTransport("nope", options);
      const call = createUserServiceClient(bad).lockUser({ userId: "alice" });
      await assertRefused(call, Code.Unauthenticated, "AUTH-7fs1e", "Errors.Token.Invalid");
    });
  });
}

test("INITIAL has the number of each version", async (t) => {
  const lab = await startLab(t);
  const transport = TRANSPORTS.gRPC(lab);
  const management = createManagementServiceClient(transport);
  const { userId: id } = await management.addHumanUser({
    userName: "alice",
    profile: { firstName: "Alice", lastName: "Liddell" },
    email: { email: "alice@example.com" },
  });
  assert.equal((await management.getUserByID({ id })).user?.state, 6);
  assert.equal((await createUserServiceClient(transport).getUserByID({ userId: id })).user?.state, 5);
  const { users } = nodeClients(lab);
  assert.equal((await users.getUserByID({ userId: id })).user?.state, 5);
});

/** The clients of @zitadel/node: nice-grpc, user v2beta. */
function nodeClients({ url }: Lab) {
  const token = createAccessTokenInterceptor(ADMIN_KEY);
  return { management: createManagementClient(url, token), users: createUserClient(url, token) };
}

describe("@zitadel/node over nice-grpc", () => {
  /** An error as nice-grpc shows it. */
  const refused = (code: number, details: string) => (error: { code?: number; details?: string }) => {
    assert.deepEqual([error.code, error.details], [code, details]);
    return true;
  };

  test("management v1", async (t) => {
    const lab = await startNode(t);
    const { management: client } = lab;
    await client.healthz({});
    const { userId: id } = await client.addHumanUser({
      userName: "alice",
      profile: { firstName: "Alice", lastName: "Liddell" },
      email: { email: "alice@example.com", isEmailVerified: true },
      initialPassword: "Secret123!",
    });
    await client.importHumanUser({
      userName: "bob",
      profile: { firstName: "Bob", lastName: "Builder" },
      email: { email: "bob@example.com" },
    });
    await client.addMachineUser({ userName: "robot", name: "Robot" });
    const { details } = await client.lockUser({ id });
    assert.equal(String(details?.sequence), "2");
    await assert.rejects(client.lockUser({ id }), refused(9, "User is not active or initial (COMMAND-3NN8v)"));
    await client.unlockUser({ id });
    await assert.rejects(client.unlockUser({ id }), refused(9, "User is not locked (COMMAND-4M0ds)"));
    await client.deactivateUser({ id });
    await client.reactivateUser({ id });
    assert.equal((await client.getUserByID({ id })).user?.userName, "alice");
    assert.equal((await client.getUserByLoginNameGlobal({ loginName: "robot" })).user?.machine?.name, "Robot");
    assert.equal((await client.listUsers({})).result.length, 3);
    assert.equal((await client.listUserChanges({ userId: id })).result.length, 5);
    await client.removeUser({ id });
    await assert.rejects(client.getUserByID({ id }), refused(5, "User could not be found (QUERY-Dfbg2)"));
  });

  test("user v2beta", async (t) => {
    const { users: client } = await startNode(t);
    const added = await client.addHumanUser({
      userId: "alice",
      profile: { givenName: "Alice", familyName: "Liddell" },
      email: { email: "alice@example.com", isVerified: true },
    });
    assert.equal(added.userId, "alice");
    const userId = "alice";
    await client.lockUser({ userId });
    await assert.rejects(client.lockUser({ userId }), refused(9, "User is not active or initial (COMMAND-lgws8wtsqf)"));
    assert.equal((await client.getUserByID({ userId })).user?.state, 4);
    await client.unlockUser({ userId });
    await client.deactivateUser({ userId });
    await client.reactivateUser({ userId });
    const { result, details } = await client.listUsers({
      queries: [{ emailQuery: { emailAddress: "alice@example.com" } }],
    });
    assert.deepEqual(
      result.map((each) => each.userId),
      ["alice"],
    );
    assert.equal(String(details?.totalResult), "1");
    await client.deleteUser({ userId });
    await assert.rejects(client.lockUser({ userId }), refused(5, "User could not be found (COMMAND-450yxuqrh1)"));
  });
});

async function startNode(t: TestContext) {
  return nodeClients(await startLab(t));
}
