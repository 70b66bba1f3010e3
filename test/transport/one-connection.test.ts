/** One connection gets only its share: pipelined requests wait, and reset streams are counted against completed ones. */
import assert from "node:assert/strict";
import { once } from "node:events";
import * as http2 from "node:http2";
import { describe, it } from "node:test";
import { setImmediate } from "node:timers/promises";
import { until } from "../support/until.ts";
import { type Lab, withLab } from "./support/lab.ts";
import { answerOf, exchangeText, jsonHeader, open, openSession, openSocket, receive, request } from "./support/raw.ts";

const SAY = "/lab.v1.LabService/Say";
const PREFACE = Buffer.concat([
  Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
  Buffer.from([0, 0, 0, 4, 0, 0, 0, 0, 0]),
]);

function post(body: string, length = `Content-Length: ${body.length}`): string {
  const head = `POST ${SAY} HTTP/1.1\r\nHost: lab\r\nAuthorization: Bearer one\r\nContent-Type: application/json`;
  return `${head}\r\n${length}\r\n\r\n${body}`;
}

/** Returns HEADERS of a GET, and RST_STREAM right after. */
function brokenOff(stream: number): Buffer {
  const bytes = Buffer.from([
    0, 0, 6, 1, 5, 0, 0, 0, 0, 0x82, 0x86, 0x84, 1, 1, 97, 0, 0, 4, 3, 0, 0, 0, 0, 0, 0, 0, 0, 8,
  ]);
  bytes.writeUInt32BE(stream, 5);
  bytes.writeUInt32BE(stream, 20);
  return bytes;
}

describe("pipelined requests over HTTP/1.1", () => {
  it("begin when the one before them is answered", async () => {
    await withLab({}, async (lab) => {
      const socket = await openSocket(lab);
      const received = receive(socket, (text) => text.includes("second"));
      socket.write(post('{"act": "sleep", "delayMs": 100, "text": "first"}') + post('{"text": "second"}'));
      await until(() => lab.began.length > 0, "the first call");
      for (let turn = 0; turn < 5; turn++) await setImmediate();
      assert.deepEqual([lab.began.length, lab.transport.load.requests], [1, 1]);
      const text = await received;
      assert.ok(text.indexOf("first") < text.indexOf("second"), text);
      socket.destroy();
    });
  });

  it("are all answered, in their order, however many there are", async () => {
    await withLab({}, async (lab) => {
      const count = 5_000;
      const names = Array.from({ length: count }, (_, i) => `n${i}`);
      const sent = names.map((name) => `GET /plain/${name} HTTP/1.1\r\nHost: a\r\n\r\n`).join("");
      const text = await exchangeText(lab, sent, (received) => received.includes(`/plain/n${count - 1}`));
      assert.deepEqual(
        Array.from(text.matchAll(/^plain GET \/plain\/(n\d+)/gm), ([, name]) => name),
        names,
      );
    });
  });

  it("are dropped after an answer that is the last of the connection", async () => {
    await withLab({}, async (lab) => {
      const last = "GET /plain/a HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
      const text = await exchangeText(lab, `${last}${post('{"text": "never"}')}`);
      assert.equal(text.match(/^HTTP/gm)?.length, 1);
      assert.deepEqual(lab.began, []);
    });
  });

  it("may be cut anywhere: a body in chunks of one byte is the same body", async () => {
    await withLab({ limits: { bodyBytesMax: 200_000 } }, async (lab) => {
      const body = JSON.stringify({ text: "x".repeat(50_000) });
      const chunks = Array.from(body, (byte) => `1\r\n${byte}\r\n`).join("");
      const sent = `${post("", "Transfer-Encoding: chunked")}${chunks}0\r\n\r\n${post('{"text": "after"}')}`;
      const text = await exchangeText(lab, sent, (received) => received.includes("after"));
      assert.ok(text.includes("x".repeat(50_000)));
    });
  });
});

/** Returns HEADERS of `POST /`, then DATA of one byte each; the last one ends the stream. */
function tinyFrames(stream: number, count: number): Buffer {
  const head = Buffer.from([0, 0, 6, 1, 4, 0, 0, 0, stream, 0x83, 0x86, 0x84, 1, 1, 97]);
  const frame = Buffer.from([0, 0, 1, 0, 0, 0, 0, 0, stream, 32]);
  const end = Buffer.from(frame);
  end.writeUInt8(1, 4);
  return Buffer.concat([head, Buffer.alloc((count - 1) * frame.byteLength, frame), end]);
}

describe("DATA frames of one byte over HTTP/2", () => {
  it("are limited, and end the connection within the turn that has thousands", async () => {
    await withLab({}, async (lab) => {
      const socket = await openSocket(lab);
      const closed = receive(socket);
      socket.write(PREFACE);
      await once(socket, "readable");
      for (const stream of [1, 3, 5]) {
        socket.write(tinyFrames(stream, 500));
        await lab.record((stream + 1) / 2);
      }
      assert.equal(socket.destroyed, false);
      socket.write(tinyFrames(7, 100_000));
      const text = "the connection sends its bodies in too many small frames";
      await until(() => lab.records.some(({ error }) => error?.rawMessage === text), "the refusal");
      await closed;
    });
  });
});

describe("streams that are reset over HTTP/2", () => {
  const limits = { resets: { perSecond: 0.001, burst: 10 } };

  async function breakOff(lab: Lab, session: http2.ClientHttp2Session): Promise<void> {
    const began = lab.aborted.length;
    const stream = open(session, { path: SAY, header: jsonHeader, body: Buffer.from('{"act": "hang"}') });
    const count = lab.began.length;
    await until(() => lab.began.length > count, "the call");
    stream.close(http2.constants.NGHTTP2_CANCEL);
    await until(() => lab.aborted.length > began, "the end of the call");
  }

  it("end the connection when there are more than the rate allows", async () => {
    await withLab({ limits }, async (lab) => {
      const session = await openSession(lab);
      const goaway = once(session, "goaway");
      for (let i = 0; i < 10; i++) await breakOff(lab, session);
      assert.equal(session.destroyed, false);
      await breakOff(lab, session);
      assert.equal((await goaway)[0], http2.constants.NGHTTP2_ENHANCE_YOUR_CALM);
      const { error, httpStatus } = lab.records.at(-1) ?? assert.fail("no record");
      assert.deepEqual([error?.rawMessage, httpStatus], ["the connection resets too many of its streams", 0]);
    });
  });

  it("are balanced by calls that complete, so that patient clients on the connection are not cut off", async () => {
    await withLab({ limits }, async (lab) => {
      const session = await openSession(lab);
      const body = Buffer.from("{}");
      for (let i = 0; i < 40; i++) {
        await breakOff(lab, session);
        assert.equal((await request(session, { path: SAY, header: jsonHeader, body })).status, 200);
      }
      session.destroy();
    });
  });

  it("may be any number if there is no limit", async () => {
    await withLab({ limits: { resets: undefined } }, async (lab) => {
      const session = await openSession(lab);
      const body = Buffer.from("{}");
      for (let round = 0; round < 5; round++) {
        for (let i = 0; i < 50; i++) open(session, { path: SAY, header: jsonHeader, body: "open" }).destroy();
        assert.equal((await request(session, { path: SAY, header: jsonHeader, body })).status, 200);
      }
      session.destroy();
    });
  });

  it("end the connection within the turn that opens more than may be open, first bytes or not", async () => {
    for (const pause of [false, true]) {
      await withLab({ limits: { ...limits, resets: undefined, streamsMax: 20 } }, async (lab) => {
        const flood = Buffer.concat(Array.from({ length: 5_000 }, (_, i) => brokenOff(2 * i + 1)));
        const socket = await openSocket(lab);
        const closed = receive(socket);
        socket.write(PREFACE);
        if (pause) await once(socket, "readable");
        socket.write(flood);
        await closed;
        // The fault of the connection has a record of its own; streams that end with it may be recorded later.
        const faults = lab.records.filter(({ error }) =>
          /^\[invalid_argument\] the connection /.test(error?.message ?? ""),
        );
        assert.deepEqual(
          faults.map(({ httpStatus }) => httpStatus),
          [0],
        );
        const begun = lab.records.length - faults.length;
        assert.ok(begun <= 21, `${begun} of 5,000 were begun`);
      });
    }
  });

  it("leave calls that complete after them alone", async () => {
    await withLab({ limits }, async (lab) => {
      const session = await openSession(lab);
      for (let i = 0; i < 5; i++) {
        const answering = answerOf(open(session, { path: SAY, header: jsonHeader, body: Buffer.from("{}") }));
        await breakOff(lab, session);
        assert.equal((await answering).status, 200);
      }
      session.destroy();
    });
  });
});
