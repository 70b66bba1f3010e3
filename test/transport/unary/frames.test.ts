/** Plain calls in unusual frames of HTTP/2: both paths answer them alike, and nothing of a call stays behind. */
import assert from "node:assert/strict";
import { once } from "node:events";
import * as http2 from "node:http2";
import { test } from "node:test";
import { queryObjects } from "node:v8";
import { create, toBinary } from "@bufbuild/protobuf";
import { Code } from "@connectrpc/connect";
import { LiveCall } from "../../../src/transport/call/call.ts";
import { Http2Exchange } from "../../../src/transport/exchange/http2-exchange.ts";
import { type Random, seededRandom } from "../../support/random.ts";
import { scaled } from "../../support/scale.ts";
import { until } from "../../support/until.ts";
import { frame } from "../../support/wires.ts";
import { type Lab, startLab, withLab } from "../support/lab.ts";
import { EchoRequestSchema } from "../support/lab-service.ts";
import { openSocket } from "../support/raw.ts";

const REQUESTS = scaled({ quick: 300, full: 1_000, soak: 100_000 });
const CALLS = scaled({ quick: 2_000, full: 4_000, soak: 100_000 });
const WARM_UP_CALLS = 200;
/** As JSON has it, and as gRPC's headers have it. */
const DEADLINE_PASSED = /the(?: |%20)deadline(?: |%20)of(?: |%20)the(?: |%20)call(?: |%20)has(?: |%20)passed/;

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
    // Node's client never forgets what it had still to write on a stream that it resets, and then opens no more streams.
    maxSessionMemory: 10_000,
    paddingStrategy: isPadded ? http2.constants.PADDING_STRATEGY_MAX : http2.constants.PADDING_STRATEGY_NONE,
    settings: opensLate ? { initialWindowSize: 0 } : {},
  });
  session.on("error", () => undefined);
  return session;
}

/**
 * Returns everything that comes back, less what may differ: the date and the framing. `unprocessed`: the service has
 * replaced the connection meanwhile, on which much was broken off.
 */
async function answerOf(session: http2.ClientHttp2Session, plan: Plan): Promise<object | "unprocessed"> {
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
  if (!stream.closed) await new Promise((resolve) => stream.once("close", resolve));
  if (stream.rstCode === http2.constants.NGHTTP2_REFUSED_STREAM) return "unprocessed";
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
        labs.map(async (lab, at) => {
          const key = `${at} ${plan.isPadded}`;
          for (;;) {
            const known = plan.opensLate ? undefined : sessions.get(key);
            const session = known !== undefined && !known.closed ? known : connect(lab, plan);
            // A session whose window was opened stays open.
            if (!plan.opensLate) sessions.set(key, session);
            const answer = await answerOf(session, plan).finally(() => plan.opensLate && session.destroy());
            if (answer !== "unprocessed") return answer;
          }
        }),
      );
      const sizes = plan.pieces.map(({ byteLength }) => byteLength);
      // On a busy machine the time of a call that never ends may be up before its faults are read.
      const isLate = plan.end === "never" && answers.some((answer) => DEADLINE_PASSED.test(JSON.stringify(answer)));
      const request = `request ${index}: ${JSON.stringify({ ...plan, pieces: sizes })}`;
      if (!isLate) assert.deepEqual(answers[0], answers[1], request);
      if (plan.end === "plain") assert.ok("body" in (answers[0] ?? {}));
    }
    await until(() => labs.every(({ transport }) => transport.load.requests === 0), "the end of every call");
  } finally {
    for (const session of sessions.values()) session.destroy();
    for (const lab of labs) await lab.stop();
  }
});

/** Returns HEADERS of stream 1, its names and values as they are. `flags`: 4 for more to come, 5 for the end. */
function headersOf(flags: number, fields: readonly (readonly [string, string])[]): Buffer {
  const texts = fields.flatMap((field) => [Buffer.of(0), ...field.map((text) => Buffer.from(`\0${text}`))]);
  for (const text of texts) if (text.byteLength > 1) text.writeUInt8(text.byteLength - 1);
  const block = Buffer.concat(texts);
  return Buffer.concat([Buffer.of(0, 0, block.byteLength, 1, flags, 0, 0, 0, 1), block]);
}

test("a request that ends with trailers is answered at once, also in the first bytes of its connection", async () => {
  for (const contentType of ["application/grpc", "application/grpc-web", "application/json"]) {
    await withLab({ fastPath: true }, async (lab) => {
      const socket = await openSocket(lab);
      const head = headersOf(4, [
        [":method", "POST"],
        [":scheme", "http"],
        [":path", "/lab.v1.LabService/Say"],
        [":authority", "lab"],
        ["content-type", contentType],
        ["authorization", "Bearer lab"],
      ]);
      const trailers = headersOf(5, [["x-lab-end", "sent"]]);
      const preface = Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0", "latin1");
      socket.write(Buffer.concat([preface, head, trailers]));
      // Not after the time limit of a body that does not come.
      assert.notEqual((await lab.record()).code, Code.DeadlineExceeded);
      socket.destroy();
    });
  }
});

test(`${CALLS} calls leave no call, no timer and no listener behind`, async () => {
  const lab = await startLab({ fastPath: true });
  const session = connect(lab, { isPadded: false, opensLate: false });
  try {
    await once(session, "connect");
    const callMany = async (calls: number): Promise<void> => {
      for (let made = 0; made < calls; made += 50) {
        await Promise.all(Array.from({ length: 50 }, (_, at) => callOnce(session, at)));
      }
      await until(() => lab.transport.load.requests === 0, "the end of every call");
    };
    await callMany(WARM_UP_CALLS);
    lab.records.length = 0;
    const before = leftovers();
    await callMany(CALLS);
    // A call that is broken off before its turn comes is not recorded.
    assert.ok(lab.records.filter(({ code }) => code === "ok").length === (CALLS * 3) / 5);
    assert.equal(lab.transport.load.connections, 1);
    lab.records.length = 0;
    const after = leftovers();
    for (const name of ["timers", "exchanges", "calls", "functions"] as const) {
      // Node may still hold the last calls of a connection; a leak shows with every fifth call at least.
      const grown = after[name] - before[name];
      assert.ok(grown < CALLS / 10, `${grown} ${name} more after ${CALLS} calls`);
    }
  } finally {
    session.destroy();
    await lab.stop();
  }
});

const [PLAIN, LONG, HANGING] = [{ text: "one" }, { text: "x".repeat(20_000) }, { act: "hang" }].map((request) =>
  frame(Buffer.from(toBinary(EchoRequestSchema, create(EchoRequestSchema, request)))),
) as [Buffer, Buffer, Buffer];

/** Of five calls, one is broken off, one waits for its deadline, one takes the other path; every second has a deadline. */
async function callOnce(session: http2.ClientHttp2Session, at: number): Promise<void> {
  const kind = at % 5;
  const timeout = kind === 1 ? "5m" : at % 2 === 0 ? "60S" : undefined;
  const stream = session.request({
    ":method": "POST",
    ":path": "/lab.v1.LabService/Say",
    authorization: "Bearer lab",
    "content-type": "application/grpc",
    ...(timeout === undefined ? {} : { "grpc-timeout": timeout }),
  });
  stream.on("error", () => undefined);
  stream.resume();
  if (kind === 0) {
    stream.write(PLAIN.subarray(0, 3));
    setImmediate(() => stream.close(http2.constants.NGHTTP2_CANCEL));
  } else {
    stream.end(kind === 1 ? HANGING : kind === 2 ? LONG : PLAIN);
  }
  await once(stream, "close");
}

interface Leftovers {
  readonly timers: number;
  readonly exchanges: number;
  readonly calls: number;
  /** A listener is a function, whatever it listens to. */
  readonly functions: number;
}

/** Returns what a call may leave behind, counted in the whole process after a collection of garbage. */
function leftovers(): Leftovers {
  const count = (type: object): number => queryObjects(type as () => void, { format: "count" }) as unknown as number;
  return {
    timers: process.getActiveResourcesInfo().filter((name) => name === "Timeout").length,
    exchanges: count(Http2Exchange),
    calls: count(LiveCall),
    functions: count(Function),
  };
}
