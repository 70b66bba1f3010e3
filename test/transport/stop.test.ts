/** Stopping: nothing new is accepted, open calls may finish, and neither idle nor endless ones delay it. */

import assert from "node:assert/strict";
import { once } from "node:events";
import { describe, it } from "node:test";
import { create, toBinary } from "@bufbuild/protobuf";
import { Code } from "@connectrpc/connect";
import { HealthCheckRequestSchema } from "../../gen/grpc/health/v1/health_pb.ts";
import { roundTrip } from "../support/round-trip.ts";
import { until } from "../support/until.ts";
import { type Lab, startLab } from "./support/lab.ts";
import {
  answerOf,
  authorized,
  frame,
  grpcHeader,
  jsonHeader,
  open,
  openSession,
  openSocket,
  receive,
} from "./support/raw.ts";

const say = "/lab.v1.LabService/Say";
const sleep = '{"act": "sleep", "delayMs": 200}';
const h1 = (body: string): string =>
  `POST ${say} HTTP/1.1\r\nHost: lab\r\nAuthorization: Bearer one\r\nContent-Type: application/json\r\n` +
  `Content-Length: ${body.length}\r\n\r\n${body}`;

/** Longer than a test may take, so a test that waits for its end fails. */
const NEVER_MS = 3_600_000;

describe("stop", () => {
  it("lets calls of both versions finish, says that the connections close, and accepts nothing new", async () => {
    const lab = await startLab();
    const socket = await openSocket(lab);
    const received = receive(socket);
    socket.write(h1(sleep));
    const session = await openSession(lab);
    const goaway = once(session, "goaway");
    const answering = answerOf(open(session, { path: say, header: jsonHeader, body: Buffer.from(sleep) }));
    await until(() => lab.began.length === 2, "both calls");
    const stopping = lab.transport.stop({ graceMs: NEVER_MS });
    assert.equal(lab.health.isServing(""), false);
    await goaway;
    await assert.rejects(fetch(`${lab.url}/healthz`));
    assert.match(await received, /^HTTP\/1\.1 200[\s\S]*connection: close/i);
    assert.equal((await answering).status, 200);
    await stopping;
    assert.deepEqual(
      lab.records.map(({ code }) => code),
      ["ok", "ok"],
    );
  });

  it("serves for the drain time, says that it is not ready, and closes each connection after its answer", async () => {
    const lab = await startLab();
    const kept = await openSocket(lab);
    kept.write("GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n");
    await receive(kept, (text) => text.includes("ok\n"));
    const session = await openSession(lab);
    const stopping = lab.transport.stop({ drainMs: 1_500, graceMs: 2_000 });
    assert.equal((await fetch(`${lab.url}/readyz`)).status, 503);
    const received = receive(kept);
    kept.write(h1("{}"));
    assert.match(await received, /^HTTP\/1\.1 200[\s\S]*\r\nconnection: close\r\n/i);
    assert.equal(
      (await answerOf(open(session, { path: say, header: jsonHeader, body: Buffer.from("{}") }))).status,
      200,
    );
    await stopping;
    await assert.rejects(fetch(`${lab.url}/healthz`));
  });

  it("is not delayed by idle connections, nor by those that have sent nothing yet", async () => {
    const lab = await startLab();
    await fetch(`${lab.url}/healthz`);
    const silent = await openSocket(lab);
    const begun = await openSocket(lab);
    begun.write("PR");
    const kept = await openSocket(lab);
    kept.write("GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n");
    await receive(kept, (text) => text.includes("ok\n"));
    const session = await openSession(lab);
    const closed = Promise.all([receive(silent), receive(begun), receive(kept), once(session, "close")]);
    await lab.transport.stop({ graceMs: NEVER_MS });
    await closed;
  });

  it("closes a connection after the answer that was on its way", async () => {
    const lab = await startLab();
    const socket = await openSocket(lab);
    socket.write("GET /v1/count/5000?filling=1000 HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer one\r\n\r\n");
    await once(socket, "readable");
    const stopping = lab.transport.stop({ graceMs: NEVER_MS });
    const received = await receive(socket);
    assert.match(received.slice(-50), /\r\n0\r\nx-lab-end: done\r\n\r\n$/, "the answer is complete");
    assert.match(received, /"number":5000,/);
    await stopping;
  });

  it("ends health watches and reflection streams at once", async () => {
    const lab = await startLab();
    const session = await openSession(lab);
    const all = toBinary(HealthCheckRequestSchema, create(HealthCheckRequestSchema));
    const watch = open(session, { path: "/grpc.health.v1.Health/Watch", header: grpcHeader, body: frame(all) });
    const path = "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo";
    const reflection = open(session, { path, header: grpcHeader, body: "open" });
    reflection.write(frame(Buffer.from([0x3a, 0])));
    const answers = Promise.all([answerOf(watch), answerOf(reflection)]);
    await until(() => watch.readableLength > 0 || lab.records.length > 0 || watch.rstCode === 0, "the streams");
    await roundTrip(session);
    await lab.transport.stop({ graceMs: NEVER_MS });
    const [watched, reflected] = await answers;
    assert.equal(watched.trailer["grpc-status"], "0");
    assert.deepEqual([...watched.body.subarray(-2)], [8, 2], "NOT_SERVING is the last status");
    assert.equal(reflected.trailer["grpc-status"], "0");
  });

  it("aborts open calls when the time is over, and answers them UNAVAILABLE", async () => {
    const lab = await startLab();
    const socket = await openSocket(lab);
    const received = receive(socket);
    socket.write(h1('{"act": "hang"}'));
    const session = await openSession(lab);
    const body = Buffer.from('{"act": "hang"}');
    const answering = answerOf(open(session, { path: "/v1/say", header: jsonHeader, body }));
    const counting = answerOf(open(session, { path: "/v1/count/1?hang=true", header: authorized, method: "GET" }));
    await until(() => lab.began.length >= 3, "the calls");
    await lab.transport.stop({ graceMs: 100 });
    assert.match(await received, /^HTTP\/1\.1 503[\s\S]*the service is stopping/);
    assert.equal((await answering).status, 503);
    assert.equal((await counting).status, 200);
    assert.equal(lab.aborted.length, 3);
    assert.deepEqual(
      lab.records.map(({ code }) => code).filter((code) => code !== "ok"),
      [Code.Unavailable, Code.Unavailable],
    );
  });

  it("destroys the connections of handlers that do not listen", async () => {
    const lab = await startLab();
    const socket = await openSocket(lab);
    const received = receive(socket);
    socket.write(h1('{"act": "sleep", "delayMs": 10000}'));
    await until(() => lab.began.length === 1, "the call");
    await lab.transport.stop({ graceMs: 50 });
    assert.equal(await received, "");
    const record = await lab.record();
    assert.deepEqual([record.code, record.httpStatus], [Code.Canceled, 0]);
  });

  it("may be asked for twice", async () => {
    const lab: Lab = await startLab();
    await Promise.all([lab.transport.stop({ graceMs: 10 }), lab.transport.stop({ graceMs: 10 })]);
    await lab.transport.stop({ graceMs: 10 });
  });
});
