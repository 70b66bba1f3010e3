/** Refusals of gRPC, gRPC-Web and Connect requests, in the form of each protocol. */

import assert from "node:assert/strict";
import type { ClientHttp2Session } from "node:http2";
import { after, afterEach, before, describe, it } from "node:test";
import { brotliCompressSync, gzipSync } from "node:zlib";
import { create, toBinary } from "@bufbuild/protobuf";
import { Code } from "@connectrpc/connect";
import { roundTrip } from "../../support/round-trip.ts";
import { until } from "../../support/until.ts";
import { type Lab, startLab } from "../support/lab.ts";
import { EchoRequestSchema } from "../support/lab-service.ts";
import {
  type Answer,
  answerOf,
  authorized,
  frame,
  grpcHeader,
  jsonHeader,
  open,
  openSession,
  openSocket,
  request,
} from "../support/raw.ts";

const say = "/lab.v1.LabService/Say";
const hello = toBinary(EchoRequestSchema, create(EchoRequestSchema, { text: "hello" }));

/** Faults in JSON that our own check finds and Connect does not. */
const TWICE = /twice/;

describe("the Connect protocols", () => {
  let lab: Lab;
  let session: ClientHttp2Session;
  before(async () => {
    lab = await startLab({ limits: { bodyBytesMax: 1_000, deadlineMsMax: 400 } });
    session = await openSession(lab);
  });
  after(async () => {
    session.destroy();
    await lab.stop();
  });
  afterEach(() => assert.deepEqual(lab.internals.splice(0), [], "nothing is logged as internal"));

  const grpc = (body: Buffer, header: Record<string, string> = {}, path = say): Promise<Answer> =>
    request(session, { path, header: { ...grpcHeader, ...header }, body });
  const json = (body: string | Buffer, header: Record<string, string> = {}, path = say): Promise<Answer> =>
    request(session, { path, header: { ...jsonHeader, ...header }, body: Buffer.from(body) });
  const proto = (body: Uint8Array, header: Record<string, string> = {}): Promise<Answer> =>
    request(session, {
      path: say,
      header: { ...authorized, "content-type": "application/proto", ...header },
      body: Buffer.from(body),
    });

  function assertGrpc(answer: Answer, code: Code, message: RegExp): void {
    assert.equal(answer.status, 200);
    assert.equal(answer.trailer["grpc-status"], String(code));
    assert.match(decodeURIComponent(answer.trailer["grpc-message"] ?? ""), message);
  }

  function assertJson(answer: Answer, status: number, code: string, message: RegExp): void {
    const body = JSON.parse(answer.body.toString()) as { code: string; message: string };
    assert.deepEqual([answer.status, body.code], [status, code]);
    assert.match(body.message, message);
    assert.equal(answer.header["content-type"], "application/json");
  }

  it("accepts gzip and Brotli and refuses other codings by name", async () => {
    for (const [name, bytes] of [
      ["gzip", gzipSync(hello)],
      ["br", brotliCompressSync(hello)],
    ] as const) {
      assert.equal((await grpc(frame(bytes, 1), { "grpc-encoding": name })).trailer["grpc-status"], "0");
      assert.equal((await proto(bytes, { "content-encoding": name })).status, 200);
    }
    const foreign = await grpc(frame(hello, 1), { "grpc-encoding": "lzma" });
    assertGrpc(foreign, Code.Unimplemented, /"lzma".*gzip,br/);
    assert.equal(foreign.header["grpc-accept-encoding"], "gzip,br");
    const plain = await proto(hello, { "content-encoding": "lzma" });
    assertJson(plain, 501, "unimplemented", /"lzma"/);
    assert.equal(plain.header["accept-encoding"], "gzip,br");
    const type = { "content-type": "application/connect+proto", "connect-content-encoding": "lzma" };
    const streamed = await grpc(frame(Buffer.alloc(0)), type, "/lab.v1.LabService/Count");
    assert.equal(streamed.header["connect-accept-encoding"], "gzip,br");
  });

  it("refuses malformed protobuf as INVALID_ARGUMENT", async () => {
    const message = /not a valid protobuf message/;
    for (const bytes of [Buffer.from([10, 200]), Buffer.from([10, 2, 0xff, 0xfe]), Buffer.from([0xff, 0xff, 0xff])]) {
      assertGrpc(await grpc(frame(bytes)), Code.InvalidArgument, message);
      assertJson(await proto(bytes), 400, "invalid_argument", message);
    }
    assert.deepEqual([...new Set(lab.records.slice(-6).map(({ code }) => code))], [Code.InvalidArgument]);
  });

  it("refuses bytes that cannot be decompressed as INVALID_ARGUMENT, also when the deadline passes in the meantime", async () => {
    for (const bytes of [Buffer.from("no gzip"), gzipSync(hello).subarray(0, 12)]) {
      assertGrpc(await grpc(frame(bytes, 1), { "grpc-encoding": "gzip" }), Code.InvalidArgument, /decompressed/);
      assertJson(await proto(bytes, { "content-encoding": "gzip" }), 400, "invalid_argument", /decompressed/);
    }
    const hurried = { "content-encoding": "br", "connect-timeout-ms": "1" };
    const statuses = new Set<number>();
    for (let i = 0; i < 200; i++) statuses.add((await proto(Buffer.from("no brotli"), hurried)).status);
    statuses.delete(504);
    assert.deepEqual([...statuses], [400]);
  });

  it("refuses truncated, empty and repeated frames", async () => {
    const truncated = frame(hello).subarray(0, 8);
    assertGrpc(await grpc(truncated), Code.InvalidArgument, /incomplete envelope/);
    for (const path of [say, "/lab.v1.LabService/Count"]) {
      assertGrpc(await grpc(Buffer.alloc(0), {}, path), Code.Unimplemented, /exactly one request message/);
      const twice = Buffer.concat([frame(Buffer.alloc(0)), frame(Buffer.alloc(0))]);
      assertGrpc(await grpc(twice, {}, path), Code.Unimplemented, /exactly one/);
    }
    assertGrpc(await grpc(frame(gzipSync(hello), 1)), Code.Internal, /no encoding is named/);
    assertGrpc(await grpc(frame(hello, 1), { "grpc-encoding": "identity" }), Code.Internal, /no encoding is named/);
  });

  it("refuses bodies above the limit of the method, on the wire and unpacked", async () => {
    const large = toBinary(EchoRequestSchema, create(EchoRequestSchema, { text: "x".repeat(1_000) }));
    assertGrpc(await grpc(frame(large)), Code.ResourceExhausted, /larger than 1000 bytes/);
    assertGrpc(await grpc(frame(gzipSync(large), 1), { "grpc-encoding": "gzip" }), Code.ResourceExhausted, /1000/);
    assertJson(await proto(large), 429, "resource_exhausted", /larger than 1000 bytes/);
    assertJson(await proto(gzipSync(large), { "content-encoding": "gzip" }), 429, "resource_exhausted", /1000/);
    assertJson(await json(JSON.stringify({ text: "x".repeat(1_000) })), 429, "resource_exhausted", /1000/);
    const upload = create(EchoRequestSchema, { data: Buffer.alloc(1_500_000) });
    const answer = await grpc(frame(toBinary(EchoRequestSchema, upload)), {}, "/lab.v1.LabService/Upload");
    assert.equal(answer.trailer["grpc-status"], "0");
  });

  it("answers each of many oversize calls on one connection", async () => {
    const large = frame(Buffer.alloc(150_000));
    const answers = await Promise.all(Array.from({ length: 40 }, () => grpc(large)));
    for (const answer of answers) {
      assertGrpc(answer, Code.ResourceExhausted, /larger than 1000/);
      assert.equal(answer.rstCode, 0);
    }
  });

  it("ends client streams and bidirectional streams that are too large", async () => {
    for (const method of ["Gather", "Chat"]) {
      const path = `/lab.v1.LabService/${method}`;
      const body = Buffer.concat([frame(hello), frame(Buffer.alloc(100_000)), frame(hello)]);
      assertGrpc(await grpc(body, {}, path), Code.ResourceExhausted, /larger than 1000/);
    }
  });

  it("says where JSON is wrong", async () => {
    assertJson(await json('{"txt": "a"}'), 400, "invalid_argument", /txt/);
    assertJson(await json('{"number": "abc"}'), 400, "invalid_argument", /number/);
    assertJson(await json("{"), 400, "invalid_argument", /JSON/);
    assertJson(await json(Buffer.from([0x22, 0xff, 0x22])), 400, "invalid_argument", /UTF-8/);
    assertJson(await json(""), 400, "invalid_argument", /empty/);
    const loud = { "content-type": "application/JSON" };
    assertJson(await json('{"text":"a","text":"b"}', loud), 400, "invalid_argument", TWICE);
  });

  it("refuses JSON that nests too deep before it parses it", async () => {
    const nested = `${'{"nested":'.repeat(65)}{}${"}".repeat(65)}`;
    assertJson(await json(nested), 400, "invalid_argument", /64/);
    assertGrpc(
      await grpc(frame(Buffer.from(nested)), { "content-type": "application/grpc+json" }),
      Code.InvalidArgument,
      /64/,
    );
    const bombs = "[".repeat(900);
    assertJson(await json(bombs), 400, "invalid_argument", /64/);
  });

  it("serves GET for reads and refuses faults in its query", async () => {
    const get = (query: string, path = "/lab.v1.LabService/Echo"): Promise<Answer> =>
      request(session, { method: "GET", path: `${path}?${query}`, header: authorized });
    const good = await get(`connect=v1&encoding=json&message=${encodeURIComponent('{"text":"read"}')}`);
    assert.deepEqual(JSON.parse(good.body.toString()), { text: "read", wire: "connect", admission: "one" });
    const binary = Buffer.from(hello).toString("base64url");
    assert.equal((await get(`connect=v1&encoding=proto&base64=1&message=${binary}`)).status, 200);
    const packed = (text: string): string => gzipSync(text).toString("base64url");
    const inQuery = (text: string, name = "gzip"): Promise<Answer> =>
      get(`connect=v1&encoding=json&base64=1&compression=${name}&message=${packed(text)}`);
    assert.equal((await inQuery('{"text":"read"}')).status, 200);
    assertJson(await inQuery('{"text":"a","text":"b"}'), 400, "invalid_argument", TWICE);
    assertJson(await inQuery("{}", "lzma"), 501, "unimplemented", /"lzma"/);
    assertJson(await inQuery("{}", "br"), 400, "invalid_argument", /decompressed/);
    assertJson(await get("connect=v1&encoding=proto&base64=1&message=***"), 400, "invalid_argument", /base64/);
    assertJson(await get("connect=v1&encoding=json&message=%7B"), 400, "invalid_argument", /JSON/);
    assertJson(await get("message=%7B%7D"), 415, "invalid_argument", /encoding/);
    const onWrite = await get("connect=v1&encoding=json&message=%7B%7D", say);
    assertJson(onWrite, 405, "unimplemented", /does not take GET/);
    assert.equal(onWrite.header.allow, "POST, OPTIONS");
  });

  it("says which methods and media types it accepts", async () => {
    const wrongType = await request(session, { path: say, header: { ...authorized, "content-type": "text/xml" } });
    assertJson(wrongType, 415, "invalid_argument", /application\/json/);
    assert.match(String(wrongType.header["accept-post"]), /application\/json, .*application\/grpc-web-text/);
    assertJson(await request(session, { path: say, header: authorized }), 415, "invalid_argument", /no content type/);
    assertJson(await json("{}", {}, "/lab.v1.LabService/Count"), 415, "invalid_argument", /connect\+json/);
    const thrift = await grpc(frame(hello), { "content-type": "application/grpc+thrift" });
    assertGrpc(thrift, Code.Unimplemented, /takes application\/json/);
    for (const method of ["GET", "PUT"]) {
      const sent = { method, path: "/lab.v1.LabService/Echo", header: grpcHeader };
      assertGrpc(await request(session, sent), Code.Unimplemented, /POST/);
    }
    const options = await request(session, { method: "OPTIONS", path: "/lab.v1.LabService/Echo" });
    assert.deepEqual([options.status, options.header.allow], [204, "POST, GET, OPTIONS"]);
    const codes = lab.records.slice(-6, -2).map(({ code, httpStatus }) => [code, httpStatus]);
    assert.deepEqual(codes, [...Array(3).fill([Code.InvalidArgument, 415]), [Code.Unimplemented, 200]]);
  });

  it("reduces deadlines that are too long, keeps shorter ones and refuses malformed ones", async () => {
    const sleep = toBinary(EchoRequestSchema, create(EchoRequestSchema, { act: "hang" }));
    const hanging: [Promise<Answer>, string][] = [
      [grpc(frame(sleep), { "grpc-timeout": "99999999H" }), "grpc 99999999H"],
      [proto(sleep, { "connect-timeout-ms": "9999999999" }), "connect 9999999999"],
      [grpc(frame(sleep), { "grpc-timeout": "50m" }), "grpc 50m"],
      [proto(sleep, { "connect-timeout-ms": "50" }), "connect 50"],
    ];
    const order: string[] = [];
    for (const [pending, what] of hanging) void pending.then(() => order.push(what));
    for (const [pending, what] of hanging) {
      const answer = await pending;
      const code = answer.trailer["grpc-status"] ?? (JSON.parse(answer.body.toString()) as { code: string }).code;
      assert.ok(code === "4" || code === "deadline_exceeded", `${what}: ${code}`);
    }
    const shortest = order.slice(0, 2).sort();
    assert.deepEqual(shortest, ["connect 50", "grpc 50m"], "the others end at the limit, which is later");
    assertGrpc(await grpc(frame(hello), { "grpc-timeout": "soon" }), Code.InvalidArgument, /invalid grpc timeout/);
    assertJson(await proto(hello, { "connect-timeout-ms": "-1" }), 400, "invalid_argument", /invalid connect timeout/);
    assertGrpc(await grpc(frame(hello), { "grpc-timeout": "0m" }), Code.DeadlineExceeded, /deadline/);
  });

  it("does not wait for the body of a call whose deadline has passed", async () => {
    const waiting = [
      open(session, { path: say, header: { ...grpcHeader, "grpc-timeout": "50m" }, body: "open" }),
      open(session, { path: say, header: { ...jsonHeader, "connect-timeout-ms": "50" }, body: "open" }),
    ];
    const [first, second] = await Promise.all(waiting.map(answerOf));
    assertGrpc(first as Answer, Code.DeadlineExceeded, /deadline/);
    assertJson(second as Answer, 504, "deadline_exceeded", /deadline/);
  });

  it("aborts the handler's signal when the client goes away", async () => {
    const body = toBinary(EchoRequestSchema, create(EchoRequestSchema, { act: "hang" }));
    const before = lab.records.length;
    lab.aborted.length = 0;
    const began = lab.began.length;
    const stream = open(session, { path: say, header: grpcHeader, body: frame(body) });
    const socket = await openSocket(lab);
    socket.write(
      `POST ${say} HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer one\r\nContent-Type: application/proto\r\n` +
        `Content-Length: ${body.byteLength}\r\n\r\n${Buffer.from(body)}`,
    );
    await until(() => lab.began.length === began + 4, "both handlers");
    stream.close(8);
    socket.destroy();
    await lab.record(before + 2);
    assert.deepEqual(
      lab.records.slice(before).map(({ code, httpStatus }) => [code, httpStatus]),
      [
        [Code.Canceled, 0],
        [Code.Canceled, 0],
      ],
    );
    assert.equal(lab.aborted.filter((reason) => reason.includes("the caller went away")).length, 2);
  });

  it("streams both ways over HTTP/2 and says that HTTP/1.1 cannot", async () => {
    const path = "/lab.v1.LabService/Chat";
    const stream = open(session, { path, header: grpcHeader, body: "open" });
    const first = new Promise((resolve) => stream.once("data", resolve));
    const answering = answerOf(stream);
    stream.write(frame(hello));
    await first;
    stream.end(frame(hello));
    const answer = await answering;
    assert.equal(answer.trailer["grpc-status"], "0");
    assert.equal(answer.body.toString("latin1").match(/hello/g)?.length, 2);
    assert.equal((lab.records.at(-1)?.request as unknown as { text: string } | undefined)?.text, "hello");
    const response = await fetch(lab.url + path, {
      method: "POST",
      headers: { ...authorized, "content-type": "application/connect+proto" },
      body: frame(hello),
    });
    assert.deepEqual([response.status, response.headers.get("connection")], [505, "close"]);
    assert.match(((await response.json()) as { message: string }).message, /needs HTTP\/2/);
  });

  it("lets a client send no faster than the handler reads", async () => {
    const slow = toBinary(EchoRequestSchema, create(EchoRequestSchema, { act: "hang" }));
    const stream = open(session, { path: "/lab.v1.LabService/Chat", header: grpcHeader, body: "open" });
    const began = lab.began.length;
    stream.write(frame(slow));
    stream.write(Buffer.concat(Array<Buffer>(100_000).fill(frame(hello))));
    await until(() => lab.began.length > began, "the handler");
    // The service could read more in each of them.
    for (let trips = 0; trips < 50; trips++) await roundTrip(session);
    assert.ok(stream.writableLength > 500_000, `${stream.writableLength} bytes wait at the client`);
    const before = lab.records.length;
    stream.close(8);
    await lab.record(before + 1);
  });

  it("answers a client stream with one message", async () => {
    const answer = await grpc(Buffer.concat([frame(hello), frame(hello)]), {}, "/lab.v1.LabService/Gather");
    assert.match(answer.body.toString("latin1"), /hello\+hello/);
  });

  it("does not read the body of a call that is not admitted", async () => {
    const answer = await request(session, {
      path: say,
      header: { "content-type": "application/json" },
      body: "open",
    });
    assertJson(answer, 401, "unauthenticated", /needs a credential/);
  });

  it("answers UNIMPLEMENTED where a method has no handler", async () => {
    assertGrpc(await grpc(frame(hello), {}, "/lab.v1.LabService/Missing"), Code.Unimplemented, /Missing is not/);
  });
});
