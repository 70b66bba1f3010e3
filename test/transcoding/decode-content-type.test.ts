/** Which content types a request may have, and bodies that are handed on as they are. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { UnsupportedMediaType } from "../../src/transcoding/rest-error.ts";
import { type Call, decode } from "./support/shelf.ts";

const TYPES: readonly [contentType: string | null, taken: boolean][] = [
  ["application/json", true],
  ["Application/JSON; charset=UTF-8", true],
  ['application/json;charset="utf-8";x=y', true],
  ["application/json; charset=iso-8859-1", false],
  ["application/json, text/plain", false],
  ["application/jsonx", false],
  ["text/plain", false],
  ["application/x-www-form-urlencoded", false],
  ["", false],
  [null, false],
];

for (const [contentType, taken] of TYPES) {
  test(`${taken ? "accepts" : "answers 415 to"} a body of type ${contentType}`, () => {
    const call: Call = { body: "{}", contentType };
    if (taken) {
      assert.deepEqual(decode("POST", "/v1/books", call), {});
    } else {
      assert.throws(
        () => decode("POST", "/v1/books", call),
        (error) => error instanceof UnsupportedMediaType && error.httpStatus === 415,
      );
    }
  });
}

test("needs no content type for an empty body", () => {
  assert.deepEqual(decode("POST", "/v1/books/b1:lock", { contentType: null }), { name: "b1" });
  assert.deepEqual(decode("POST", "/v1/books/b1:lock", { contentType: "text/plain" }), { name: "b1" });
});

test("passes google.api.HttpBody on as it was sent, with its type", () => {
  const body = new Uint8Array([0, 255]);
  assert.deepEqual(decode("POST", "/v1/echo", { body, contentType: "image/png" }), {
    contentType: "image/png",
    data: "AP8=",
  });
  assert.deepEqual(decode("POST", "/v1/echo", { contentType: null }), {});
  assert.deepEqual(decode("POST", "/v1/upload/n", { body, contentType: "x/y" }), {
    name: "n",
    file: { contentType: "x/y", data: "AP8=" },
  });
  assert.deepEqual(decode("POST", "/v1/upload/n", { contentType: null }), { name: "n" });
});
