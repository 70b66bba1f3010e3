/** The fast path answers as connect-es does: the same bytes go down both, and both answers are the same. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { gzipSync } from "node:zlib";
import { create, toBinary, toJsonString } from "@bufbuild/protobuf";
import { mutate } from "../../support/mutation.ts";
import { type Random, seededRandom } from "../../support/random.ts";
import { scaled } from "../../support/scale.ts";
import { frame, type RawAnswer, RawClient, type RawRequest } from "../../support/wires.ts";
import { type Lab, startLab } from "../support/lab.ts";
import { EchoRequestSchema } from "../support/lab-service.ts";

const REQUESTS = scaled({ quick: 2_000, full: 6_000, soak: 1_000_000 });
const BODY_BYTES_MAX = 4_096;
/** More than a message below has, but for the mask that has too many. */
const VALUES_MAX = 12;

interface Sent {
  readonly http: "1.1" | "2";
  readonly request: RawRequest;
}

const METHODS = ["Echo", "Echo", "Echo", "Say", "Say", "Upload", "Missing"];
/** The plain ones several times: they are what the fast path is for. */
const CONTENT_TYPES = [
  ...["application/grpc", "application/grpc", "application/grpc+proto", "application/grpc+json"],
  ...["application/grpc-web", "application/grpc-web+proto", "application/grpc-web-text"],
  ...["application/json", "application/json", "application/proto", "application/proto"],
  ...["application/json; charset=utf-8", "APPLICATION/JSON", "application/connect+proto", "text/plain", ""],
];
const TIMEOUTS = ["10S", "99999999m", "5M", "0m", "", "soon", "10000", "0", "99999999999"];
const ENCODINGS = ["identity", "gzip", "zip", ""];
const ACCEPTED = ["gzip", "identity,deflate,gzip", "br, gzip", "identity", "zip", ""];
const AUTHORIZATIONS = [...new Array<string>(8).fill("Bearer lab"), "Bearer crash", ""];
const ACTS = [...new Array<string>(8).fill(""), "refuse", "crash"];
/** The third one holds the character that stands for an underscore while JSON is read, the last one too many values. */
const MASKS = [
  ["text"],
  ["number", "nested.delay_ms"],
  ["nested\ue05ftext"],
  new Array<string>(VALUES_MAX + 1).fill("text"),
];
const TEXT_LENGTHS = [0, 1, 20, 200, 1_100, BODY_BYTES_MAX - 12, BODY_BYTES_MAX, BODY_BYTES_MAX + 10];

function randomRequest(random: Random, index: number): Sent {
  const type = random.pick(CONTENT_TYPES);
  const http = random.pick(["1.1", "2"] as const);
  const isRpc = /^application\/grpc/.test(type);
  const encoding = random.below(4) === 0 ? random.pick(ENCODINGS) : undefined;
  const headers: Record<string, string> = { "x-request-id": `call-${index}` };
  const set = (name: string, value: string | undefined): void => {
    if (value !== undefined) headers[casing(random, name, http)] = value;
  };
  set("content-type", type === "" ? undefined : type);
  set("authorization", random.pick(AUTHORIZATIONS) || undefined);
  set(isRpc ? "grpc-encoding" : "content-encoding", encoding);
  if (random.below(2) === 0) set(isRpc ? "grpc-accept-encoding" : "accept-encoding", random.pick(ACCEPTED));
  if (random.below(4) === 0) set(isRpc ? "grpc-timeout" : "connect-timeout-ms", random.pick(TIMEOUTS));
  if (random.below(4) === 0) set("connect-protocol-version", random.pick(["1", "2"]));
  if (random.below(4) === 0) set("x-lab-bin", "AAEC");
  if (http === "2") headers.te = "trailers";
  const path = `/lab.v1.LabService/${random.pick(METHODS)}`;
  return { http, request: { path, headers, body: bodyOf(random, type, encoding) } };
}

/** Names in any case over HTTP/1.1; HTTP/2 has lower case alone. */
function casing(random: Random, name: string, http: "1.1" | "2"): string {
  return http === "1.1" && random.below(3) === 0 ? name.toUpperCase() : name;
}

function bodyOf(random: Random, type: string, encoding: string | undefined): Buffer {
  const message = create(EchoRequestSchema, {
    text: "x".repeat(random.pick(TEXT_LENGTHS)),
    number: BigInt(random.below(1_000_000)),
    act: random.pick(ACTS),
    mood: random.below(3),
    ...(random.below(4) === 0 ? { mask: { paths: random.pick(MASKS) } } : {}),
  });
  const plain = /json/i.test(type)
    ? Buffer.from(toJsonString(EchoRequestSchema, message, { enumAsInteger: true }))
    : Buffer.from(toBinary(EchoRequestSchema, message));
  const isZipped = encoding === "gzip" && random.below(3) > 0;
  const content = isZipped ? gzipSync(plain) : plain;
  const whole = /grpc|connect\+/.test(type) ? enveloped(random, content, isZipped) : content;
  const broken = random.below(5) === 0 && whole.byteLength > 0 ? mutate(random, whole, [frame(content)]) : whole;
  return type.endsWith("-text") ? Buffer.from(broken.toString("base64")) : broken;
}

/** One envelope as it should be, or none, two, one with flags, or one that ends too early. */
function enveloped(random: Random, content: Buffer, isZipped: boolean): Buffer {
  const envelope = frame(content);
  envelope[0] = isZipped ? 1 : 0;
  switch (random.below(12)) {
    case 0:
      return Buffer.alloc(0);
    case 1:
      return Buffer.concat([envelope, envelope]);
    case 2:
      envelope[0] = random.pick([1, 2, 0x80]);
      return envelope;
    case 3:
      return envelope.subarray(0, random.below(envelope.byteLength));
    default:
      return envelope;
  }
}

/** What the two answers may differ in, with the reason; all else is the same. */
const EXCEPTIONS: Readonly<Record<string, string>> = {
  date: "it is the second of the answer",
  "content-length": "the fast path knows the length; connect-es sends the body in pieces",
  "transfer-encoding": "the same, over HTTP/1.1",
};

function comparable({ status, headers, trailers, body }: RawAnswer): object {
  const kept = Object.entries(headers).filter(([name]) => !(name in EXCEPTIONS));
  return { status, headers: Object.fromEntries(kept.sort()), trailers, body: body.toString("latin1") };
}

async function answerOf(client: RawClient, { http, request }: Sent): Promise<object> {
  try {
    return comparable(await client.send(http, request));
  } catch (error) {
    return { broken: error instanceof Error ? error.message : String(error) };
  }
}

interface Side {
  readonly lab: Lab;
  readonly client: RawClient;
  /** What was recorded of its calls, and how often. */
  readonly codes: Map<string, number>;
}

async function start(fastPath: boolean): Promise<Side> {
  const lab = await startLab({ fastPath, limits: { bodyBytesMax: BODY_BYTES_MAX, valuesMax: VALUES_MAX } });
  return { lab, client: new RawClient(lab.url), codes: new Map() };
}

function countCodes({ records }: Lab, codes: Map<string, number>): void {
  for (const { code, wire, httpStatus } of records.splice(0)) {
    const name = `${code} ${wire} ${httpStatus}`;
    codes.set(name, (codes.get(name) ?? 0) + 1);
  }
}

test(`${REQUESTS} requests get the same answers on both paths`, async (t) => {
  const random = seededRandom(t);
  const [fast, stock] = [await start(true), await start(false)];
  const statuses = new Map<string, number>();
  try {
    for (let index = 0; index < REQUESTS; index++) {
      const sent = randomRequest(random, index);
      const [byFast, byStock] = await Promise.all([answerOf(fast.client, sent), answerOf(stock.client, sent)]);
      assert.deepEqual(byFast, byStock, `request ${index}: HTTP/${sent.http} ${JSON.stringify(sent.request)}`);
      const status = `${(byFast as { status?: number }).status} ${(byFast as { trailers?: Record<string, string> }).trailers?.["grpc-status"] ?? ""}`;
      statuses.set(status, (statuses.get(status) ?? 0) + 1);
      // A million records would not fit into memory.
      if (index % 1_000 === 0) for (const { lab, codes } of [fast, stock]) countCodes(lab, codes);
    }
    for (const { lab, codes } of [fast, stock]) countCodes(lab, codes);
    assert.deepEqual(Object.fromEntries([...fast.codes].sort()), Object.fromEntries([...stock.codes].sort()));
  } finally {
    for (const { client, lab } of [fast, stock]) {
      client.close();
      await lab.stop();
    }
  }
  t.diagnostic([...statuses].map(([status, count]) => `${status.trim()}: ${count}`).join(", "));
  // The plain case is most of it, or the comparison would show little.
  assert.ok((statuses.get("200 0") ?? 0) + (statuses.get("200 ") ?? 0) > REQUESTS / 4);
});
