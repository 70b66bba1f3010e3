/** Errors that no handler made get a reason: of a fault of ours only the id of the call is told. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { Code, ConnectError } from "@connectrpc/connect";
import { ErrorInfoSchema } from "../../gen/google/rpc/error_details_pb.ts";
import { describeFault } from "../../src/service/transport-faults.ts";

function infoOf(message: string, code: Code): unknown {
  const error = new ConnectError(message, code);
  describeFault(error, { method: undefined, callId: "call-7" });
  assert.equal(error.code, code, "the code stays");
  const [info] = error.findDetails(ErrorInfoSchema);
  return [info?.reason, info?.metadata];
}

test("an unforeseen fault names its call, under which the log has the cause", () => {
  for (const code of [Code.Internal, Code.Unknown]) {
    assert.deepEqual(infoOf("internal error", code), ["UNFORESEEN", { callId: "call-7" }]);
  }
});

test("what gRPC calls INTERNAL though the request is at fault is told as such", () => {
  assert.deepEqual(infoOf("a message is marked as compressed", Code.Internal), ["REQUEST_MALFORMED", {}]);
});
