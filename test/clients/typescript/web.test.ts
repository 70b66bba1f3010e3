/** `@lockkeeper/client/web`: what a browser runs, over gRPC-Web and Connect; Node's fetch stands in for the browser's. */
import assert from "node:assert/strict";
import { test } from "node:test";
import * as node from "../../../clients/typescript/src/node.ts";
import * as web from "../../../clients/typescript/src/web.ts";
import { ADMIN_KEY, startService } from "../../support/service.ts";

for (const protocol of [undefined, "grpc-web", "connect"] as const) {
  test(`calls the service over ${protocol ?? "the default, gRPC-Web"}, and says why it is refused`, async (t) => {
    const { url } = await startService(t);
    const options = { baseUrl: url, key: ADMIN_KEY, timeoutMs: 1e9 };
    const client = web.createLockkeeperClient(protocol === undefined ? options : { ...options, protocol });
    t.after(() => client.close());
    await client.users.createUser({ userId: "alice" });
    const { user } = await client.users.lockUser({ userId: "alice" });
    assert.equal(user?.state, web.State.LOCKED);
    const refused = await client.users.lockUser({ userId: "alice" }).catch((error: unknown) => error);
    assert.ok(refused instanceof web.ConnectError);
    assert.equal(web.reasonOf(refused), "USER_ALREADY_LOCKED");
    assert.throws(() => web.createLockkeeperClient({ ...options, key: "a b" }), {
      name: "TypeError",
      message: /^key: /,
    });
  });
}

test("both entries export the same names", () => {
  assert.deepEqual(Object.keys(web).sort(), Object.keys(node).sort());
});
