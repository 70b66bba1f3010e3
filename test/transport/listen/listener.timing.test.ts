/** One port speaks HTTP/1.1 and HTTP/2, and no client can block it: every limit ends in an answer or a closed connection. */

import assert from "node:assert/strict";
import { once } from "node:events";
import * as http2 from "node:http2";
import { after, afterEach, before, describe, it } from "node:test";
import { create, toBinary } from "@bufbuild/protobuf";
import { Code, ConnectError } from "@connectrpc/connect";
import type { HttpMount } from "../../../src/transport/mount.ts";
import { mountHttp } from "../../../src/transport/mount.ts";
import { until } from "../../support/until.ts";
import { type Lab, startLab, withLab } from "../support/lab.ts";
import { EchoRequestSchema } from "../support/lab-service.ts";
import {
  answerOf,
  authorized,
  exchangeText,
  frame,
  grpcHeader,
  jsonHeader,
  open,
  openSession,
  openSocket,
  receive,
  request,
} from "../support/raw.ts";

const limits = {
  headerBytesMax: 4_000,
  headerTimeoutMs: 150,
  requestTimeoutMs: 200,
  idleTimeoutMs: 300,
  lingerMs: 100,
  streamsMax: 10,
  connectionsMax: 20,
};
const say = "/lab.v1.LabService/Say";
const preface = Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
const emptySettings = Buffer.from([0, 0, 0, 4, 0, 0, 0, 0, 0]);
const postHead = `POST ${say} HTTP/1.1\r\nHost: lab\r\nAuthorization: Bearer one\r\nContent-Type: application/json\r\n`;
const hello = frame(toBinary(EchoRequestSchema, create(EchoRequestSchema, { text: "hello" })));

async function closed(stream: http2.ClientHttp2Stream): Promise<void> {
  await until(() => stream.closed, "the end of the stream");
}

describe("the listener", () => {
  let lab: Lab;
  before(async () => {
    lab = await startLab({ limits });
  });
  after(() => lab.stop());
  afterEach(async () => {
    const response = await fetch(`${lab.url}/healthz`, { headers: { connection: "close" } });
    assert.equal(response.status, 200, "it still serves");
    assert.deepEqual(lab.internals.splice(0), [], "nothing is logged as internal");
  });

  async function within(minMs: number, maxMs: number, pending: Promise<unknown>): Promise<void> {
    const started = performance.now();
    await pending;
    const elapsed = performance.now() - started;
    assert.ok(elapsed >= minMs && elapsed <= maxMs, `took ${Math.round(elapsed)} ms, not ${minMs} to ${maxMs}`);
  }

  async function trickle(bytes: Buffer): Promise<string> {
    const socket = await openSocket(lab);
    socket.setNoDelay();
    const received = receive(socket, (text) => text.length >= 9);
    for (const byte of bytes) {
      socket.write(Buffer.from([byte]));
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
    const text = await received;
    socket.destroy();
    return text;
  }

  it("accepts both versions at once, also when their first bytes come one by one", async () => {
    const settings = await trickle(Buffer.concat([preface, emptySettings]));
    assert.equal(settings.charCodeAt(3), 4, "HTTP/2 begins with SETTINGS");
    assert.match(await trickle(Buffer.from("GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n")), /^HTTP\/1\.1 200/);
    assert.match(await trickle(Buffer.from("PUT /healthz HTTP/1.1\r\nHost: a\r\n\r\n")), /^HTTP\/1\.1 405/);
    assert.match(await exchangeText(lab, "GET /healthz HTTP/1.0\r\n\r\n"), /^HTTP\/1\.1 200/);
  });

  it("serves several requests that come in one packet, in their order", async () => {
    const one = (name: string): string => `GET /plain/${name} HTTP/1.1\r\nHost: a\r\n\r\n`;
    const received = await exchangeText(lab, one("a") + one("b"), (text) => text.includes("/plain/b"));
    assert.ok(received.indexOf("plain GET /plain/a") < received.indexOf("plain GET /plain/b"));
  });

  it("closes connections that stay silent, at once or after a few bytes", async () => {
    // Half a preface, and a whole one without its settings.
    for (const start of ["", "P", "PRI", preface.subarray(0, 20), preface]) {
      const socket = await openSocket(lab);
      socket.write(start);
      await within(100, 600, receive(socket));
    }
  });

  it("closes connections that are closed from the other side before they say anything", async () => {
    const socket = await openSocket(lab);
    socket.end("PR");
    await within(0, 100, receive(socket));
  });

  it("closes slow headers with 408", async () => {
    const socket = await openSocket(lab);
    socket.write("GET /healthz HTTP/1.1\r\nHost: a\r\nX-Slow: ");
    const drip = setInterval(() => socket.write("x"), 20);
    const received = receive(socket);
    await within(100, 900, received);
    clearInterval(drip);
    assert.match(await received, /^HTTP\/1\.1 408/);
  });

  it("closes idle connections of both versions", async () => {
    const socket = await openSocket(lab);
    socket.write("GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n");
    await within(250, 2_500, receive(socket));
    const session = await openSession(lab);
    assert.equal((await request(session, { path: "/healthz", method: "GET" })).status, 200);
    const goaway = once(session, "goaway");
    await within(250, 900, once(session, "close"));
    assert.equal((await goaway)[0], http2.constants.NGHTTP2_NO_ERROR);
  });

  it("keeps a connection whose calls take longer than the idle limit", async () => {
    const session = await openSession(lab);
    const body = Buffer.from('{"act": "sleep", "delayMs": 500}');
    assert.equal((await request(session, { path: say, header: jsonHeader, body })).status, 200);
    assert.equal((await request(session, { path: say, header: jsonHeader, body: Buffer.from("{}") })).status, 200);
    session.destroy();
  });

  it("ends slow bodies with an answer of the protocol and closes their stream or connection", async () => {
    const slow = exchangeText(lab, `${postHead}Content-Length: 20\r\n\r\n{`);
    await within(150, 900, slow);
    assert.match(await slow, /^HTTP\/1\.1 504[\s\S]*"deadline_exceeded"/);
    assert.match(
      await exchangeText(lab, `${postHead.replace(say, "/v1/say")}Content-Length: 20\r\n\r\n{`),
      /^HTTP\/1\.1 408/,
    );
    const session = await openSession(lab);
    const stream = open(session, { path: say, header: grpcHeader, body: "open" });
    stream.write(hello.subarray(0, 7));
    const answering = answerOf(stream);
    await within(150, 900, answering);
    assert.equal((await answering).trailer["grpc-status"], "4");
    await within(0, 500, closed(stream));
    const chat = open(session, { path: "/lab.v1.LabService/Chat", header: grpcHeader, body: "open" });
    chat.write(hello);
    const chatted = answerOf(chat);
    await within(250, 1_000, chatted);
    assert.equal((await chatted).trailer["grpc-status"], "4");
    session.destroy();
  });

  it("ends the wait of plain mounts for a body that does not come", async () => {
    const handler: HttpMount<string>["handler"] = async (call) => {
      const error = await call.readBody().then(() => assert.fail("there was a body"), ConnectError.from);
      call.addToRecord({ operation: "wait", userId: "one", admission: "two", error });
      return { status: 408, header: {}, body: Buffer.from(error.rawMessage) };
    };
    await withLab({ limits, httpMounts: [mountHttp("/wait", handler)] }, async (waiting) => {
      const session = await openSession(waiting);
      const answering = answerOf(open(session, { path: "/wait", body: "open" }));
      await within(150, 1_500, answering);
      assert.equal((await answering).status, 408);
      const { wire, operation, userId, admission, code } = await waiting.record();
      assert.deepEqual(
        [wire, operation, userId, admission, code],
        ["http", "wait", "one", "two", Code.DeadlineExceeded],
      );
      session.destroy();
    });
  });

  it("breaks off answers that the client does not read", async () => {
    const session = http2.connect(lab.url, { settings: { initialWindowSize: 0 } });
    session.on("error", () => undefined);
    const stream = open(session, { path: "/v1/count/5?filling=1000", header: authorized, method: "GET" });
    await within(150, 1_500, closed(stream));
    session.destroy();
    const socket = await openSocket(lab);
    socket.pause();
    const count = lab.records.length;
    socket.write("GET /v1/count/100000?filling=1000 HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer one\r\n\r\n");
    await lab.record(count + 1);
    socket.destroy();
  });

  it("refuses header lists that are too large", async () => {
    const long = "x".repeat(8_000);
    assert.match(
      await exchangeText(lab, `GET /healthz HTTP/1.1\r\nHost: a\r\nX-Long: ${long}\r\n\r\n`),
      /^HTTP\/1\.1 431/,
    );
    const session = await openSession(lab);
    const answer = await request(session, { path: "/healthz", method: "GET", header: { "x-long": long } }).catch(
      () => undefined,
    );
    assert.notEqual(answer?.status, 200);
    session.destroy();
  });

  it("refuses requests that name no valid host", async () => {
    assert.match(await exchangeText(lab, "GET /healthz HTTP/1.1\r\nConnection: close\r\n\r\n"), /^HTTP\/1\.1 400/);
    for (const host of ["a b", "<x>", "a/b", "[::", ""]) {
      const text = `POST ${say} HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`;
      assert.match(await exchangeText(lab, text), host === "[::" ? /^HTTP\/1\.1 4/ : /^HTTP\/1\.1 400/, host);
    }
    const session = await openSession(lab);
    const answer = await request(session, { path: "/healthz", method: "GET", header: { ":authority": "a b" } });
    assert.ok([0, 400].includes(answer.status));
    session.destroy();
  });

  it("answers bytes that are not HTTP with 400 or a closed connection", async () => {
    const tlsHello = Buffer.from([22, 3, 1, 0, 200, 1, 0, 0, 196, 3, 3, ...Array(100).fill(7)]);
    for (const bytes of [
      tlsHello,
      Buffer.from("\0\0\0\0\0"),
      Buffer.from("HELO lab\r\n\r\n"),
      Buffer.from("PRI x\r\n\r\n"),
    ]) {
      assert.doesNotMatch(await exchangeText(lab, bytes), /^HTTP\/1\.1 2/);
    }
    for (const bytes of [
      Buffer.alloc(100, 0xff),
      Buffer.from([0, 0, 1, 0, 0, 0, 0, 0, 1, 9]),
      Buffer.from([0xff, 0xff, 0xff, 0, 0, 0, 0, 0, 1]),
    ]) {
      await exchangeText(lab, Buffer.concat([preface, emptySettings, bytes]));
    }
  });

  it("enforces its limit of concurrent streams", async () => {
    const session = await openSession(lab);
    assert.equal(session.remoteSettings.maxConcurrentStreams, limits.streamsMax);
    const body = Buffer.from('{"act": "sleep", "delayMs": 50}');
    const answers = await Promise.all(
      Array.from({ length: 25 }, () => request(session, { path: say, header: jsonHeader, body })),
    );
    assert.deepEqual(new Set(answers.map(({ status }) => status)), new Set([200]));
    session.destroy();
  });

  it("lets a client read its refusal while it still sends its body", async () => {
    const socket = await openSocket(lab);
    const received = receive(socket);
    socket.write(`${postHead}Content-Length: 100000000\r\n\r\n`);
    const pump = setInterval(() => socket.write(Buffer.alloc(10_000, 32)), 2);
    await within(50, 600, received);
    clearInterval(pump);
    assert.match(await received, /^HTTP\/1\.1 429[\s\S]*resource_exhausted/);
  });
});
