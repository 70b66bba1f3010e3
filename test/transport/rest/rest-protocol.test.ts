/** Plain HTTP and JSON: bodies, limits, codings, streams, and what does not match. */

import assert from "node:assert/strict";
import type { ClientHttp2Session } from "node:http2";
import { after, afterEach, before, describe, it } from "node:test";
import { brotliCompressSync, gunzipSync, gzipSync } from "node:zlib";
import { Code } from "@connectrpc/connect";
import { roundTrip } from "../../support/round-trip.ts";
import { until } from "../../support/until.ts";
import { type Lab, startLab, withLab } from "../support/lab.ts";
import {
  type Answer,
  answerOf,
  authorized,
  exchangeText,
  jsonHeader,
  open,
  openSession,
  request,
} from "../support/raw.ts";

interface StatusBody {
  code: number;
  message: string;
  details: unknown[];
}

describe("the REST protocol", () => {
  let lab: Lab;
  let session: ClientHttp2Session;
  before(async () => {
    lab = await startLab({ limits: { bodyBytesMax: 1_000, deadlineMsMax: 300 } });
    session = await openSession(lab);
  });
  after(async () => {
    session.destroy();
    await lab.stop();
  });
  afterEach(() => assert.deepEqual(lab.internals.splice(0), [], "nothing is logged as internal"));

  const get = (path: string, header: Record<string, string> = authorized, method = "GET"): Promise<Answer> =>
    request(session, { path, header, method });
  const post = (body: string | Buffer, header: Record<string, string> = {}, path = "/v1/say"): Promise<Answer> =>
    request(session, { path, header: { ...jsonHeader, ...header }, body: Buffer.from(body) });

  function assertRefused(answer: Answer, status: number, code: Code, message: RegExp): void {
    const body = JSON.parse(answer.body.toString()) as StatusBody;
    assert.deepEqual([answer.status, body.code], [status, code]);
    assert.match(body.message, message);
  }

  it("sends a header in Latin-1 and its body in UTF-8", async () => {
    const head = "GET /v1/echo/%C3%A9?act=accent HTTP/1.1\r\nhost: lab\r\nauthorization: Bearer one\r\n\r\n";
    const received = await exchangeText(lab, head, (text) => text.includes("admission"));
    assert.match(received, /^x-lab: caf\u00e9\r$/m);
    assert.match(received, /\{"text":"\u00c3\u00a9",/);
  });

  it("binds path and query and sends the handler's headers", async () => {
    const answer = await get("/v1/echo/a%20b?number=7");
    assert.equal(answer.status, 200);
    assert.equal(answer.header["content-type"], "application/json");
    assert.deepEqual([answer.header["x-lab"], answer.header["trailer-x-lab-end"]], ["seen", "done"]);
    const refused = await post('{"act": "refuse"}');
    assert.deepEqual([refused.header["x-lab"], refused.header["trailer-x-lab-end"]], ["seen", "done"]);
    assert.deepEqual(JSON.parse(answer.body.toString()), { text: "a b", number: "7", wire: "rest", admission: "one" });
  });

  it("answers HEAD with the headers of GET and no body", async () => {
    const full = await get("/v1/echo/abc");
    const head = await get("/v1/echo/abc", authorized, "HEAD");
    assert.equal(head.status, 200);
    assert.equal(head.header["content-length"], String(full.body.byteLength));
    assert.equal(head.body.byteLength, 0);
    const received = await exchangeText(
      lab,
      "HEAD /v1/echo/abc HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer one\r\nConnection: close\r\n\r\n",
    );
    assert.match(received, /^HTTP\/1.1 200 OK\r\n[\s\S]*\r\n\r\n$/);
  });

  it("says what a path accepts if the method does not fit", async () => {
    const answer = await get("/v1/say");
    assertRefused(answer, 405, Code.Unimplemented, /POST/);
    assert.equal(answer.header.allow, "POST");
    const options = await get("/v1/echo/a", {}, "OPTIONS");
    assert.deepEqual([options.status, options.header.allow], [204, "GET, HEAD, OPTIONS"]);
    assertRefused(await get("/v1/nowhere"), 404, Code.NotFound, /nothing is served at the path "\/v1\/nowhere"/);
    const codes = lab.records.slice(-2).map(({ code, httpStatus, method, path }) => [code, httpStatus, method, path]);
    assert.deepEqual(codes, [
      [Code.Unimplemented, 405, undefined, "/v1/say"],
      [Code.NotFound, 404, undefined, "/v1/nowhere"],
    ]);
  });

  it("refuses bodies that are not JSON, and says where JSON is wrong", async () => {
    assertRefused(await post("<a/>", { "content-type": "text/xml" }), 415, Code.InvalidArgument, /application\/json/);
    assertRefused(await post('{"txt": 1}'), 400, Code.InvalidArgument, /txt/);
    assertRefused(await post(`${'{"nested":'.repeat(70)}{}${"}".repeat(70)}`), 400, Code.InvalidArgument, /64/);
    assertRefused(await get("/v1/echo/a?txet=b"), 400, Code.InvalidArgument, /txet/);
  });

  it("accepts gzip and Brotli bodies and refuses other codings", async () => {
    for (const [coding, pack] of [
      ["gzip", gzipSync],
      ["br", brotliCompressSync],
    ] as const) {
      const answer = await post(pack('{"text": "packed"}'), { "content-encoding": coding });
      assert.equal((JSON.parse(answer.body.toString()) as { text: string }).text, "packed");
    }
    const refused = await post("{}", { "content-encoding": "zstd" });
    assertRefused(refused, 415, Code.InvalidArgument, /"zstd"/);
    assert.equal(refused.header["accept-encoding"], "gzip, br");
    assertRefused(await post("nogzip", { "content-encoding": "gzip" }), 400, Code.InvalidArgument, /decompressed/);
  });

  it("answers 413 to bodies above the limit, on the wire and unpacked", async () => {
    const large = JSON.stringify({ text: "x".repeat(2_000) });
    assertRefused(await post(large), 413, Code.ResourceExhausted, /larger than 1000 bytes/);
    assertRefused(await post(gzipSync(large), { "content-encoding": "gzip" }), 413, Code.ResourceExhausted, /1000/);
    const said = "POST /v1/say HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer one\r\nContent-Length: 2000\r\n\r\n";
    assert.match(await exchangeText(lab, said, (text) => text.includes("1000 bytes")), /^HTTP\/1.1 413 /);
    const upload = JSON.stringify({ data: Buffer.alloc(100_000).toString("base64") });
    assert.equal((await post(upload, {}, "/v1/upload")).status, 200);
  });

  it("asks for the body with 100 Continue only if the call is admitted", async () => {
    const head = "POST /v1/say HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 2\r\n";
    const refused = await exchangeText(lab, `${head}\r\n`, (text) => text.includes("needs a credential"));
    assert.match(refused, /^HTTP\/1.1 401 /);
    const taken = await exchangeText(
      lab,
      `${head}Content-Type: application/json\r\nAuthorization: Bearer one\r\n\r\n`,
      (text) => text.includes("100 Continue"),
    );
    assert.match(taken, /^HTTP\/1.1 100 Continue/);
  });

  it("compresses large answers for clients that accept gzip", async () => {
    const small = await post('{"text": "a"}', { "accept-encoding": "gzip" });
    assert.equal(small.header["content-encoding"], undefined);
    await withLab({}, async (roomy) => {
      const other = await openSession(roomy);
      const body = Buffer.from(JSON.stringify({ text: "x".repeat(1_400) }));
      const send = (accept: string): Promise<Answer> =>
        request(other, { path: "/v1/say", header: { ...jsonHeader, "accept-encoding": accept }, body });
      const packed = await send("br;q=1, gzip;q=0.5");
      assert.deepEqual([packed.header["content-encoding"], packed.header.vary], ["gzip", "Accept-Encoding"]);
      assert.match(gunzipSync(packed.body).toString(), /x{1400}/);
      assert.equal((await send("gzip;q=0")).header["content-encoding"], undefined);
    });
  });

  it("answers 504 when the deadline passes and 400 when it cannot be read", async () => {
    const hang = '{"act": "hang"}';
    for (const header of [{ "connect-timeout-ms": "30" }, { "grpc-timeout": "30m" }, { "grpc-timeout": "90H" }]) {
      assertRefused(await post(hang, header), 504, Code.DeadlineExceeded, /deadline/);
    }
    assertRefused(await post(hang, { "grpc-timeout": "soon" }), 400, Code.InvalidArgument, /Grpc-Timeout/);
    const waiting = open(session, { path: "/v1/say", header: { ...jsonHeader, "grpc-timeout": "30m" }, body: "open" });
    assertRefused(await answerOf(waiting), 504, Code.DeadlineExceeded, /deadline/);
  });

  it("streams a line per message, with a late refusal on the last line", async () => {
    const lines = async (path: string): Promise<unknown[]> => {
      const { body, header } = await get(path);
      assert.equal(header["content-type"], "application/x-ndjson");
      return body
        .toString()
        .trim()
        .split("\n")
        .map((line) => JSON.parse(line) as unknown);
    };
    assert.deepEqual(await lines("/v1/count/2"), [{ result: { number: 1 } }, { result: { number: 2 } }]);
    const [first, last] = (await lines("/v1/count/3?refuse_at=2")) as [unknown, { error: StatusBody }];
    assert.deepEqual(first, { result: { number: 1 } });
    assert.deepEqual([last.error.code, last.error.message], [Code.FailedPrecondition, "refused as asked: ü"]);
    assertRefused(await get("/v1/count/3?refuse_at=1"), 400, Code.FailedPrecondition, /refused as asked/);
    assert.equal((await get("/v1/count/0")).body.byteLength, 0);
  });

  it("streams events to clients that ask for them", async () => {
    const { body, header, trailer } = await get("/v1/count/2", { ...authorized, accept: "text/event-stream" });
    assert.equal(trailer["x-lab-end"], "done");
    assert.equal(header["content-type"], "text/event-stream");
    assert.equal(body.toString(), 'data: {"result":{"number":1}}\n\ndata: {"result":{"number":2}}\n\n');
  });

  it("sends raw bytes with their own content type", async () => {
    const answer = await get("/v1/download");
    assert.deepEqual([answer.header["content-type"], answer.body.toString()], ["text/csv", "a,b\n"]);
  });

  it("aborts the handler's signal when the client goes away in a stream", async () => {
    const stream = open(session, { path: "/v1/count/1?hang=true", header: authorized, method: "GET" });
    await new Promise((resolve) => stream.once("data", resolve));
    lab.aborted.length = 0;
    const count = lab.records.length;
    stream.close(8);
    await until(() => lab.aborted.length === 1, "the signal");
    const record = await lab.record(count + 1);
    assert.deepEqual([record.code, record.httpStatus], [Code.Canceled, 200]);
  });

  it("pauses a stream whose client does not read", async () => {
    const before = process.memoryUsage().arrayBuffers;
    const stream = open(session, { path: "/v1/count/100000?filling=1000", header: authorized, method: "GET" });
    await new Promise((resolve) => stream.once("response", resolve));
    for (let trips = 0; trips < 50; trips++) await roundTrip(session);
    assert.ok(process.memoryUsage().arrayBuffers - before < 50e6, "the stream is not piled up");
    const count = lab.records.length;
    stream.close(8);
    await lab.record(count + 1);
  });

  it("serves plain mounts below their prefix", async () => {
    assert.equal((await get("/plain/x?y=1")).body.toString(), "plain GET /plain/x?y=1");
    assert.equal((await get("/plain")).status, 200);
    assert.equal((await get("/plainer")).status, 404);
    const crashed = await get("/crash");
    assert.deepEqual([crashed.status, crashed.body.toString()], [500, "internal error\n"]);
    assert.match(String(lab.internals.splice(0)[0]), /a plain handler failed/);
  });
});
