/** Error documents: the status table of transcoding.md §3.5, details, headers, and 404 to 415. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { create, toBinary } from "@bufbuild/protobuf";
import { type Any, AnySchema } from "@bufbuild/protobuf/wkt";
import { Code, ConnectError } from "@connectrpc/connect";
import { DebugInfoSchema, ErrorInfoSchema, RetryInfoSchema } from "../../gen/google/rpc/error_details_pb.ts";
import { StatusSchema } from "../../gen/google/rpc/status_pb.ts";
import {
  encodeBodyTooLarge,
  encodeMethodNotAllowed,
  encodeNotAcceptable,
  encodeNotFound,
  encodeStatusError,
  encodeUnsupportedMediaType,
  httpStatusOf,
} from "../../src/transcoding/error.ts";
import { assertAcceptable } from "../../src/transcoding/negotiate.ts";
import type { RestAnswer } from "../../src/transcoding/policy.ts";
import { isRestError, NotAcceptable, RestError, UnsupportedMediaType } from "../../src/transcoding/rest-error.ts";
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
    assert.equal(httpStatusOf(code), status);
    assert.equal(answer.header["content-type"], "application/json");
    const masked = code === Code.Internal || code === Code.Unknown;
    assert.deepEqual(documentOf(answer), { code, message: masked ? "internal error" : "why", details: [] });
  });
}

test("answers a code that is none of ours with 500", () => assert.equal(httpStatusOf(99 as Code), 500));

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

test("sends the error's metadata as headers, but none that frame the answer", () => {
  const metadata = { "X-Call-Id": "c1", "Content-Length": "5", "Content-Type": "text/html", Connection: "close" };
  const { header } = encodeStatusError(new ConnectError("x", Code.NotFound, metadata), policy());
  assert.deepEqual(header, { "x-call-id": "c1", "content-type": "application/json" });
});

test("answers 404, 405, 406, 413 and 415 with a status document", () => {
  const allow = ["GET", "HEAD"];
  const answers = [
    encodeNotFound("/nothing"),
    encodeNotFound("/nothing", policy()),
    encodeMethodNotAllowed(allow, policy()),
    encodeNotAcceptable("no", policy()),
    encodeBodyTooLarge(10, policy()),
    encodeUnsupportedMediaType("no", policy()),
  ];
  assert.deepEqual(
    answers.map((answer) => [answer.status, documentOf(answer).code]),
    [
      [404, 5],
      [404, 5],
      [405, 12],
      [406, 3],
      [413, 8],
      [415, 3],
    ],
  );
  assert.equal(encodeMethodNotAllowed(allow).header.allow, "GET, HEAD");
  assert.equal(encodeUnsupportedMediaType("no").header.accept, "application/json");
  assert.match(documentOf(encodeBodyTooLarge(10)).message, /larger than 10 bytes/);
});

test("asks the mount's own encoder, which can tell these answers by their status", () => {
  const seen: number[] = [];
  const own = policy({
    encodeError: (error) => {
      seen.push(isRestError(error) ? error.httpStatus : 0);
      return { status: 200, header: {}, body: new Uint8Array(0) };
    },
  });
  encodeNotFound("/nothing", own);
  encodeMethodNotAllowed([], own);
  encodeBodyTooLarge(1, own);
  own.encodeError(new ConnectError("x", Code.NotFound), own);
  assert.deepEqual(seen, [404, 405, 413, 0]);
});

test("tells refusals of the REST road from other errors, and from one another", () => {
  const error = new UnsupportedMediaType("x");
  assert.ok(error instanceof ConnectError && error instanceof RestError);
  assert.equal((error as Error) instanceof NotAcceptable, false);
  assert.equal((new ConnectError("x") as Error) instanceof RestError, false);
  assert.equal(ConnectError.from(error), error);
});

const ACCEPTS: readonly [accept: string | undefined, acceptable: boolean][] = [
  [undefined, true],
  ["", true],
  ["*/*", true],
  ["application/*", true],
  ["text/html, application/json;q=0.1", true],
  ["Application/JSON", true],
  ["text/html", false],
  ["application/json;q=0, */*", false],
  ["text/*", false],
];

for (const [accept, acceptable] of ACCEPTS) {
  test(`${acceptable ? "serves" : "answers 406 to"} Accept: ${accept} where the mount is strict, and serves it where not`, () => {
    const call = (policyAccept: "strict" | "lenient") => () =>
      assertAcceptable({ accept: policyAccept }, accept, ["application/json"]);
    assert.doesNotThrow(call("lenient"));
    if (acceptable) {
      assert.doesNotThrow(call("strict"));
    } else {
      assert.throws(call("strict"), (error) => error instanceof NotAcceptable && error.httpStatus === 406);
    }
  });
}
