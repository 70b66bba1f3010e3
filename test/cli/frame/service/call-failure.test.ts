/** What the command line says of a call that failed. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { Code, ConnectError } from "@connectrpc/connect";
import { ErrorInfoSchema } from "../../../../gen/google/rpc/error_details_pb.ts";
import { callFailure } from "../../../../src/cli/frame/service/call-failure.ts";

test("of a fault of the service it tells under which id the log has the cause", () => {
  const error = new ConnectError("internal error", Code.Internal);
  error.details.push({
    desc: ErrorInfoSchema,
    value: { reason: "UNFORESEEN", domain: "lockkeeper", metadata: { callId: "call-7" } },
  });
  const called = { server: new URL("http://127.0.0.1:1"), timeoutMs: 1, typedFor: String };
  const { message, lines } = callFailure(error, called);
  assert.deepEqual(
    [message, lines],
    ["internal error (UNFORESEEN)", ["the cause is in the log of the service, under callId=call-7"]],
  );
});
