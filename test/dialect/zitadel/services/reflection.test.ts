/** Server reflection shows the details of errors and, once the dialect is loaded, its services. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { fromBinary } from "@bufbuild/protobuf";
import { FileDescriptorProtoSchema } from "@bufbuild/protobuf/wkt";
import { createClient } from "@connectrpc/connect";
import { createGrpcTransport } from "@connectrpc/connect-node";
import { ServerReflection } from "../../../../gen/grpc/reflection/v1/reflection_pb.ts";
import { ServerReflection as ServerReflectionAlpha } from "../../../../gen/grpc/reflection/v1alpha/reflection_pb.ts";
import { startService } from "../../../support/service.ts";

const DETAILS = ["google.rpc.ErrorInfo", "google.rpc.BadRequest", "google.rpc.RetryInfo"];
const OURS = "lockkeeper.user.v1.UserService";
const THEIRS = "zitadel.user.v2.UserService";

test("reflection v1 and v1alpha show error details and the dialect's services", async (t) => {
  const { url } = await startService(t, { config: { dialects: ["zitadel"] } });
  // Waits until the dialect is loaded, like every request for it.
  await (await fetch(`${url}/management/v1/nowhere`)).arrayBuffer();
  const transport = createGrpcTransport({ baseUrl: url });
  for (const service of [ServerReflection, ServerReflectionAlpha]) {
    const client = createClient(service as typeof ServerReflection, transport);
    const questions = (async function* () {
      yield { messageRequest: { case: "listServices" as const, value: "" } };
      for (const value of [...DETAILS, OURS, THEIRS]) {
        yield { messageRequest: { case: "fileContainingSymbol" as const, value } };
      }
    })();
    const files: string[] = [];
    for await (const { messageResponse } of client.serverReflectionInfo(questions)) {
      if (messageResponse.case === "listServicesResponse") {
        const names = messageResponse.value.service.map(({ name }) => name);
        assert.ok(names.includes(OURS) && names.includes(THEIRS) && names.includes(service.typeName), names.join());
        continue;
      }
      assert.equal(messageResponse.case, "fileDescriptorResponse", JSON.stringify(messageResponse.value));
      const [first] = messageResponse.value.fileDescriptorProto;
      files.push(fromBinary(FileDescriptorProtoSchema, first ?? new Uint8Array()).name);
    }
    assert.deepEqual(files, [
      ...DETAILS.map(() => "google/rpc/error_details.proto"),
      "lockkeeper/user/v1/user_service.proto",
      "zitadel/user/v2/user_service.proto",
    ]);
  }
});
