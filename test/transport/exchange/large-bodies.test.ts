/** All large bodies together are bounded: those beyond are refused, small ones and later ones are not. */

import assert from "node:assert/strict";
import type { ClientHttp2Stream } from "node:http2";
import { after, before, describe, test } from "node:test";
import { setTimeout } from "node:timers/promises";
import { gzipSync } from "node:zlib";
import { create, toBinary } from "@bufbuild/protobuf";
import { Code } from "@connectrpc/connect";
import { seededRandom } from "../../support/random.ts";
import { until } from "../../support/until.ts";
import { type Lab, startLab } from "../support/lab.ts";
import { EchoRequestSchema } from "../support/lab-service.ts";
import { type Answer, answerOf, frame, grpcHeader, jsonHeader, open, openSession, request } from "../support/raw.ts";

/** Two of the large bodies below find room, three do not. */
const LARGE_BODIES_BYTES_MAX = 310_000;
const TEXT = "x".repeat(150_000);
const PATH = "/lab.v1.LabService/Say";
const GZIP = { "content-encoding": "gzip" };
const GRPC_GZIP = { "grpc-encoding": "gzip" };
const grpcWebHeader = { ...grpcHeader, "content-type": "application/grpc-web" };

const json = (act: string): Buffer => Buffer.from(JSON.stringify({ text: TEXT, act }));
const proto = (act: string): Buffer =>
  Buffer.from(toBinary(EchoRequestSchema, create(EchoRequestSchema, { text: TEXT, act })));

/** A way to send a large request; `act`: what its handler does. */
interface LargeWire {
  readonly name: string;
  readonly path: string;
  readonly header: Record<string, string>;
  readonly body: (act: string) => Buffer;
  /** The header that gives a call so many milliseconds. */
  readonly deadline: (ms: number) => Record<string, string>;
}

const REST = {
  name: "REST",
  path: "/v1/say",
  header: jsonHeader,
  body: json,
  deadline: (ms: number) => ({ "connect-timeout-ms": `${ms}` }),
};
const CONNECT = { ...REST, name: "Connect", path: PATH };
const GRPC: LargeWire = {
  name: "gRPC",
  path: PATH,
  header: grpcHeader,
  body: (act) => frame(proto(act)),
  deadline: (ms) => ({ "grpc-timeout": `${ms}m` }),
};
const PLAIN: readonly LargeWire[] = [REST, CONNECT, GRPC, { ...GRPC, name: "gRPC-Web", header: grpcWebHeader }];
const ZIPPED: readonly LargeWire[] = [
  { ...REST, name: "REST in gzip", header: { ...jsonHeader, ...GZIP }, body: (act) => gzipSync(json(act)) },
  { ...CONNECT, name: "Connect in gzip", header: { ...jsonHeader, ...GZIP }, body: (act) => gzipSync(json(act)) },
  ...[grpcHeader, grpcWebHeader].map((header) => ({
    ...GRPC,
    name: `${header["content-type"]} in gzip`,
    header: { ...header, ...GRPC_GZIP },
    body: (act: string) => frame(gzipSync(proto(act)), 1),
  })),
];

/** Whether an answer is the refusal of a large body; else it must be a good one. */
function isRefused({ status, header, trailer, body }: Answer): boolean {
  const said = [header["grpc-message"], trailer["grpc-message"], body.toString("latin1")]
    .join(" ")
    .replaceAll("%20", " ");
  if (said.includes("may have 310000 bytes together")) return true;
  assert.equal(status, 200, said);
  assert.doesNotMatch(`${header["grpc-status"] ?? trailer["grpc-status"]} ${said}`, /^[1-9]|grpc-status: [1-9]/);
  return false;
}

describe("large bodies", () => {
  let lab: Lab;
  before(async () => {
    lab = await startLab({ limits: { largeBodiesBytesMax: LARGE_BODIES_BYTES_MAX } });
  });
  after(() => lab.stop());

  /** Waits until two large bodies find room at once: nothing is counted any more. */
  async function assertRoom(): Promise<void> {
    const session = await openSession(lab);
    await until(async () => {
      const answers = await Promise.all([GRPC, GRPC].map((wire) => request(session, { ...wire, body: wire.body("") })));
      return !answers.some(isRefused);
    }, "room for two bodies");
    session.close();
  }

  test("are refused beyond what all together may have, and find room again", async () => {
    const session = await openSession(lab);
    const wires = [REST, CONNECT];
    const streams = wires.map((wire) => open(session, { ...wire, body: "open" }));
    const answers = streams.map(answerOf);
    await Promise.all(
      streams.map((stream) => new Promise((sent) => stream.write(json("").subarray(0, 140_000), sent))),
    );
    // The frames before it have been taken when it comes back.
    await new Promise((back) => session.ping(back));
    for (const wire of [...PLAIN, ...ZIPPED]) {
      const answer = await request(session, { ...wire, body: wire.body("") });
      assert.ok(isRefused(answer), wire.name);
      if (wire.header["content-type"] === "application/json") assert.equal(answer.status, 429);
    }
    const small = await request(session, { ...REST, body: Buffer.from('{"text":"a"}') });
    assert.equal(small.status, 200);
    for (const stream of streams) stream.end(json("").subarray(140_000));
    for (const answer of answers) assert.equal((await answer).status, 200);
    for (const wire of [...PLAIN, ...ZIPPED]) {
      for (let sent = 0; sent < 3; sent++) {
        await until(async () => !isRefused(await request(session, { ...wire, body: wire.body("") })), wire.name);
      }
    }
    assert.ok(lab.records.some(({ code }) => code === Code.ResourceExhausted));
    session.close();
  });

  for (const wire of ZIPPED) {
    test(`${wire.name} are counted while they are inflated: of eight at once, two find room`, async () => {
      const session = await openSession(lab);
      let refused = 0;
      const answers = Array.from({ length: 8 }, async () => {
        if (isRefused(await request(session, { ...wire, body: wire.body("hold") }))) refused++;
      });
      await until(() => refused + lab.held.length === 8, `eight outcomes; ${refused} are refused`);
      assert.equal(refused, 6);
      for (const end of lab.held.splice(0)) end();
      await Promise.all(answers);
      session.close();
      await assertRoom();
    });
  }

  for (const wire of [...PLAIN, ...ZIPPED]) {
    for (const end of ["a reset", "the deadline"] as const) {
      test(`${wire.name}: are counted until the handler is done, though ${end} ends the call before`, async () => {
        const session = await openSession(lab);
        let streams: ClientHttp2Stream[] = [];
        let answers: Promise<unknown>[] = [];
        // On a busy machine the time of a call may be up before its handler begins.
        for (let ms = 50; lab.held.length < 2; ms *= 4) {
          for (const endHandler of lab.held.splice(0)) endHandler();
          const header = { ...wire.header, ...(end === "a reset" ? {} : wire.deadline(ms)) };
          streams = [1, 2].map(() => open(session, { ...wire, header, body: wire.body("hold") }));
          let isOver = false;
          answers = streams.map(answerOf);
          void Promise.all(answers).then(() => (isOver = true));
          await until(() => lab.held.length === 2 || isOver, "two handlers");
          if (lab.held.length < 2) await assertRoom();
        }
        if (end === "a reset") for (const stream of streams) stream.close();
        await Promise.all(answers);
        await until(() => lab.transport.load.requests === 0, "the end of both calls");
        assert.ok(isRefused(await request(session, { ...wire, body: wire.body("") })));
        for (const endHandler of lab.held.splice(0)) endHandler();
        session.close();
        await assertRoom();
      });
    }
  }

  test("leave nothing counted when they are broken off at any time", async (t) => {
    const random = seededRandom(t);
    const session = await openSession(lab);
    for (let sent = 0; sent < 60; sent++) {
      const wire = random.pick([...PLAIN, ...ZIPPED]);
      const body = wire.body("");
      const stream = open(session, { ...wire, body: "open" });
      stream.write(body.subarray(0, random.below(2) === 0 ? body.byteLength : random.below(body.byteLength)));
      if (random.below(2) === 0) stream.end();
      await setTimeout(random.below(8));
      stream.close();
    }
    session.close();
    await until(() => lab.transport.load.requests === 0, "the end of every call");
    await assertRoom();
  });
  test("begin at 4 KiB: many that fit into the window of a stream are bounded, too", async () => {
    const session = await openSession(lab);
    const streams = Array.from({ length: 10 }, () => open(session, { ...REST, body: "open" }));
    const answers = streams.map(answerOf);
    for (const stream of streams) stream.write(REST.body("").subarray(0, 60_000));
    assert.equal((await Promise.race(answers)).status, 429);
    const small = await request(session, { ...REST, body: Buffer.from('{"text":"a"}') });
    assert.equal(small.status, 200);
    session.destroy();
    await until(() => lab.transport.load.requests === 0, "the end of every call");
    await assertRoom();
  });
});
