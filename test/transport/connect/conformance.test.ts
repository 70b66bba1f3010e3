/** The essence of connectrpc's server cases: three protocols, both HTTP versions, formats and codings, in this process. */
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { type DescMessage, fromJson, type JsonValue, type Message } from "@bufbuild/protobuf";
import { type CallOptions, Code, ConnectError, createClient, type Transport } from "@connectrpc/connect";
import { codeFromString } from "@connectrpc/connect/protocol-connect";
import {
  compressionBrotli,
  compressionGzip,
  createConnectTransport,
  createGrpcTransport,
  createGrpcWebTransport,
  Http2SessionManager,
} from "@connectrpc/connect-node";
import { codeOf, type RawAnswer, RawClient } from "../../support/wires.ts";
import { BODY_BYTES_MAX, CASES, type Case, type Kind } from "../support/conformance-cases.ts";
import {
  ConformanceService,
  conformanceMessage,
  conformanceRegistry,
  RequestInfoSchema,
  startConformance,
} from "../support/conformance-service.ts";
import { frame } from "../support/raw.ts";

interface Info {
  readonly requestHeaders: readonly { readonly name: string; readonly value: readonly string[] }[];
  readonly requests: readonly unknown[];
  readonly timeoutMs?: bigint;
}

type Answer = Message & { readonly payload?: { readonly data: Uint8Array; readonly requestInfo?: Info } };

interface Came {
  headers: Headers;
  trailers: Headers;
  readonly answers: Answer[];
  error?: ConnectError;
  isOver: boolean;
  /** Resolvers that wait for an answer or the end. */
  readonly moved: ((value: unknown) => void)[];
}

const REQUESTS: Readonly<Record<Kind, string>> = {
  unary: "UnaryRequest",
  idempotentUnary: "IdempotentUnaryRequest",
  clientStream: "ClientStreamRequest",
  serverStream: "ServerStreamRequest",
  halfDuplex: "BidiStreamRequest",
  fullDuplex: "BidiStreamRequest",
};

type Sent = Message | AsyncIterable<Message>;
type LooseClient = Readonly<
  Record<string, (sent: Sent, options: CallOptions) => Promise<Answer> | AsyncIterable<Answer>>
>;

/** Full duplex: sends the next request when the answer to the previous one has arrived. */
async function* paced(messages: readonly Message[], came: Came): AsyncGenerator<Message> {
  for (const [index, message] of messages.entries()) {
    while (came.answers.length < index && !came.isOver) await new Promise((resolve) => came.moved.push(resolve));
    if (came.isOver) return;
    yield message;
  }
}

function move(came: Came): void {
  for (const resolve of came.moved.splice(0)) resolve(undefined);
}

async function* all(messages: readonly Message[]): AsyncGenerator<Message> {
  yield* messages;
}

async function send(transport: Transport, { kind, requests, timeoutMs }: Case): Promise<Came> {
  const schema: DescMessage = conformanceMessage(REQUESTS[kind]);
  const messages = requests.map((each) => fromJson(schema, each as JsonValue, { registry: conformanceRegistry }));
  const came: Came = { headers: new Headers(), trailers: new Headers(), answers: [], isOver: false, moved: [] };
  const options: CallOptions = {
    headers: [
      ["x-conformance-test", "Value1"],
      ["x-conformance-test", "Value2"],
    ],
    ...(timeoutMs === undefined ? {} : { timeoutMs }),
    onHeader: (headers) => {
      came.headers = headers;
    },
    onTrailer: (trailers) => {
      came.trailers = trailers;
    },
  };
  const client = createClient(ConformanceService, transport) as unknown as LooseClient;
  const method = client[kind === "halfDuplex" || kind === "fullDuplex" ? "bidiStream" : kind];
  assert.ok(method !== undefined);
  const isOne = kind === "unary" || kind === "idempotentUnary" || kind === "serverStream";
  const sent = isOne ? (messages[0] as Message) : kind === "fullDuplex" ? paced(messages, came) : all(messages);
  try {
    const answered = method(sent, options);
    for await (const answer of Symbol.asyncIterator in answered ? answered : [await answered]) {
      came.answers.push(answer);
      move(came);
    }
  } catch (reason) {
    came.error = ConnectError.from(reason);
  }
  came.isOver = true;
  move(came);
  return came;
}

function assertCame({ expected, timeoutMs }: Case, came: Came): void {
  const { error } = came;
  assert.equal(error?.code, expected.error?.code, String(error));
  if (expected.error?.message !== undefined) assert.equal(error?.rawMessage, expected.error.message);
  const texts = came.answers.map(({ payload }) => Buffer.from(payload?.data ?? []).toString());
  assert.deepEqual(texts, expected.data);
  for (const part of ["headers", "trailers"] as const) {
    for (const [name, value] of Object.entries(expected[part])) {
      const where = error === undefined ? came[part] : new Headers([...came[part], ...error.metadata]);
      // An error's metadata combine headers and trailers; what both have is there twice.
      assert.ok(where.get(name)?.startsWith(value), `${part} ${name}: ${where.get(name)}`);
    }
  }
  if (expected.error !== undefined && expected.error.message !== undefined) {
    assert.equal(error?.details.length, expected.error.details);
  }
  if (expected.seen === undefined) return;
  const [told] = (error?.findDetails(RequestInfoSchema) ?? []) as unknown as Info[];
  const info = came.answers[0]?.payload?.requestInfo ?? told;
  assert.equal(info?.requests.length, expected.seen);
  const values = info.requestHeaders.filter(({ name }) => name === "x-conformance-test").flatMap(({ value }) => value);
  assert.equal(values.join(), "Value1, Value2");
  if (timeoutMs !== undefined) {
    const left = Number(info.timeoutMs);
    assert.ok(left > 0 && left <= timeoutMs, `${left} ms of ${timeoutMs}`);
  }
}

/** Returns the code of a refusal; for Connect's streams it is in the last frame. */
function codeIn(answer: RawAnswer): string | undefined {
  if (!answer.headers["content-type"]?.startsWith("application/connect")) return codeOf(answer);
  const { error } = JSON.parse(answer.body.subarray(5).toString()) as { error: { code: string } };
  return Code[codeFromString(error.code) ?? Code.Unknown];
}

describe("connectrpc's conformance cases", () => {
  let service: Awaited<ReturnType<typeof startConformance>>;
  before(async () => {
    service = await startConformance(BODY_BYTES_MAX);
  });
  after(() => service.transport.stop({ graceMs: 0 }));

  const formats = { proto: { useBinaryFormat: true }, JSON: { useBinaryFormat: false } };
  const codings = {
    identity: { acceptCompression: [] },
    gzip: { acceptCompression: [compressionGzip], sendCompression: compressionGzip, compressMinBytes: 0 },
    Brotli: { acceptCompression: [compressionBrotli], sendCompression: compressionBrotli, compressMinBytes: 0 },
  };

  /** HTTP/1.1 has no bidirectional streams. */
  async function runAll(transport: Transport, version: "1.1" | "2"): Promise<void> {
    const served = CASES.filter(({ kind }) => version === "2" || (kind !== "halfDuplex" && kind !== "fullDuplex"));
    // In parallel: cases with deadlines mostly wait.
    await Promise.all(
      served.map(async (each) => {
        try {
          assertCame(each, await send(transport, each));
        } catch (reason) {
          throw new Error(`${each.kind}, ${each.name}: ${reason}`, { cause: reason });
        }
      }),
    );
  }

  for (const [format, binary] of Object.entries(formats)) {
    for (const [coding, compression] of Object.entries(codings)) {
      it(`hold with ${format} and ${coding}`, async () => {
        const { url: baseUrl } = service;
        const sessionManager = new Http2SessionManager(baseUrl);
        const options = { baseUrl, ...binary, ...compression, jsonOptions: { registry: conformanceRegistry } };
        try {
          await runAll(createGrpcTransport({ ...options, sessionManager }), "2");
          await runAll(createGrpcWebTransport({ ...options, httpVersion: "2", sessionManager }), "2");
          await runAll(createGrpcWebTransport({ ...options, httpVersion: "1.1" }), "1.1");
          await runAll(createConnectTransport({ ...options, httpVersion: "2", sessionManager }), "2");
          await runAll(createConnectTransport({ ...options, httpVersion: "1.1", useHttpGet: true }), "1.1");
        } finally {
          sessionManager.abort();
        }
        const asked = service.internals.splice(0).filter((each) => !/as asked/.test(String(each)));
        assert.deepEqual(asked, [], "nothing is a fault of ours but what was asked for");
      });
    }
  }

  it("refuse no message, several messages, unknown flags and unknown compressions", async () => {
    const client = new RawClient(service.url);
    const empty = frame(Buffer.alloc(0));
    const bodies = [
      [Buffer.alloc(0), {}, "Unimplemented"],
      [Buffer.concat([empty, empty]), {}, "Unimplemented"],
      [frame(Buffer.alloc(0), 1), {}, "Internal"],
      // Only servers send the ends of streams and trailers; the other flags are reserved.
      [frame(Buffer.alloc(0), 2), {}, "InvalidArgument"],
      [frame(Buffer.alloc(0), 3), { "grpc-encoding": "gzip", "connect-content-encoding": "gzip" }, "InvalidArgument"],
      [frame(Buffer.alloc(0), 0x80), {}, "InvalidArgument"],
      [empty, { "grpc-encoding": "foo", "connect-content-encoding": "foo" }, "Unimplemented"],
    ] as const;
    const forms = [
      ["application/grpc+proto", "Unary"],
      ["application/grpc-web+proto", "Unary"],
      ["application/grpc+proto", "ServerStream"],
      ["application/grpc-web+proto", "ServerStream"],
      ["application/connect+proto", "ServerStream"],
    ] as const;
    for (const [type, method] of forms) {
      for (const [body, encoding, code] of bodies) {
        const path = `/${ConformanceService.typeName}/${method}`;
        const answer = await client.send("2", { path, headers: { "content-type": type, ...encoding }, body });
        assert.equal(codeIn(answer), code, `${type} ${method}`);
      }
    }
    client.close();
  });

  it("name the RPC that has no handler", async () => {
    const transport = createConnectTransport({ baseUrl: service.url, httpVersion: "1.1" });
    const client = createClient(ConformanceService, transport) as unknown as LooseClient;
    const request = fromJson(conformanceMessage("UnimplementedRequest"), {});
    const call = client.unimplemented as LooseClient[string];
    await assert.rejects(
      call(request, {}) as Promise<Answer>,
      (error) => error instanceof ConnectError && error.code === Code.Unimplemented,
    );
  });
});
