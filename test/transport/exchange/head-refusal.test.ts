/** Requests that Node would answer by itself or accept: refused in our form on both HTTP versions, recorded, and no stream left open. */
import assert from "node:assert/strict";
import { once } from "node:events";
import * as http2 from "node:http2";
import { after, before, beforeEach, describe, it } from "node:test";
import { Code } from "@connectrpc/connect";
import { until } from "../../support/until.ts";
import { type Lab, startLab } from "../support/lab.ts";
import {
  answerOf,
  authorized,
  exchangeText,
  grpcHeader,
  jsonHeader,
  open,
  openSession,
  openSocket,
  receive,
} from "../support/raw.ts";

const SAY = "/lab.v1.LabService/Say";
const JSON_HEAD = "Content-Type: application/json\r\nAuthorization: Bearer one";

/** Asserts the status and the document of `google.rpc.Status`, or Connect's. */
function read(answer: string): { status: number; code: unknown; message: unknown } {
  const [head = "", body = ""] = answer.split("\r\n\r\n");
  assert.match(head, /^connection: close$/im, answer);
  const { code, message } = JSON.parse(body.replace(/^[0-9a-f]+\r\n/, "")) as Record<string, unknown>;
  return { status: Number(head.split(" ")[1]), code, message };
}

describe("a request refused by its head", () => {
  let lab: Lab;
  let session: http2.ClientHttp2Session;
  const limits = { headerBytesMax: 4_000, headerTimeoutMs: 2_000, lingerMs: 20 };
  before(async () => {
    lab = await startLab({ limits });
    session = await openSession(lab);
  });
  after(async () => {
    session.destroy();
    await lab.stop();
  });
  beforeEach(() => {
    lab.records.length = 0;
  });

  async function recorded(code: Code, httpStatus: number): Promise<void> {
    const record = await lab.record();
    assert.deepEqual([record.code, record.httpStatus, record.remoteAddress], [code, httpStatus, "127.0.0.1"]);
    assert.equal(lab.records.length, 1);
    assert.deepEqual(lab.began, []);
  }

  /** Asserts a refusal over HTTP/1.1, in the form of REST; the connection closes. */
  const HTTP1: readonly (readonly [name: string, sent: string, status: number, code: Code, says: RegExp])[] = [
    [
      "an expectation that is unknown",
      `POST /v1/say HTTP/1.1\r\nHost: a\r\nExpect: magic\r\n${JSON_HEAD}\r\nContent-Length: 9\r\n\r\n`,
      417,
      Code.InvalidArgument,
      /allowed is 100-continue$/,
    ],
    [
      "two hosts",
      "GET /healthz HTTP/1.1\r\nHost: a\r\nHost: b\r\nConnection: close\r\n\r\n",
      400,
      Code.InvalidArgument,
      /header host is sent more than once/,
    ],
    [
      "two credentials",
      "GET /v1/say HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer one\r\nAuthorization: Bearer two\r\nConnection: close\r\n\r\n",
      400,
      Code.InvalidArgument,
      /header authorization is sent more than once/,
    ],
    ["no host", "GET /healthz HTTP/1.1\r\nConnection: close\r\n\r\n", 400, Code.InvalidArgument, /valid host/],
    [
      "a transfer coding next to chunked",
      `POST /v1/say HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\nConnection: close\r\n${JSON_HEAD}\r\n\r\n2\r\n{}\r\n0\r\n\r\n`,
      501,
      Code.Unimplemented,
      /allowed is chunked$/,
    ],
    ["a tunnel", "CONNECT a:80 HTTP/1.1\r\nHost: a:80\r\n\r\n", 501, Code.Unimplemented, /tunnels/],
    [
      "headers that are too large",
      `GET /healthz HTTP/1.1\r\nHost: a\r\nX-Long: ${"x".repeat(5_000)}\r\n\r\n`,
      431,
      Code.ResourceExhausted,
      /larger than 4000 bytes/,
    ],
    ["bytes that are not HTTP", "HELO lab\r\n\r\n", 400, Code.InvalidArgument, /not valid HTTP\/1\.1/],
    [
      "two lengths",
      `POST /v1/say HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{}`,
      400,
      Code.InvalidArgument,
      /not valid HTTP\/1\.1/,
    ],
    [
      "a length and chunks",
      `POST /v1/say HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
      400,
      Code.InvalidArgument,
      /not valid HTTP\/1\.1/,
    ],
  ];
  for (const [name, sent, status, code, says] of HTTP1) {
    it(`over HTTP/1.1: ${name}`, async () => {
      const answer = read(await exchangeText(lab, sent));
      assert.deepEqual([answer.status, answer.code], [status, code]);
      assert.match(String(answer.message), says);
      await recorded(code, status);
    });
  }

  for (const ahead of [1, 3]) {
    it(`over HTTP/1.1: a tunnel after ${ahead} unanswered requests`, async () => {
      const get = "GET /v1/say?text=x HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer one\r\n\r\n";
      const answers = await exchangeText(lab, `${get.repeat(ahead)}CONNECT a:80 HTTP/1.1\r\nHost: a:80\r\n\r\n`);
      const statuses = [...answers.matchAll(/HTTP\/1\.1 (\d+) /g)].map(([, status]) => Number(status));
      assert.deepEqual([statuses.length, statuses.at(-1)], [ahead + 1, 501], answers);
    });
  }

  it("over HTTP/1.1: the broken body of a request that has had its answer gets no second one", async () => {
    const socket = await openSocket(lab);
    const head =
      "POST /v1/say HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n";
    socket.write(`${head}2\r\n{}\r\n`);
    const received = receive(socket);
    await once(socket, "data");
    socket.write("zz\r\n");
    assert.deepEqual(
      [...(await received).matchAll(/HTTP\/1\.1 (\d+) /g)].map(([, status]) => status),
      ["401"],
    );
  });

  /** Asserts a refusal over HTTP/2 with a body that never ends: the stream does not stay open. */
  const HTTP2: readonly (readonly [name: string, header: http2.OutgoingHttpHeaders, status: number, code: Code])[] = [
    ["an expectation that is unknown", { expect: "magic" }, 417, Code.InvalidArgument],
    ["another host than the authority", { ":authority": "lab", host: "elsewhere" }, 400, Code.InvalidArgument],
    ["headers that are larger than announced", { "x-long": "x".repeat(5_000) }, 431, Code.ResourceExhausted],
    [
      "many small headers",
      Object.fromEntries(Array.from({ length: 190 }, (_, i) => [`x${i}`, ""])),
      431,
      Code.ResourceExhausted,
    ],
  ];
  for (const [name, header, status, code] of HTTP2) {
    it(`over HTTP/2: ${name}`, async () => {
      // At once: Node's own client keeps to the size that the server announces.
      const eager = http2.connect(lab.url);
      const stream = open(eager, { path: "/v1/say", header: { ...jsonHeader, ...header } as never, body: "open" });
      const answer = await answerOf(stream);
      assert.deepEqual([answer.status, JSON.parse(answer.body.toString()).code], [status, code]);
      await recorded(code, status);
      await until(() => stream.closed, "the end of the stream");
      assert.equal(lab.transport.load.requests, 0);
      eager.destroy();
    });
  }

  it("over HTTP/2: a tunnel", async () => {
    const stream = session.request({ ":method": "CONNECT", ":authority": "a:80" });
    stream.on("error", () => undefined);
    assert.equal((await answerOf(stream)).status, 501);
    await recorded(Code.Unimplemented, 501);
    await until(() => stream.closed, "the end of the stream");
  });

  it("in the form of gRPC and of Connect", async () => {
    const ofGrpc = open(session, { path: SAY, header: { ...grpcHeader, expect: "magic" }, body: "open" });
    const { status, trailer } = await answerOf(ofGrpc);
    assert.deepEqual([status, trailer["grpc-status"]], [200, "3"]);
    await until(() => ofGrpc.closed, "the end of the stream");
    const ofConnect = open(session, { path: SAY, header: { ...jsonHeader, expect: "magic" }, body: "open" });
    const answer = await answerOf(ofConnect);
    assert.deepEqual([answer.status, JSON.parse(answer.body.toString()).code], [417, "invalid_argument"]);
    assert.deepEqual(
      lab.records.map(({ wire, code }) => [wire, code]),
      [
        ["grpc", 3],
        ["connect", 3],
      ],
    );
  });

  it("except a known expectation, in any case; if refused early, its connection closes", async () => {
    const head = `POST ${SAY} HTTP/1.1\r\nHost: a\r\nExpect: 100-Continue\r\nContent-Length: 2\r\nContent-Type: application/json`;
    const socket = await openSocket(lab);
    const received = receive(socket, (text) => text.includes('"wire"'));
    socket.write(`${head}\r\nAuthorization: Bearer one\r\n\r\n`);
    await once(socket, "readable");
    socket.write("{}");
    assert.match(await received, /^HTTP\/1\.1 100 Continue\r\n\r\nHTTP\/1\.1 200 OK/);
    socket.destroy();
    // What follows is not read as the body.
    const refused = await exchangeText(lab, `${head}\r\n\r\nGET /healthz HTTP/1.1\r\nHost: a\r\n\r\n`);
    assert.match(refused, /^HTTP\/1\.1 401 [\s\S]*\r\nconnection: close\r\n/i);
    const stream = session.request({ ":method": "POST", ":path": SAY, ...jsonHeader, expect: "100-Continue" });
    stream.on("continue", () => stream.end("{}"));
    assert.equal((await answerOf(stream)).status, 200);
    lab.began.length = 0;
  });

  it("or by a malformed body: its request gets the error, and earlier ones are answered", async () => {
    const head = `POST /v1/say HTTP/1.1\r\nHost: a\r\n${JSON_HEAD}\r\nTransfer-Encoding: chunked\r\n\r\n`;
    const chunk = read(await exchangeText(lab, `${head}2\r\n{}\r\nnonsense\r\n`));
    assert.deepEqual([chunk.status, chunk.code], [400, Code.InvalidArgument]);
    await recorded(Code.InvalidArgument, 400);
    lab.records.length = 0;
    const sleep = '{"act": "sleep", "delayMs": 50, "text": "served"}';
    const first = `POST /v1/say HTTP/1.1\r\nHost: a\r\n${JSON_HEAD}\r\nContent-Length: ${sleep.length}\r\n\r\n${sleep}`;
    const both = await exchangeText(lab, `${first}HELO lab\r\n\r\n`);
    assert.match(both, /^HTTP\/1\.1 200 OK[\s\S]*served[\s\S]*HTTP\/1\.1 400 Bad Request[\s\S]*not valid HTTP/);
    assert.deepEqual(
      lab.records.map(({ code }) => code),
      ["ok", Code.InvalidArgument],
    );
    lab.began.length = 0;
  });

  it("all of many headers are read: none is dropped", async () => {
    const many = Array.from({ length: 600 }, () => "a:\r\n").join("");
    const text = await exchangeText(
      lab,
      `GET /v1/count/1 HTTP/1.1\r\nHost: a\r\n${many}Connection: close\r\nAuthorization: ${authorized.authorization}\r\n\r\n`,
    );
    assert.match(text, /^HTTP\/1\.1 200/);
    lab.began.length = 0;
  });

  it("frames that break the rules end the connection and are recorded", async () => {
    const preface = Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0", "latin1");
    await exchangeText(lab, Buffer.concat([preface, Buffer.from([0, 0, 1, 0, 0, 0, 0, 0, 1, 9])]));
    await recorded(Code.InvalidArgument, 0);
  });
});
