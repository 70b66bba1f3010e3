/** Streams of HTTP/2 whose clients leave in the middle of an answer: the handler ends, and the call is over. */
import assert from "node:assert/strict";
import { pbkdf2Sync } from "node:crypto";
import { once } from "node:events";
import * as http2 from "node:http2";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { test } from "node:test";
import { create, toBinary } from "@bufbuild/protobuf";
import { Code } from "@connectrpc/connect";
import { runInTurn } from "../../../src/transport/exchange/turns.ts";
import { defer, type Scope } from "../../support/cleanup.ts";
import { until } from "../../support/until.ts";
import { type Lab, startLab } from "../support/lab.ts";
import { CountRequestSchema } from "../support/lab-service.ts";
import { authorized, frame, grpcHeader, open, openSession, type Sending } from "../support/raw.ts";

const { NGHTTP2_CANCEL, NGHTTP2_NO_ERROR } = http2.constants;

/** Asks for more than a client takes that leaves. */
const COUNT = { to: 1_000_000, filling: 200 };

const RPC = {
  path: "/lab.v1.LabService/Count",
  body: frame(toBinary(CountRequestSchema, create(CountRequestSchema, COUNT))),
};
const REST = { method: "GET", path: `/v1/count/${COUNT.to}?filling=${COUNT.filling}` };

const WIRES: Readonly<Record<string, Sending>> = {
  gRPC: { ...RPC, header: grpcHeader },
  "gRPC-Web": { ...RPC, header: { ...authorized, "content-type": "application/grpc-web+proto" } },
  Connect: { ...RPC, header: { ...authorized, "content-type": "application/connect+proto" } },
  "newline-delimited JSON": { ...REST, header: { ...authorized, accept: "application/x-ndjson" } },
  "server-sent events": { ...REST, header: { ...authorized, accept: "text/event-stream" } },
};

async function labOf(t: Scope, options: Parameters<typeof startLab>[0] = {}): Promise<Lab> {
  const lab = await startLab(options);
  defer(t, lab.stop);
  return lab;
}

/** Waits until nothing is left of so many calls. */
async function assertOver({ records, ended, transport }: Lab, calls: number, what: string): Promise<void> {
  const isOver = (): boolean => records.length === calls && ended.length === calls && transport.load.requests === 0;
  await until(isOver, `the end of ${calls} calls ${what}`).catch(() =>
    assert.fail(`${calls} calls ${what}: ${records.length} recorded, ${ended.length} handlers ended`),
  );
  assert.ok(records.every(({ code }) => code === Code.Canceled));
}

const STREAMS = 5;

/** Queues work for several turns of the event loop: calls do not end in the turn in which their streams close. */
function fillTurns(): void {
  for (let step = 0; step < 40; step++) runInTurn(() => void pbkdf2Sync("", "", 2_000, 32, "sha256"));
}

for (const [name, code, initialWindowSize] of [
  ["CANCEL by a client that reads on", NGHTTP2_CANCEL, 100_000],
  // A part of the answer is never sent then.
  ["NO_ERROR by a client that reads nothing", NGHTTP2_NO_ERROR, 1_000],
] as const) {
  test(`streams on every wire that are reset together with ${name} are over, and so are their handlers`, async (t) => {
    const lab = await labOf(t, { limits: { resets: undefined } });
    for (const [wire, sending] of Object.entries(WIRES)) {
      const session = await openSession(lab, { initialWindowSize });
      const streams = Array.from({ length: STREAMS }, () => open(session, sending));
      await Promise.all(streams.map((stream) => once(stream, "response")));
      if (code === NGHTTP2_CANCEL) for (const stream of streams) stream.resume();
      fillTurns();
      for (const stream of streams) stream.close(code);
      await assertOver(lab, lab.began.length, `over ${wire}`);
      session.destroy();
    }
  });
}

test("an answer that is reset with NO_ERROR before it is sent is over", async (t) => {
  const lab = await labOf(t);
  const session = await openSession(lab, { initialWindowSize: 100 });
  const stream = open(session, { method: "GET", path: `/v1/echo/${"x".repeat(3_000)}`, header: authorized });
  await once(stream, "response");
  stream.close(NGHTTP2_NO_ERROR);
  await until(() => lab.transport.load.requests === 0, "the end of the call");
  assert.equal((await lab.record()).code, Code.Canceled);
  session.destroy();
});

test("a stream to a client that takes no more bytes is over when it is broken off", async (t) => {
  const lab = await labOf(t, { limits: { requestTimeoutMs: 300 } });
  const sockets: Socket[] = [];
  // Stands for a client that is gone: what is sent to it is acknowledged at first, and then no more.
  const proxy = createServer((client) => {
    const service = connect(lab.port, lab.host);
    sockets.push(client, service);
    for (const socket of [client, service]) socket.on("error", () => undefined);
    client.pipe(service);
    service.once("data", (bytes) => {
      client.write(bytes);
      service.pause();
    });
  });
  defer(t, () => {
    for (const socket of sockets) socket.destroy();
    proxy.close();
  });
  proxy.listen(0, "127.0.0.1");
  await once(proxy, "listening");
  const url = `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`;
  const session = await openSession({ ...lab, url }, { initialWindowSize: 2 ** 30 });
  session.setLocalWindowSize(2 ** 30);
  open(session, { ...RPC, header: grpcHeader });
  await assertOver(lab, 1, "over a connection that takes no more bytes");
  session.destroy();
});
