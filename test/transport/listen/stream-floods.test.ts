/** Floods of streams and frames on many HTTP/2 connections: the flood loses its connections, others are served. */

import assert from "node:assert/strict";
import { type ClientHttp2Session, constants, type Settings } from "node:http2";
import type { Socket } from "node:net";
import { describe, it, type TestContext } from "node:test";
import { until } from "../../support/until.ts";
import { frameOf } from "../../support/worst-connections.ts";
import { type Lab, withLab } from "../support/lab.ts";
import { grpcHeader, jsonHeader, open, openSession, openSocket, receive, request } from "../support/raw.ts";

const say = "/lab.v1.LabService/Say";
const preface = Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
const HEADERS = 1;
const GO_AWAY = 7;
/** A stream that reaches a connection after its GOAWAY is refused unprocessed: clients repeat it elsewhere. */
const UNPROCESSED_OR_CANCELLED: readonly (number | undefined)[] = [
  constants.NGHTTP2_REFUSED_STREAM,
  constants.NGHTTP2_CANCEL,
];
const END_HEADERS = 4;

const settings = frameOf(4, 0, 0, Buffer.alloc(0));

/** Encodes headers as HPACK literals; none is longer than 126 bytes. */
function hpack(header: Readonly<Record<string, string>>): Buffer {
  const text = (value: string): Buffer => Buffer.concat([Buffer.from([value.length]), Buffer.from(value)]);
  return Buffer.concat(
    Object.entries(header).map(([name, value]) => Buffer.concat([Buffer.alloc(1), text(name), text(value)])),
  );
}

/** Returns the frames that open streams without ending them. */
function openStreams(count: number, path: string): Buffer {
  const header = hpack({ ":method": "POST", ":scheme": "http", ":path": path, ":authority": "a" });
  return Buffer.concat(Array.from({ length: count }, (_, i) => frameOf(HEADERS, END_HEADERS, 2 * i + 1, header)));
}

async function join(t: TestContext, lab: Lab): Promise<{ readonly socket: Socket; readonly ended: Promise<string> }> {
  const socket = await openSocket(lab);
  t.after(() => socket.destroy());
  const ended = receive(socket);
  socket.write(Buffer.concat([preface, settings]));
  return { socket, ended };
}

async function session(t: TestContext, lab: Lab, settings?: Settings): Promise<ClientHttp2Session> {
  const opened = await openSession(lab, settings);
  t.after(() => opened.destroy());
  return opened;
}

describe("floods of streams", { concurrency: true }, () => {
  it("by strangers cost them their connections, and a single call of another stranger is served", async (t) => {
    await withLab({ limits: { strangerStreamsMax: 20, lingerMs: 60_000 } }, async (lab) => {
      const caller = await session(t, lab);
      assert.equal((await request(caller, { path: say, header: jsonHeader, body: Buffer.from("{}") })).status, 200);
      const flood = await Promise.all(Array.from({ length: 5 }, () => join(t, lab)));
      for (const { socket } of flood) socket.write(openStreams(10, say));
      const reached = await Promise.race(flood.map(({ ended }) => ended.then(() => true)));
      assert.equal(reached, true);
      const faults = (): string[] =>
        lab.records.map(({ error }) => error?.rawMessage ?? "").filter((text) => text.includes("too many streams"));
      await until(() => faults().length === 3, "a record for each connection that is closed");
      assert.equal((await request(caller, { path: say, header: jsonHeader, body: Buffer.from("{}") })).status, 200);
      const stranger = await session(t, lab);
      assert.equal((await request(stranger, { method: "GET", path: "/healthz" })).status, 200);
    });
  });

  it("of calls that are broken off while they are answered cost a connection its place, and no later call", async (t) => {
    await withLab({}, async (lab) => {
      const body = Buffer.from(JSON.stringify({ text: "x".repeat(200_000) }));
      const connect = () => session(t, lab, { initialWindowSize: 1_000 });
      let caller = await connect();
      let connections = 1;
      // Node would refuse all new streams of a connection on which 10 MB were broken off.
      for (let call = 0; call < 120; call++) {
        if (caller.closed || caller.destroyed) {
          caller = await connect();
          connections++;
        }
        const large = open(caller, { path: say, header: jsonHeader, body });
        const ended = new Promise((resolve) => large.once("close", resolve));
        large.once("data", () => large.close(constants.NGHTTP2_CANCEL));
        await ended;
        assert.ok(UNPROCESSED_OR_CANCELLED.includes(large.rstCode), `call ${call}: ${large.rstCode}`);
      }
      assert.ok(connections > 2 && connections < 20, `${connections} connections`);
    });
  });

  it("by callers are refused, one call of each connection is served", async (t) => {
    await withLab({ limits: { openStreamsMax: 4 } }, async (lab) => {
      const body = Buffer.from("{}");
      const [greedy, modest] = [await session(t, lab), await session(t, lab)];
      for (const caller of [greedy, modest]) {
        assert.equal((await request(caller, { path: say, header: jsonHeader, body })).status, 200);
      }
      const held = Array.from({ length: 4 }, () => open(greedy, { path: say, header: grpcHeader, body: "open" }));
      const refused = await request(greedy, { path: say, header: jsonHeader, body });
      assert.deepEqual([refused.status, refused.rstCode], [0, 7], "REFUSED_STREAM");
      assert.equal((await request(modest, { path: say, header: jsonHeader, body })).status, 200);
      for (const stream of held) stream.close();
      await until(() => held.every(({ closed }) => closed), "the end of the streams");
      assert.equal((await request(greedy, { path: say, header: jsonHeader, body })).status, 200);
    });
  });

  it("in one turn are served over several, and none is lost", async (t) => {
    await withLab({}, async (lab) => {
      const callers = await Promise.all(Array.from({ length: 12 }, () => session(t, lab)));
      const calls = callers.flatMap((caller) =>
        Array.from({ length: 60 }, () => request(caller, { path: say, header: jsonHeader, body: Buffer.from("{}") })),
      );
      for (const { status } of await Promise.all(calls)) assert.equal(status, 200);
    });
  });

  it("of GOAWAY frames cost the connection", async (t) => {
    await withLab({}, async (lab) => {
      const { socket, ended } = await join(t, lab);
      socket.write(openStreams(1, say));
      socket.write(Buffer.concat(Array.from({ length: 50 }, () => frameOf(GO_AWAY, 0, 0, Buffer.alloc(8)))));
      await ended;
      await until(
        () => lab.records.some(({ error }) => error?.rawMessage === "the connection sends too many GOAWAY frames"),
        "a record of the fault",
      );
    });
  });
});
