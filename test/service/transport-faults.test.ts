/** Errors of the transport get a reason; an internal error shows only the id of its call. */
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

test("a wrong request that gRPC calls INTERNAL is reported as the caller's fault", () => {
  assert.deepEqual(infoOf("a message is marked as compressed", Code.Internal), ["REQUEST_MALFORMED", {}]);
});
