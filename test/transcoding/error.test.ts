/** Error documents: the status table of transcoding.md §3.5, details, headers, and 404, 405, 413 and 415. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { create, toBinary } from "@bufbuild/protobuf";
import { type Any, AnySchema } from "@bufbuild/protobuf/wkt";
import { Code, ConnectError } from "@connectrpc/connect";
import { DebugInfoSchema, ErrorInfoSchema, RetryInfoSchema } from "../../gen/google/rpc/error_details_pb.ts";
import { StatusSchema } from "../../gen/google/rpc/status_pb.ts";
import { encodeStatusError, type RestAnswer } from "../../src/transcoding/error.ts";
import {
  bodyTooLarge,
  isRestError,
  methodNotAllowed,
  pathNotFound,
  RestError,
  UnsupportedMediaType,
} from "../../src/transcoding/rest-error.ts";
import { message, policy } from "./support/shelf.ts";

const documentOf = (answer: RestAnswer) =>
  JSON.parse(new TextDecoder().decode(answer.body)) as { code: number; message: string; details: object[] };

const STATUS: readonly [code: Code, status: number][] = [
  [Code.Canceled, 499],
  [Code.Unknown, 500],
  [Code.InvalidArgument, 400],
  [Code.DeadlineExceeded, 504],
  [Code.NotFound, 404],
  [Code.AlreadyExists, 409],
  [Code.PermissionDenied, 403],
  [Code.ResourceExhausted, 429],
  [Code.FailedPrecondition, 400],
  [Code.Aborted, 409],
  [Code.OutOfRange, 400],
  [Code.Unimplemented, 501],
  [Code.Internal, 500],
  [Code.Unavailable, 503],
  [Code.DataLoss, 500],
  [Code.Unauthenticated, 401],
];

for (const [code, status] of STATUS) {
  test(`answers code ${code} with ${status} and the number in the document`, () => {
    const answer = encodeStatusError(new ConnectError("why", code), policy());
    assert.equal(answer.status, status);
    assert.equal(answer.header["content-type"], "application/json");
    const masked = code === Code.Internal || code === Code.Unknown;
    assert.deepEqual(documentOf(answer), { code, message: masked ? "internal error" : "why", details: [] });
  });
}

test("answers an unknown code with 500", () => {
  assert.equal(encodeStatusError(new ConnectError("why", 99 as Code), policy()).status, 500);
});

test("prints details as JSON of Any, made here or received, and keeps unknown ones as base64", () => {
  const info = { reason: "USER_ALREADY_LOCKED", domain: "lockkeeper", metadata: { k: "v" } };
  const infoBytes = toBinary(ErrorInfoSchema, create(ErrorInfoSchema, info));
  const inner: Any = create(AnySchema, { typeUrl: "x/unknown.Type", value: new Uint8Array([8, 1]) });
  const nested = create(StatusSchema, { code: 3, details: [inner] });
  const error = new ConnectError("why", Code.FailedPrecondition, undefined, [
    { desc: ErrorInfoSchema, value: info },
    { desc: DebugInfoSchema, value: { detail: "d" } },
    { desc: message("google.protobuf.Timestamp"), value: { seconds: 1n } },
    { desc: StatusSchema, value: nested },
  ]);
  error.details.push({ type: "google.rpc.ErrorInfo", value: infoBytes });
  error.details.push({ type: "unknown.Type", value: new Uint8Array([1, 2, 3]) });
  error.details.push({ type: "shelf.v1.Profile", value: new Uint8Array([0xff]) });
  const printed = { "@type": "type.googleapis.com/google.rpc.ErrorInfo", ...info };
  assert.deepEqual(documentOf(encodeStatusError(error, policy())).details, [
    printed,
    { "@type": "type.googleapis.com/google.rpc.DebugInfo", detail: "d" },
    { "@type": "type.googleapis.com/google.protobuf.Timestamp", value: "1970-01-01T00:00:01Z" },
    {
      "@type": "type.googleapis.com/google.rpc.Status",
      value: Buffer.from(toBinary(StatusSchema, nested)).toString("base64"),
    },
    printed,
    { "@type": "type.googleapis.com/unknown.Type", value: "AQID" },
    { "@type": "type.googleapis.com/shelf.v1.Profile", value: "/w==" },
  ]);
});

test("names the scheme on 401, unless the error does", () => {
  const challenge = (metadata: Record<string, string>) =>
    encodeStatusError(new ConnectError("x", Code.Unauthenticated, metadata), policy()).header["www-authenticate"];
  assert.equal(challenge({}), "Bearer");
  assert.equal(challenge({ "WWW-Authenticate": 'Bearer error="invalid_token"' }), 'Bearer error="invalid_token"');
  assert.equal(
    encodeStatusError(new ConnectError("x", Code.PermissionDenied), policy()).header["www-authenticate"],
    undefined,
  );
});

const RETRIES: readonly [code: Code, delay: { seconds: bigint; nanos?: number }, retryAfter: string | undefined][] = [
  [Code.Unavailable, { seconds: 2n }, "2"],
  [Code.Unavailable, { seconds: 2n, nanos: 1 }, "3"],
  [Code.ResourceExhausted, { seconds: 0n, nanos: 5_000_000 }, "1"],
  [Code.ResourceExhausted, { seconds: -5n }, "0"],
  [Code.Aborted, { seconds: 2n }, undefined],
];

for (const [code, retryDelay, retryAfter] of RETRIES) {
  test(`turns a delay of ${retryDelay.seconds}s ${retryDelay.nanos ?? 0}ns with code ${code} into retry-after ${retryAfter}`, () => {
    const error = new ConnectError("x", code, undefined, [{ desc: RetryInfoSchema, value: { retryDelay } }]);
    assert.equal(encodeStatusError(error, policy()).header["retry-after"], retryAfter);
  });
}

test("sends the error's metadata as headers, except those that frame the answer", () => {
  const metadata = { "X-Call-Id": "c1", "Content-Length": "5", "Content-Type": "text/html", Connection: "close" };
  const { header } = encodeStatusError(new ConnectError("x", Code.NotFound, metadata), policy());
  assert.deepEqual(header, { "x-call-id": "c1", "content-type": "application/json" });
});

const REFUSALS: readonly [refusal: RestError, status: number, code: Code][] = [
  [pathNotFound("/nothing"), 404, Code.NotFound],
  [methodNotAllowed(["GET", "HEAD"]), 405, Code.Unimplemented],
  [bodyTooLarge(10), 413, Code.ResourceExhausted],
  [new UnsupportedMediaType("no"), 415, Code.InvalidArgument],
];

for (const [refusal, status, code] of REFUSALS) {
  test(`answers ${status} with a status document, and an own encoder can see the status`, () => {
    const answer = encodeStatusError(refusal, policy());
    assert.deepEqual([answer.status, documentOf(answer).code], [status, code]);
    assert.equal(isRestError(refusal) && refusal.httpStatus, status);
  });
}

test("names in headers what a refused request may send", () => {
  assert.equal(encodeStatusError(methodNotAllowed(["GET", "HEAD"]), policy()).header.allow, "GET, HEAD");
  assert.equal(encodeStatusError(new UnsupportedMediaType("no"), policy()).header.accept, "application/json");
  assert.match(documentOf(encodeStatusError(bodyTooLarge(10), policy())).message, /larger than 10 bytes/);
});

test("tells refusals by REST itself from other errors, and from one another", () => {
  const error = new UnsupportedMediaType("x");
  assert.ok(error instanceof ConnectError && error instanceof RestError);
  assert.equal((bodyTooLarge(1) as Error) instanceof UnsupportedMediaType, false);
  assert.equal((new ConnectError("x") as Error) instanceof RestError, false);
  assert.equal(ConnectError.from(error), error);
});
