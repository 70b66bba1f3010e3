/** One act by every way to write: each protocol, each dialect, the command line, and a policy. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { createClient } from "@connectrpc/connect";
import { createGrpcWebTransport } from "@connectrpc/connect-node";
import { Initiator } from "../../gen/lockkeeper/event/v1/event_pb.ts";
import { Factor } from "../../gen/lockkeeper/resource/v1/factor_pb.ts";
import { UserService } from "../../gen/lockkeeper/user/v1/user_service_pb.ts";
import { cliOf, printed } from "../cli/support/cli.ts";
import { httpRequest } from "../support/http-client.ts";
import { ADMIN_KEY, startService } from "../support/service.ts";

test("P22 every way to lock a user writes the same event, and the history verifies", async (t) => {
  const service = await startService(t, { config: { dialects: ["zitadel", "clerk"] } });
  const { url, users, signIns, events, history } = service;
  const authorization = `Bearer ${ADMIN_KEY}`;
  const web = createClient(UserService, createGrpcWebTransport({ baseUrl: url, httpVersion: "1.1" }));
  const post =
    (path: string, body: object = {}) =>
    async (): Promise<void> => {
      const headers = { authorization, "content-type": "application/json" };
      const { status, text } = await httpRequest(url, path, { method: "POST", headers, body: JSON.stringify(body) });
      assert.equal(status, 200, text);
    };
  const ways: Readonly<Record<string, () => Promise<unknown>>> = {
    grpc: () => users.lockUser({ userId: "grpc" }),
    "grpc-web": () => web.lockUser({ userId: "grpc-web" }, { headers: { authorization } }),
    connect: post("/lockkeeper.user.v1.UserService/LockUser", { userId: "connect" }),
    rest: post("/v1/users/rest:lock"),
    zitadel: post("/v2/users/zitadel/lock"),
    clerk: post("/clerk/v1/users/clerk/lock"),
    cli: () => printed(cliOf(url)("users lock cli")),
    policy: async () => {
      const subject = { subject: { case: "userId", value: "policy" } } as const;
      for (let failures = 0; failures < 10; failures++) {
        await signIns.recordFailure({ subject, factor: Factor.PASSWORD });
      }
    },
  };
  for (const [userId, lock] of Object.entries(ways)) {
    await users.createUser({ userId });
    await lock();
  }
  const { events: locked } = await events.listEvents({ filter: "type=UserLocked", pageSize: 100 });
  const found = locked.map(({ userId, sequence, initiator, actor, payload }) => {
    assert.equal(payload.case, "userLocked");
    assert.ok(payload.value.restriction?.restrictionId && payload.value.restriction.startTime, userId);
    return [userId, sequence, initiator, actor === "system"];
  });
  const wanted = Object.keys(ways).map((way) => {
    const isPolicy = way === "policy";
    return [way, 2n, isPolicy ? Initiator.POLICY : Initiator.ADMIN, isPolicy];
  });
  assert.deepEqual(found.toSorted(), wanted.toSorted());
  const wires = new Set(locked.map(({ via }) => via));
  assert.deepEqual([...wires].toSorted(), ["clerk", "connect", "grpc", "grpc-web", "rest", "zitadel"]);
  for await (const { message } of history.verifyHistory({})) {
    if (message.case === "report") assert.deepEqual(message.value.faults, []);
  }
});
