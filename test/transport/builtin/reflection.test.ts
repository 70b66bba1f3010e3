/** Server reflection answers its clients, in both versions. */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { promisify } from "node:util";
import { create, fromBinary, type MessageInitShape, toBinary } from "@bufbuild/protobuf";
import { FileDescriptorProtoSchema } from "@bufbuild/protobuf/wkt";
import { createClient } from "@connectrpc/connect";
import { createGrpcTransport, Http2SessionManager } from "@connectrpc/connect-node";
import {
  ServerReflection,
  type ServerReflectionRequestSchema,
  type ServerReflectionResponse,
  ServerReflectionResponseSchema,
} from "../../../gen/grpc/reflection/v1/reflection_pb.ts";
import { ServerReflection as ServerReflectionAlpha } from "../../../gen/grpc/reflection/v1alpha/reflection_pb.ts";
import { type Lab, startLab } from "../support/lab.ts";

type Question = NonNullable<MessageInitShape<typeof ServerReflectionRequestSchema>["messageRequest"]>;
type Answer = ServerReflectionResponse["messageResponse"];

const run = promisify(execFile);
const buf = join(import.meta.dirname, "../../../node_modules/.bin/buf");

describe("reflection", () => {
  let lab: Lab;
  let sessionManager: Http2SessionManager;
  let ask: (version: string, ...questions: Question[]) => Promise<Answer[]>;
  before(async () => {
    lab = await startLab();
    sessionManager = new Http2SessionManager(lab.url);
    const transport = createGrpcTransport({ baseUrl: lab.url, sessionManager });
    const v1 = createClient(ServerReflection, transport);
    const alpha = createClient(ServerReflectionAlpha, transport);
    ask = async (version, ...questions) => {
      const requests = questions.map((messageRequest) => ({ host: "lab", messageRequest }));
      const client = (version === "v1" ? v1 : alpha) as typeof v1;
      const answers: Answer[] = [];
      lab.charged.length = 0;
      const stream = (async function* () {
        yield* requests;
      })();
      for await (const { messageResponse, validHost, originalRequest } of client.serverReflectionInfo(stream)) {
        assert.equal(validHost, "lab");
        assert.equal(originalRequest?.messageRequest.case, questions[answers.length]?.case);
        // Both versions have the same bytes.
        const answer = create(ServerReflectionResponseSchema, { validHost, originalRequest, messageResponse });
        assert.equal(lab.charged.shift(), toBinary(ServerReflectionResponseSchema, answer).byteLength);
        answers.push(messageResponse);
      }
      return answers;
    };
  });
  after(async () => {
    sessionManager.abort();
    await lab.stop();
  });

  const names = (answer: Answer | undefined): string[] => {
    assert.equal(answer?.case, "fileDescriptorResponse");
    return answer.value.fileDescriptorProto.map((bytes) => fromBinary(FileDescriptorProtoSchema, bytes).name);
  };

  const numbers = (answer: Answer | undefined): number[] => {
    assert.equal(answer?.case, "allExtensionNumbersResponse");
    return answer.value.extensionNumber;
  };

  for (const version of ["v1", "v1alpha"]) {
    it(`lists the services (${version})`, async () => {
      const [answer] = await ask(version, { case: "listServices", value: "" });
      assert.equal(answer?.case, "listServicesResponse");
      assert.deepEqual(
        answer.value.service.map(({ name }) => name),
        [
          "grpc.health.v1.Health",
          "grpc.reflection.v1.ServerReflection",
          "grpc.reflection.v1alpha.ServerReflection",
          "lab.v1.LabService",
        ],
      );
    });

    it(`finds the file of every kind of symbol, with its dependencies (${version})`, async () => {
      const symbols = [
        "lab.v1.LabService",
        "lab.v1.LabService.Say",
        "lab.v1.EchoRequest",
        "lab.v1.EchoRequest.text",
        "lab.v1.EchoRequest.extra",
        "lab.v1.Mood",
        "lab.v1.MOOD_GOOD",
        "lab.v1.note",
      ];
      for (const value of symbols) {
        const [answer] = await ask(version, { case: "fileContainingSymbol", value });
        const [first, ...others] = names(answer);
        assert.equal(first, "lab.proto", value);
        assert.deepEqual(others.sort(), [
          "google/api/annotations.proto",
          "google/api/http.proto",
          "google/api/httpbody.proto",
          "google/protobuf/any.proto",
          "google/protobuf/descriptor.proto",
          "google/protobuf/field_mask.proto",
        ]);
      }
      const [nested] = await ask(version, {
        case: "fileContainingSymbol",
        value: "google.protobuf.FieldDescriptorProto.TYPE_INT64",
      });
      assert.deepEqual(names(nested), ["google/protobuf/descriptor.proto"]);
    });

    it(`sends a file that a stream already has only if it is asked for by name (${version})`, async () => {
      const answers = await ask(
        version,
        { case: "fileByFilename", value: "google/api/annotations.proto" },
        { case: "fileByFilename", value: "lab.proto" },
        { case: "fileByFilename", value: "lab.proto" },
      );
      assert.deepEqual(names(answers[1]).sort(), [
        "google/api/httpbody.proto",
        "google/protobuf/any.proto",
        "google/protobuf/field_mask.proto",
        "lab.proto",
      ]);
      assert.deepEqual(names(answers[2]), ["lab.proto"]);
    });

    it(`finds extensions by number (${version})`, async () => {
      const containingType = "google.protobuf.MethodOptions";
      const answers = await ask(
        version,
        { case: "fileContainingExtension", value: { containingType, extensionNumber: 50001 } },
        { case: "allExtensionNumbersOfType", value: containingType },
        { case: "allExtensionNumbersOfType", value: "lab.v1.EchoRequest" },
      );
      assert.equal(names(answers[0])[0], "lab.proto");
      assert.deepEqual(numbers(answers[1]), [50001, 72295728]);
      assert.deepEqual(numbers(answers[2]), []);
    });

    it(`answers unknown names with an error, and goes on (${version})`, async () => {
      const answers = await ask(
        version,
        { case: "fileByFilename", value: "no.proto" },
        { case: "fileContainingSymbol", value: "no.Such" },
        { case: "fileContainingExtension", value: { containingType: "lab.v1.EchoRequest", extensionNumber: 5 } },
        { case: "allExtensionNumbersOfType", value: "no.Such" },
        { case: undefined },
        { case: "listServices", value: "" },
      );
      const codes = answers.slice(0, 5).map((answer) => (answer.case === "errorResponse" ? answer.value.errorCode : 0));
      assert.deepEqual(codes, [5, 5, 5, 5, 3]);
      assert.equal(answers[5]?.case, "listServicesResponse");
    });

    it(`refuses long questions, which an answer would repeat twice (${version})`, async () => {
      const long: Question = { case: "fileContainingSymbol", value: "x".repeat(2_048) };
      await assert.rejects(ask(version, { case: "listServices", value: "" }, long), /larger than 2048 bytes/);
      const short: Question = { case: "fileContainingSymbol", value: "x".repeat(2_000) };
      assert.equal((await ask(version, short))[0]?.case, "errorResponse");
    });

    it(`serves buf curl without a schema (${version})`, async () => {
      const common = ["curl", "--http2-prior-knowledge", "--protocol", "grpc", "--reflect-protocol", `grpc-${version}`];
      const said = ["-H", "authorization: Bearer one", "-d", '{"text":"seen"}', `${lab.url}/lab.v1.LabService/Say`];
      const { stdout } = await run(buf, [...common, ...said]);
      assert.deepEqual(JSON.parse(stdout), { text: "seen", wire: "grpc", admission: "one" });
      const { stdout: listed } = await run(buf, [...common, "--list-services", lab.url]);
      assert.match(listed, /lab\.v1\.LabService/);
    });
  }
});
