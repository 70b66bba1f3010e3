/** Batches: what is wrong with the call ends the import, and is not said of its rows. */
import assert from "node:assert/strict";
import { after, test } from "node:test";
import { Code, ConnectError } from "@connectrpc/connect";
import { IfExists } from "../../../gen/lockkeeper/user/v1/user_service_pb.ts";
import { type SendOptions, sendBatch } from "../../../src/cli/import/batch.ts";
import { startService } from "../../support/service.ts";

const { users } = await startService({ after });

function optionsOf(callOptions: { readonly timeoutMs?: number }): SendOptions {
  return {
    call: (request) => users.importUsers(request, callOptions),
    terms: { ifExists: IfExists.SKIP },
    patienceMs: 10_000,
    signal: new AbortController().signal,
    clock: () => 0,
    onWait: () => undefined,
  };
}

test("a call that the service cannot take is not a fault of each of its rows", async () => {
  const rows = [{ userId: "ann" }, { userId: "bob" }];
  // Nine digits, which grpc-timeout does not have.
  await assert.rejects(sendBatch(rows, "r1", optionsOf({ timeoutMs: 100_800_000 })), (error) => {
    assert.ok(error instanceof ConnectError);
    assert.equal(error.code, Code.InvalidArgument);
    assert.match(error.message, /timeout/);
    return true;
  });
  const [first, second] = await sendBatch(rows, "r2", optionsOf({}));
  assert.deepEqual([first?.action, second?.action], ["created", "created"]);
});

test("a row that no request can carry is its own fault", async () => {
  const deep = JSON.parse(`${'{"a":'.repeat(60)}1${"}".repeat(60)}`);
  const rows = [{ userId: "cat" }, { userId: "dan", attributes: { deep } }, { userId: "eve" }];
  const outcomes = await sendBatch(rows, "r3", optionsOf({}));
  assert.deepEqual(
    outcomes.map(({ action }) => action),
    ["created", "failed", "created"],
  );
});
