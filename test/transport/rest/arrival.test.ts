/** However a REST request arrives, at once or in pieces, plain or compressed, it gets the same answer, and Connect's code. */
import assert from "node:assert/strict";
import { once } from "node:events";
import * as http from "node:http";
import { test } from "node:test";
import { setImmediate } from "node:timers/promises";
import { gzipSync } from "node:zlib";
import { mutate } from "../../support/mutation.ts";
import { type Random, seededRandom } from "../../support/random.ts";
import { scaled } from "../../support/scale.ts";
import { codeOf, type RawAnswer, RawClient, type RawRequest } from "../../support/wires.ts";
import { startLab } from "../support/lab.ts";

const REQUESTS = scaled({ quick: 250, full: 1_000, soak: 100_000 });
const BODY_BYTES_MAX = 4_096;

const TARGETS = [
  ...new Array<string>(8).fill("GET /v1/echo/{text}"),
  ...["GET /v1/echo/{text}?number=7&mood=MOOD_GOOD", "GET /v1/echo/{text}?nested.text=a+b%26"],
  ...["GET /v1/echo/{text}?number=x", "GET /v1/echo/{text}?numbr=1", "GET /v1/echo/{text}?left=a&right=b"],
  ...["GET /v1/echo/{text}?number=1&number=2", "GET /v1/echo/{text}?act=refuse", "GET /v1/echo/{text}?act=%ff"],
  ...["HEAD /v1/echo/{text}", "OPTIONS /v1/echo/{text}", "PUT /v1/echo/{text}", "GET /v1/missing", "GET /v1/nowhere"],
  ...["GET /v1/download", "GET /v1/count/3", "GET /v1/count/3?refuseAt=1", "GET /v1/count/x"],
  ...new Array<string>(12).fill("POST /v1/say"),
];
const TEXTS = ["a", "b", "c", "a%20b", "%C3%BC", "a%2Fb", "a:b", "%", "%ff", "%00", ""];
const TYPES = [...new Array<string>(6).fill("application/json"), "application/json; charset=utf-8", "text/plain", ""];
const AUTHORIZATIONS = [...new Array<string>(12).fill("Bearer lab"), "Bearer crash", ""];
const TEXT_LENGTHS = [0, 1, 20, 20, 200, 900, 1_000, 1_024, BODY_BYTES_MAX - 12, BODY_BYTES_MAX, BODY_BYTES_MAX + 10];

function randomRequest(random: Random, index: number): RawRequest {
  const [method = "", template = ""] = random.pick(TARGETS).split(" ");
  const headers: Record<string, string> = { "x-request-id": `call-${index}` };
  const set = (name: string, value: string): void => {
    if (value !== "") headers[name] = value;
  };
  set("authorization", random.pick(AUTHORIZATIONS));
  if (random.below(3) === 0) set("accept-encoding", random.pick(["gzip", "identity", "gzip;q=0"]));
  if (random.below(6) === 0) set("connect-timeout-ms", random.pick(["10000", "soon"]));
  if (random.below(6) === 0) set("grpc-timeout", "10S");
  const hasBody = method === "POST" || random.below(8) === 0;
  if (hasBody) set("content-type", random.pick(TYPES));
  const path = template.replace("{text}", random.pick(TEXTS));
  return { method, path, headers, body: hasBody ? bodyOf(random) : Buffer.alloc(0) };
}

function bodyOf(random: Random): Buffer {
  const json = Buffer.from(
    JSON.stringify({
      text: random.pick(["x", "ü", '"\\']).repeat(random.pick(TEXT_LENGTHS)),
      number: String(random.below(1_000)),
      act: random.pick([...new Array<string>(6).fill(""), "refuse", "crash"]),
      ...(random.below(10) === 0 ? { nested: { numbr: 1 } } : {}),
    }),
  );
  return random.below(5) === 0 ? mutate(random, json, [Buffer.from('{"text":')]) : json;
}

/** The framing of an answer, and the time at which it was made. */
const FRAMING = /^(?::status|date|content-length|transfer-encoding|connection|keep-alive|trailer)$/;

function comparable({ status, headers, body }: RawAnswer): object {
  const kept = Object.entries(headers).filter(([name]) => !FRAMING.test(name));
  return { status, headers: Object.fromEntries(kept.sort()), body: body.toString("latin1") };
}

/** Sends the head alone, then the body in pieces; with `Expect`, once the service asks for it. */
async function sendInPieces(
  url: string,
  { method, path, headers, body }: RawRequest,
  random: Random,
  expects: boolean,
) {
  const { hostname, port } = new URL(url);
  const all = expects ? { ...headers, expect: "100-continue" } : headers;
  const framing = body.byteLength > 0 && random.below(2) === 0 ? { "transfer-encoding": "chunked" } : undefined;
  const length = framing ?? { "content-length": body.byteLength };
  const sent = http.request({ hostname, port, method, path, headers: { ...all, ...length }, agent: false });
  sent.on("error", () => undefined);
  const responded = once(sent, "response") as Promise<[http.IncomingMessage]>;
  sent.flushHeaders();
  if (expects) await Promise.race([once(sent, "continue"), responded]);
  for (let at = 0; at < body.byteLength; ) {
    const end = at + 1 + random.below(body.byteLength - at);
    sent.write(body.subarray(at, end));
    at = end;
    await setImmediate();
  }
  sent.end();
  const [received] = await responded;
  const chunks: Buffer[] = [];
  for await (const chunk of received) chunks.push(chunk as Buffer);
  sent.destroy();
  const names = Object.entries(received.headers).map(([name, value]) => [name, String(value)] as const);
  return {
    status: received.statusCode ?? 0,
    headers: Object.fromEntries(names),
    trailers: {},
    body: Buffer.concat(chunks),
  };
}

function zipped(request: RawRequest): RawRequest {
  return { ...request, headers: { ...request.headers, "content-encoding": "gzip" }, body: gzipSync(request.body) };
}

test(`${REQUESTS} REST requests get the same answer in every form`, async (t) => {
  const random = seededRandom(t);
  const lab = await startLab({ limits: { bodyBytesMax: BODY_BYTES_MAX }, fastPath: false });
  const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
  const client = new RawClient(lab.url, 30_000, agent);
  const statuses = new Map<number, number>();
  try {
    for (let index = 0; index < REQUESTS; index++) {
      const request = randomRequest(random, index);
      const hasBody = request.body.byteLength > 0;
      const whole = await client.send("1.1", request);
      const others: Record<string, RawAnswer> = {
        pieces: await sendInPieces(lab.url, request, random, false),
        "HTTP/2": await client.send("2", request),
        ...(hasBody ? { continued: await sendInPieces(lab.url, request, random, true) } : {}),
        ...(hasBody ? { zipped: await client.send("1.1", zipped(request)) } : {}),
      };
      for (const [form, answer] of Object.entries(others)) {
        assert.deepEqual(comparable(answer), comparable(whole), `request ${index} as ${form}: ${shown(request)}`);
      }
      // REST takes no body for an empty message; Connect does not.
      if (hasBody && request.path === "/v1/say" && request.headers["content-type"] === "application/json") {
        const byConnect = await client.send("1.1", { ...request, path: "/lab.v1.LabService/Say" });
        assert.equal(codeOf(whole), codeOf(byConnect), `request ${index} over Connect: ${shown(request)}`);
      }
      statuses.set(whole.status, (statuses.get(whole.status) ?? 0) + 1);
    }
  } finally {
    client.close();
    await lab.stop();
  }
  t.diagnostic([...statuses].map(([status, count]) => `${status}: ${count}`).join(", "));
  // Refusals alone would show little.
  assert.ok((statuses.get(200) ?? 0) > REQUESTS / 8);
});

function shown({ method, path, headers, body }: RawRequest): string {
  return JSON.stringify({ method, path, headers, body: Buffer.from(body).toString("latin1") });
}
