/** Several replicas behind a balancer: what one of them has answered holds on all of them. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { Code, ConnectError } from "@connectrpc/connect";
import { clientsOf, startReplicas } from "../support/service.ts";

describe("replicas on one PostgreSQL", () => {
  test("admit a key that another one has just made, and refuse it once another one has revoked it", async (t) => {
    const { replicas } = await startReplicas(t, 2);
    const [first, second] = replicas;
    assert.ok(first !== undefined && second !== undefined);
    await first.users.createUser({ userId: "u" });
    for (let round = 0; round < 5; round++) {
      const { secret, apiKey } = await first.keys.createApiKey({ displayName: "new", role: "operator" });
      const other = clientsOf(second.url, secret);
      assert.equal((await other.users.getUser({ userId: "u" })).user?.userId, "u");
      await first.keys.revokeApiKey({ apiKeyId: apiKey?.apiKeyId ?? "" });
      const refused = (error: unknown): boolean => ConnectError.from(error).code === Code.Unauthenticated;
      await assert.rejects(other.users.getUser({ userId: "u" }), refused);
      await assert.rejects(other.users.listUsers({}), refused);
      await assert.rejects(other.users.lockUser({ userId: "u" }), refused);
    }
    assert.equal((await second.users.getUser({ userId: "u" })).user?.details?.sequence, 1n);
  });
});
