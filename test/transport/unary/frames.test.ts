/** Plain calls in unusual frames of HTTP/2: both paths answer them alike, and nothing of a call stays behind. */
import assert from "node:assert/strict";
import { once } from "node:events";
import * as http2 from "node:http2";
import { test } from "node:test";
import { create, toBinary } from "@bufbuild/protobuf";
import { type Random, seededRandom } from "../../support/random.ts";
import { scaled } from "../../support/scale.ts";
import { until } from "../../support/until.ts";
import { frame } from "../../support/wires.ts";
import { type Lab, startLab } from "../support/lab.ts";
import { EchoRequestSchema } from "../support/lab-service.ts";

const REQUESTS = scaled({ quick: 300, full: 3_000, soak: 100_000 });
const CALLS = scaled({ quick: 2_000, full: 10_000, soak: 100_000 });

/** How a request is sent. */
interface Plan {
  readonly contentType: string;
  /** Each piece is a DATA frame. */
  readonly pieces: readonly Buffer[];
  /** Whether the frames are padded; a setting of the connection. */
  readonly isPadded: boolean;
  /** The client opens the window for the answer only after its headers have come. */
  readonly opensLate: boolean;
  readonly end: "plain" | "trailers" | "never" | "reset";
}

function randomPlan(random: Random): Plan {
  const contentType = random.pick(["application/grpc", "application/grpc-web", "application/proto"]);
  const text = "x".repeat(random.pick([0, 1, 30, 3_000, 15_000, 40_000, 70_000]));
  const message = Buffer.from(toBinary(EchoRequestSchema, create(EchoRequestSchema, { text })));
  const body = contentType === "application/proto" ? message : frame(message);
  const end = random.pick(["plain", "plain", "plain", "plain", "trailers", "trailers", "never", "reset"] as const);
  if (random.below(6) === 0 && body.byteLength > 0) {
    body[random.below(random.below(2) === 0 ? Math.min(9, body.byteLength) : body.byteLength)] = random.below(256);
  }
  return {
    contentType,
    pieces: split(random, body),
    isPadded: random.below(3) === 0,
    opensLate: random.below(4) === 0,
    end,
  };
}

/** In one piece, in tiny ones at the beginning, or anywhere. */
function split(random: Random, body: Buffer): Buffer[] {
  const pieces: Buffer[] = [];
  let rest = body;
  const cuts = random.below(6);
  for (let cut = 0; cut < cuts && rest.byteLength > 1; cut++) {
    const at = 1 + random.below(random.below(2) === 0 ? Math.min(6, rest.byteLength - 1) : rest.byteLength - 1);
    pieces.push(rest.subarray(0, at));
    rest = rest.subarray(at);
  }
  return [...pieces, rest];
}

function connect({ url }: Lab, { isPadded, opensLate }: Pick<Plan, "isPadded" | "opensLate">) {
  const session = http2.connect(url, {
    paddingStrategy: isPadded ? http2.constants.PADDING_STRATEGY_MAX : http2.constants.PADDING_STRATEGY_NONE,
    settings: opensLate ? { initialWindowSize: 0 } : {},
  });
  session.on("error", () => undefined);
  return session;
}

/** Returns everything that comes back, less what may differ: the date and the framing. */
async function answerOf(session: http2.ClientHttp2Session, plan: Plan): Promise<object> {
  const waits = plan.end === "trailers";
  const timeout = plan.contentType === "application/proto" ? { "connect-timeout-ms": "40" } : { "grpc-timeout": "40m" };
  const stream = session.request(
    {
      ":method": "POST",
      ":path": "/lab.v1.LabService/Say",
      authorization: "Bearer lab",
      "content-type": plan.contentType,
      "x-request-id": "one",
      ...(plan.end === "never" ? timeout : {}),
    },
    { endStream: false, waitForTrailers: waits },
  );
  if (waits) stream.once("wantTrailers", () => stream.sendTrailers({ "x-lab-end": "sent" }));
  stream.on("error", () => undefined);
  const received: Record<string, unknown> = {};
  const chunks: Buffer[] = [];
  stream.on("response", (headers) => {
    const { date: _, "content-length": _length, ...rest } = headers;
    Object.assign(received, { ...rest });
    if (plan.opensLate) session.settings({ initialWindowSize: 65_535 });
  });
  stream.on("trailers", (trailers) => Object.assign(received, { trailers: { ...trailers } }));
  stream.on("data", (chunk: Buffer) => chunks.push(chunk));
  // The service would wait for the rest of the body for a while.
  if (plan.end === "never") stream.on("end", () => stream.close());
  for (const piece of plan.pieces) stream.write(piece);
  if (plan.end === "reset") stream.close(http2.constants.NGHTTP2_CANCEL);
  else if (plan.end !== "never") stream.end();
  await once(stream, "close");
  // What a client sees of a call that it has broken off depends on when it did.
  return plan.end === "reset" ? {} : { ...received, body: Buffer.concat(chunks).toString("latin1") };
}

test(`${REQUESTS} requests in unusual frames get the same answers on both paths`, async (t) => {
  const random = seededRandom(t);
  const labs = [await startLab({ fastPath: true }), await startLab({ fastPath: false })];
  const sessions = new Map<string, http2.ClientHttp2Session>();
  try {
    for (let index = 0; index < REQUESTS; index++) {
      const plan = randomPlan(random);
      const answers = await Promise.all(
        labs.map((lab, at) => {
          // A session whose window was opened stays open.
          const key = `${at} ${plan.isPadded} ${plan.opensLate ? index : ""}`;
          const session = sessions.get(key) ?? connect(lab, plan);
          sessions.set(key, session);
          return answerOf(session, plan).finally(() => plan.opensLate && session.destroy());
        }),
      );
      const sizes = plan.pieces.map(({ byteLength }) => byteLength);
      assert.deepEqual(answers[0], answers[1], `request ${index}: ${JSON.stringify({ ...plan, pieces: sizes })}`);
      if (plan.end === "plain") assert.ok("body" in (answers[0] ?? {}));
    }
    await until(() => labs.every(({ transport }) => transport.load.requests === 0), "the end of every call");
  } finally {
    for (const session of sessions.values()) session.destroy();
    for (const lab of labs) await lab.stop();
  }
});

test(`${CALLS} calls leave no call and no timer behind`, async () => {
  const lab = await startLab({ fastPath: true });
  const session = connect(lab, { isPadded: false, opensLate: false });
  try {
    await once(session, "connect");
    const before = timers();
    const body = frame(Buffer.from(toBinary(EchoRequestSchema, create(EchoRequestSchema, { text: "one" }))));
    for (let made = 0; made < CALLS; made += 50) {
      await Promise.all(Array.from({ length: 50 }, (_, at) => callOnce(session, body, at)));
    }
    await until(() => lab.transport.load.requests === 0, "the end of every call");
    // A call that is broken off before its turn comes is not recorded.
    assert.ok(lab.records.filter(({ code }) => code === "ok").length === (CALLS * 4) / 5);
    assert.equal(lab.transport.load.connections, 1);
    await until(() => timers() <= before, "the end of every timer");
  } finally {
    session.destroy();
    await lab.stop();
  }
});

/** Every second call has a deadline, every fifth is broken off. */
async function callOnce(session: http2.ClientHttp2Session, body: Buffer, at: number): Promise<void> {
  const headers = { authorization: "Bearer lab", "content-type": "application/grpc" };
  const stream = session.request({
    ":method": "POST",
    ":path": "/lab.v1.LabService/Say",
    ...headers,
    ...(at % 2 === 0 ? { "grpc-timeout": "60S" } : {}),
  });
  stream.on("error", () => undefined);
  stream.resume();
  if (at % 5 === 0) {
    stream.write(body.subarray(0, 3));
    setImmediate(() => stream.close(http2.constants.NGHTTP2_CANCEL));
  } else {
    stream.end(body);
  }
  await once(stream, "close");
}

/** Returns the number of timers that keep the process alive. */
function timers(): number {
  return process.getActiveResourcesInfo().filter((name) => name === "Timeout").length;
}
