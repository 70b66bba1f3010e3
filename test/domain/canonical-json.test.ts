/** JSON in one form only. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { isDeepStrictEqual } from "node:util";
import fc from "fast-check";
import { canonicalJson, type Json } from "../../src/domain/canonical-json.ts";
import { runs } from "./support/soak.ts";

const ROWS: readonly (readonly [title: string, value: Json | undefined, expected: string])[] = [
  ["keys are sorted by code unit", { b: 1, a: 2, "10": 3, "9": 4, B: 5 }, '{"10":3,"9":4,"B":5,"a":2,"b":1}'],
  ["keys beyond the basic plane come before U+FFFF", { "\uffff": 1, "😀": 2 }, '{"😀":2,"\uffff":1}'],
  ["inner objects too", { a: [{ d: 1, c: {} }] }, '{"a":[{"c":{},"d":1}]}'],
  ["lists keep their order", [3, 1, 2], "[3,1,2]"],
  ["nothing and null are null", undefined, "null"],
  ["null is null", null, "null"],
  ["strings are escaped as JSON does", 'a"\n\u2028\ud800', '"a\\"\\n\u2028\\ud800"'],
  ["minus zero is zero", -0, "0"],
  ["numbers are the shortest that read back", [1e21, 0.1, 100, 1e-7], "[1e+21,0.1,100,1e-7]"],
  ["empty things are empty", { a: {}, b: [], c: "" }, '{"a":{},"b":[],"c":""}'],
];

/** The same value with the members of its objects in another order. */
function shuffled(value: Json): Json {
  if (Array.isArray(value)) return value.map(shuffled);
  if (typeof value !== "object" || value === null) return value;
  const members = Object.entries(value as { readonly [key: string]: Json });
  return Object.fromEntries(members.reverse().map(([key, inner]) => [key, shuffled(inner)]));
}

describe("canonical JSON", () => {
  for (const [title, value, expected] of ROWS) {
    test(title, () => {
      assert.equal(canonicalJson(value), expected);
    });
  }

  test("a member that is undefined is left out", () => {
    const value: { readonly [key: string]: Json } = JSON.parse('{"a":1,"c":2}');
    assert.equal(canonicalJson(Object.assign(value, { b: undefined })), '{"a":1,"c":2}');
  });

  test("keys are written as they are, also when there are very many or very long ones", () => {
    const keys = Array.from({ length: 3_000 }, (_, index) => `k"${index}`);
    const many = Object.fromEntries([...keys, "x".repeat(1_000)].map((key) => [key, 1]));
    for (let round = 0; round < 2; round++) assert.deepEqual(JSON.parse(canonicalJson(many)), many);
  });

  test("equal values have equal texts, and the text is the value", () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        const text = canonicalJson(value as Json);
        assert.equal(canonicalJson(shuffled(value as Json)), text);
        assert.equal(canonicalJson(JSON.parse(text)), text);
        assert.deepEqual(JSON.parse(text), JSON.parse(JSON.stringify(value)));
      }),
      runs(300),
    );
  });

  test("different values have different texts", () => {
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 1 }), fc.jsonValue({ maxDepth: 1 }), (a, b) => {
        const equal = isDeepStrictEqual(JSON.parse(JSON.stringify(a)), JSON.parse(JSON.stringify(b)));
        assert.equal(canonicalJson(a as Json) === canonicalJson(b as Json), equal);
      }),
      runs(300),
    );
  });
});
