/** Response bodies, streams and their errors, by the policies of transcoding.md §3.3 and §3.4. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { create, fromJson, type JsonValue } from "@bufbuild/protobuf";
import { Code, ConnectError } from "@connectrpc/connect";
import {
  encodeResponse,
  encodeStreamError,
  encodeStreamMessage,
  streamContentType,
  streamFormatOf,
} from "../../src/transcoding/encode.ts";
import { policy, registry, routeOf, utf8 } from "./support/shelf.ts";

const text = (body: Uint8Array | string) => (typeof body === "string" ? body : new TextDecoder().decode(body));

function encode(target: string, response: JsonValue): string {
  const route = routeOf("GET", target);
  return text(encodeResponse(route, fromJson(route.method.output, response, { registry })).body);
}

const FULL = {
  books: [{ name: "a" }, { name: "b" }],
  counts: { x: 1 },
  cursor: "c",
  owner: { email: "e" },
  total: "5",
  colour: "COLOUR_RED",
  page: { contentType: "text/html", data: "PGI+" },
};

const ANSWERS: readonly [target: string, response: JsonValue, body: string][] = [
  [
    "/v1/books/x",
    { expectedSequence: "2", expireTime: "2030-01-01T00:00:00Z" },
    '{"expectedSequence":"2","expireTime":"2030-01-01T00:00:00Z"}',
  ],
  ["/v1/books/x", {}, "{}"],
  ["/v1/list", FULL, '[{"name":"a"},{"name":"b"}]'],
  ["/v1/list", {}, "[]"],
  ["/v1/list/counts", FULL, '{"x":1}'],
  ["/v1/list/counts", {}, "{}"],
  ["/v1/list/cursor", FULL, '"c"'],
  ["/v1/list/cursor", {}, '""'],
  ["/v1/list/owner", FULL, '{"email":"e"}'],
  ["/v1/list/owner", {}, "null"],
  ["/v1/list/total", FULL, '"5"'],
  ["/v1/list/total", {}, '"0"'],
  ["/v1/list/colour", FULL, '"COLOUR_RED"'],
  ["/v1/list/colour", {}, '"COLOUR_UNSPECIFIED"'],
  ["/v1/list/page", FULL, "<b>"],
  ["/v1/list/page", {}, ""],
];

for (const [target, response, body] of ANSWERS) {
  test(`answers ${target} with ${body} for ${JSON.stringify(response).slice(0, 40)}`, () => {
    assert.equal(encode(target, response), body);
  });
}

test("gives JSON its content type and HttpBody its own", () => {
  const list = routeOf("GET", "/v1/list");
  assert.equal(encodeResponse(list, create(list.method.output)).contentType, "application/json");
  const echo = routeOf("POST", "/v1/echo");
  const typeOf = (contentType: string) =>
    encodeResponse(echo, create(echo.method.output, { contentType, data: utf8("<html>") })).contentType;
  assert.equal(typeOf("image/png"), "image/png");
  assert.equal(typeOf(""), "application/octet-stream");
  assert.equal(typeOf("text/plain\r\nset-cookie: a=b"), "application/octet-stream");
});

test("frames a stream as newline-delimited JSON, or as events where Accept names them", () => {
  const route = routeOf("GET", "/v1/books/x:watch");
  const book = create(route.method.output, { name: "a\nb" });
  assert.equal(streamFormatOf(route, undefined), "ndjson");
  assert.equal(streamFormatOf(route, "*/*"), "ndjson");
  assert.equal(streamFormatOf(route, "text/html, Text/Event-Stream;q=0.5"), "sse");
  assert.equal(streamFormatOf(route, "text/event-stream;q=0"), "ndjson");
  assert.equal(streamContentType(route, "ndjson", book), "application/x-ndjson");
  assert.equal(streamContentType(route, "sse", book), "text/event-stream");
  assert.equal(text(encodeStreamMessage(route, book, "ndjson")), '{"result":{"name":"a\\nb"}}\n');
  assert.equal(text(encodeStreamMessage(route, book, "sse")), 'data: {"result":{"name":"a\\nb"}}\n\n');
});

test("frames an error within a stream as the document of the mount's encoder", () => {
  const error = new ConnectError("gone", Code.NotFound);
  const document = '{"error":{"code":5,"message":"gone","details":[]}}';
  assert.equal(text(encodeStreamError(error, policy(), "ndjson")), `${document}\n`);
  assert.equal(text(encodeStreamError(error, policy(), "sse")), `data: ${document}\n\n`);
  const answering = (body: string) => policy({ encodeError: () => ({ status: 404, header: {}, body: utf8(body) }) });
  assert.equal(text(encodeStreamError(error, answering('{\n  "oops": 1\n}'), "ndjson")), '{"error":{"oops":1}}\n');
  assert.equal(text(encodeStreamError(error, answering("<html>"), "ndjson")), `${document}\n`);
});

test("sends a stream of HttpBody as its bytes, with the first message's type", () => {
  const route = routeOf("GET", "/v1/books/x:download");
  const chunk = create(route.method.output, { contentType: "image/png", data: new Uint8Array([1, 2]) });
  assert.equal(streamFormatOf(route, "text/event-stream"), "raw");
  assert.equal(streamContentType(route, "raw", chunk), "image/png");
  assert.equal(streamContentType(route, "raw", undefined), "application/octet-stream");
  assert.deepEqual(encodeStreamMessage(route, chunk, "raw"), new Uint8Array([1, 2]));
  assert.deepEqual(encodeStreamError(new ConnectError("x"), policy(), "raw"), new Uint8Array(0));
});
