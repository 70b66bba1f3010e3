/** Clients that vanish without a word lose their HTTP/2 connection and their calls; those that are there keep both. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import * as http2 from "node:http2";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, it, type TestContext } from "node:test";
import { create, toBinary } from "@bufbuild/protobuf";
import { Code } from "@connectrpc/connect";
import { HealthCheckRequestSchema } from "../../../gen/grpc/health/v1/health_pb.ts";
import { KeepAlive } from "../../../src/transport/listen/keep-alive.ts";
import { until } from "../../support/until.ts";
import { Authority, noOpenssl } from "../support/certificates.ts";
import { type Lab, withLab } from "../support/lab.ts";
import { authorized, frame, grpcHeader, open } from "../support/raw.ts";

/** Every limit but those of the PING is too long to end anything here. */
const calm = { headerTimeoutMs: 600_000, requestTimeoutMs: 600_000, idleTimeoutMs: 600_000 };
const NEVER_MS = 600_000;
const all = frame(toBinary(HealthCheckRequestSchema, create(HealthCheckRequestSchema)));

interface Relay {
  readonly url: string;
  readonly port: number;
  /** Forwards no more, both ways, and closes nothing, as a cable that is cut. */
  cut(): void;
  /** Forwards to the client only so many bytes in 10 ms. */
  slow(bytes: number): void;
}

async function startRelay(t: TestContext, lab: Lab): Promise<Relay> {
  const ends: Socket[] = [];
  const server = createServer((client) => {
    const served = connect(lab.port, lab.host);
    client.pipe(served).pipe(client);
    for (const end of [client, served]) end.on("error", () => undefined);
    ends.push(client, served);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => {
    server.close();
    for (const end of ends) end.destroy();
  });
  const cut = (): void => {
    for (const end of ends) end.unpipe().pause();
  };
  const slow = (bytes: number): void => {
    const [client, served] = ends as [Socket, Socket];
    served.unpipe();
    served.on("readable", () => undefined);
    const timer = setInterval(() => {
      const some: unknown = served.read(Math.min(bytes, served.readableLength));
      if (some instanceof Buffer) client.write(some);
    }, 10);
    t.after(() => clearInterval(timer));
  };
  const { port } = server.address() as AddressInfo;
  return { url: `http://127.0.0.1:${port}`, port, cut, slow };
}

/** Opens a stream that says something once and then nothing more. */
async function watch(session: http2.ClientHttp2Session): Promise<http2.ClientHttp2Stream> {
  session.on("error", () => undefined);
  const stream = open(session, { path: "/grpc.health.v1.Health/Watch", header: grpcHeader, body: all });
  await once(stream, "data");
  return stream;
}

function joinAt(t: TestContext, url: string, options: http2.SecureClientSessionOptions = {}): http2.ClientHttp2Session {
  const session = http2.connect(url, options);
  t.after(() => session.destroy());
  return session;
}

describe("an HTTP/2 connection from which nothing comes", () => {
  const folder = mkdtempSync(join(tmpdir(), "keep-alive-"));
  after(() => rmSync(folder, { recursive: true }));

  for (const scheme of ["http", "https"] as const) {
    const skip = scheme === "https" && noOpenssl();
    it(`ends with its calls when its client has vanished, over ${scheme}`, { skip }, async (t) => {
      const issued = scheme === "https" ? new Authority(folder).issue("localhost") : undefined;
      const tls = issued && { cert: issued.certPem, key: issued.keyPem };
      const limits = { ...calm, pingAfterMs: 100, pingTimeoutMs: 100 };
      await withLab({ limits, ...(tls === undefined ? {} : { tls }) }, async (lab) => {
        const relay = await startRelay(t, lab);
        const stream = await watch(joinAt(t, `${scheme}://127.0.0.1:${relay.port}`, { rejectUnauthorized: false }));
        relay.cut();
        assert.equal((await lab.record()).code, Code.Canceled);
        await until(() => lab.transport.load.connections === 0, "the end of the connection");
        assert.equal(stream.closed, false, "the client has heard nothing of it");
      });
    });
  }

  it("stays when its client acknowledges, and without calls gets no PING", async (t) => {
    const limits = { ...calm, pingAfterMs: 20, pingTimeoutMs: NEVER_MS };
    await withLab({ limits }, async (lab) => {
      let [pings, idlePings] = [0, 0];
      const idle = joinAt(t, lab.url).on("ping", () => idlePings++);
      await once(idle, "remoteSettings");
      const session = joinAt(t, lab.url).on("ping", () => pings++);
      const stream = await watch(session);
      await until(() => pings >= 10, "ten times a PING");
      assert.equal(idlePings, 0);
      assert.deepEqual([stream.closed, session.closed, lab.records.length], [false, false, 0]);
    });
  });

  it("stays when its client sends something else than the acknowledgement", async (t) => {
    const limits = { ...calm, pingAfterMs: 200, pingTimeoutMs: 200 };
    await withLab({ limits }, async (lab) => {
      const session = joinAt(t, lab.url);
      const stream = await watch(session);
      let [pings, answers] = [0, 0];
      session.on("ping", () => pings++);
      for (; answers < 40; answers++) {
        await new Promise<void>((resolve) => session.ping(() => resolve()));
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
      assert.deepEqual([stream.closed, pings], [false, 0]);
    });
  });

  it("stays when this process was stopped for a while", async (t) => {
    const limits = { ...calm, pingAfterMs: 200, pingTimeoutMs: 200 };
    await withLab({ limits }, async (lab) => {
      const session = joinAt(t, lab.url);
      let pings = 0;
      session.on("ping", () => pings++);
      const stream = await watch(session);
      await until(() => pings > 0, "a PING");
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1_000);
      await until(() => pings > 2, "more of them");
      assert.equal(stream.closed, false);
    });
  });

  it("stays while all that was sent before the PING is still on its way", async (t) => {
    const limits = { ...calm, pingAfterMs: 100, pingTimeoutMs: 100 };
    await withLab({ limits }, async (lab) => {
      const relay = await startRelay(t, lab);
      // Such a client says nothing while it reads.
      const session = joinAt(t, relay.url, { settings: { initialWindowSize: 1 << 20 } });
      session.on("error", () => undefined);
      // Both have acknowledged the settings of the other: from here on it says nothing but its request.
      await Promise.all([once(session, "remoteSettings"), once(session, "localSettings")]);
      session.setLocalWindowSize(1 << 20);
      relay.slow(1_000);
      let bytes = 0;
      const stream = open(session, { path: "/v1/count/100?filling=1000&hang=true", header: authorized, method: "GET" });
      stream.on("data", (data: Buffer) => (bytes += data.byteLength));
      await until(() => bytes > 100_000 || stream.closed, "all of it");
      assert.deepEqual([stream.closed, lab.records.length], [false, 0]);
    });
  });

  it("gets its PING later when this process was busy and held the connection when it was to be sent", async (t) => {
    const keepAlive = new KeepAlive({ pingAfterMs: 40, pingTimeoutMs: 40 });
    let [pings, losses] = [0, 0];
    let isHeld: boolean = false;
    const held = {
      traffic: { bytesRead: 0, bytesWritten: 0 },
      ping: answer,
      lose: () => losses++,
      get isAsked(): boolean {
        return !isHeld;
      },
    };
    const busy = { isAsked: true, traffic: { bytesRead: 0, bytesWritten: 0 }, ping: useUpTurn, lose: () => undefined };
    function answer(): void {
      // What is held reads no answer.
      if (isHeld) return;
      held.traffic.bytesRead += 17;
      pings++;
    }
    function useUpTurn(): void {
      busy.traffic.bytesRead += 17;
      if (busy.traffic.bytesRead > 17) return;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 10);
      // After this sweep, and before the turn in which the other one gets its PING.
      queueMicrotask(() => (isHeld = true));
      setImmediate(() => (isHeld = false));
    }
    for (const connection of [busy, held]) {
      keepAlive.add(connection);
      t.after(() => keepAlive.delete(connection));
    }
    const alive = setInterval(() => undefined, 1_000);
    await until(() => pings + losses > 0, "a PING or the end");
    clearInterval(alive);
    assert.deepEqual([pings, losses], [1, 0]);
  });
});
