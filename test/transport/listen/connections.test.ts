/** Idle connections give way to those with calls, on every wire and inside TLS. */

import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import * as http from "node:http";
import * as http2 from "node:http2";
import { Agent as SecureAgent, request as secureRequest } from "node:https";
import { connect, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, it, type TestContext } from "node:test";
import { connect as connectTls } from "node:tls";
import { roundTrip } from "../../support/round-trip.ts";
import { until } from "../../support/until.ts";
import { Authority, noOpenssl } from "../support/certificates.ts";
import { type Lab, withLab } from "../support/lab.ts";
import { jsonHeader, open, request } from "../support/raw.ts";

const MAX = 40;
/** Long enough that no slow connection is closed for being slow. */
const limits = { connectionsMax: MAX, headerTimeoutMs: 30_000, requestTimeoutMs: 30_000, idleTimeoutMs: 60_000 };
const say = "/lab.v1.LabService/Say";
const postHead = `POST ${say} HTTP/1.1\r\nHost: lab\r\nContent-Type: application/json\r\n`;
const preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";

/** What slow clients send before they stop, or go on byte by byte. */
const SLOW: readonly (readonly [name: string, said: string, drips: boolean])[] = [
  ["nothing", "", false],
  ["the beginning of a preface", "PRI", false],
  ["headers byte by byte", `${postHead}X-Slow: `, true],
  ["a request and then nothing", "GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n", false],
  [
    "a call that is open to all",
    "POST /grpc.health.v1.Health/Check HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}",
    false,
  ],
  ["a body without a credential", `${postHead}Content-Length: 100\r\n\r\n{`, true],
  ["a preface", preface, false],
];

async function hold(t: TestContext, lab: Lab, said: string, drips: boolean): Promise<Socket> {
  const socket = connect(lab.port, lab.host);
  socket.on("error", () => undefined);
  socket.resume();
  t.after(() => socket.destroy());
  await once(socket, "connect");
  socket.write(said);
  if (drips) {
    const drip = setInterval(() => socket.writable && socket.write("x"), 20);
    socket.once("close", () => clearInterval(drip));
  }
  return socket;
}

/** Makes one call on its own connection. */
function callOnce(lab: Lab): Promise<number | undefined> {
  return new Promise((resolve, reject) => {
    const sent = http.request(
      { host: lab.host, port: lab.port, method: "POST", path: say, agent: false, headers: jsonHeader },
      (answer) => {
        answer.resume();
        resolve(answer.statusCode);
      },
    );
    sent.on("error", reject);
    sent.end("{}");
  });
}

describe("when all connections are taken", { concurrency: true }, () => {
  for (const [name, said, drips] of SLOW) {
    it(`by clients that send ${name}, honest clients are served on new connections and on their own`, async (t) => {
      // An anonymous admission shows no credential.
      const anyone = (): never => undefined as never;
      await withLab({ limits, anyone }, async (lab) => {
        const session = http2.connect(lab.url);
        t.after(() => session.destroy());
        const ask = async (): Promise<number> =>
          (await request(session, { path: say, header: jsonHeader, body: Buffer.from("{}") })).status;
        assert.equal(await ask(), 200);
        for (let i = 0; i < 3 * MAX; i++) await hold(t, lab, said, drips);
        // Their bytes are handled before others connect.
        for (let trips = 0; trips < 10; trips++) await roundTrip(session);
        for (let i = 0; i < 10; i++) assert.equal(await callOnce(lab), 200);
        assert.equal(await ask(), 200, "the connection that was there before is there yet");
        assert.equal(session.destroyed, false);
      });
    });
  }

  it("by authenticated callers, the one whose last admitted call is longest ago gives way", async (t) => {
    await withLab({ limits: { ...limits, connectionsMax: 4 } }, async (lab) => {
      const thieves: http2.ClientHttp2Session[] = [];
      const call = async (session: http2.ClientHttp2Session, header: Record<string, string>): Promise<number> =>
        (await request(session, { path: say, header, body: Buffer.from("{}") })).status;
      // A thief with a revoked key is no longer admitted.
      const refused = { "content-type": "application/json" };
      const join = (): http2.ClientHttp2Session => {
        const session = http2.connect(lab.url);
        t.after(() => session.destroy());
        session.on("error", () => undefined);
        return session;
      };
      const owner = join();
      assert.equal(await call(owner, jsonHeader), 200);
      for (let i = 0; i < 3; i++) {
        const thief = join();
        thieves.push(thief);
        assert.equal(await call(thief, jsonHeader), 200);
      }
      assert.equal(await call(owner, jsonHeader), 200);
      // Anonymous and refused calls do not keep a connection.
      for (const thief of thieves) {
        assert.equal(await call(thief, refused), 401);
        assert.equal((await request(thief, { method: "GET", path: "/healthz" })).status, 200);
      }
      const [first, second, third] = thieves;
      const others: http2.ClientHttp2Session[] = [];
      for (let i = 0; i < 3; i++) {
        const other = join();
        others.push(other);
        assert.equal(await call(other, jsonHeader), 200);
      }
      await until(
        () => [first, second, third].every((thief) => thief?.destroyed),
        "the end of the thieves' connections",
      );
      assert.equal(await call(owner, jsonHeader), 200, "the owner's connection is there yet");
      assert.equal(owner.destroyed, false);
      // No one is turned away: a stranger gets a connection, which is the first to be closed.
      const stranger = await hold(t, lab, "", false);
      await until(() => others[0]?.destroyed === true, "the end of the connection that was silent longest");
      assert.equal(await call(join(), jsonHeader), 200);
      await until(() => stranger.destroyed || stranger.readableEnded, "the end of the stranger's connection");
      assert.deepEqual(
        [owner, others[1], others[2]].map((session) => session?.destroyed),
        [false, false, false],
      );
    });
  });

  it("by refused calls, their connections are not kept", async (t) => {
    await withLab({ limits: { ...limits, connectionsMax: 1 } }, async (lab) => {
      const stranger = http2.connect(lab.url);
      t.after(() => stranger.destroy());
      stranger.on("error", () => undefined);
      const answer = await request(stranger, {
        path: say,
        header: { "content-type": "application/json" },
        body: Buffer.from("{}"),
      });
      assert.equal(answer.status, 401);
      assert.equal(await callOnce(lab), 200);
      await until(() => stranger.destroyed, "the end of the stranger's connection");
    });
  });
});

describe("when all connections are taken, inside TLS", { skip: noOpenssl() ?? false }, () => {
  const folder = mkdtempSync(join(tmpdir(), "lockkeeper-places-"));
  after(() => rmSync(folder, { recursive: true }));

  it("unfinished handshakes and silence after them give way, authenticated callers do not", async (t) => {
    const authority = new Authority(folder);
    const { certPem: cert, keyPem: key } = authority.issue("one");
    const ca = authority.certPem;
    await withLab({ limits, tls: { cert, key } }, async (lab) => {
      const session = http2.connect(lab.url, { ca });
      t.after(() => session.destroy());
      const header = jsonHeader;
      const stream = open(session, { path: say, header, body: Buffer.from("{}") });
      stream.resume();
      await once(stream, "end");
      for (let i = 0; i < 2 * MAX; i++) {
        if (i % 2 === 0) {
          await hold(t, lab, "\x16\x03\x01", false);
          continue;
        }
        const silent = connectTls({ host: lab.host, port: lab.port, ca });
        silent.on("error", () => undefined);
        t.after(() => silent.destroy());
        await once(silent, "secureConnect");
      }
      const agent = new SecureAgent({ ca, keepAlive: false });
      const sent = secureRequest({ host: lab.host, port: lab.port, path: say, method: "POST", agent, headers: header });
      sent.end("{}");
      const [answer] = (await once(sent, "response")) as [http.IncomingMessage];
      assert.equal(answer.statusCode, 200);
      answer.resume();
      assert.equal(session.destroyed, false);
      const again = await request(session, { path: say, header, body: Buffer.from("{}") });
      assert.equal(again.status, 200);
    });
  });
});
