/** The text of refusals, and the form of values from outside in it. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import {
  codeOf,
  REASONS,
  type Reason,
  RefusalError,
  refuse,
  refuseField,
  refuseFields,
  shown,
} from "../../src/domain/refusal.ts";
import { runs } from "./support/soak.ts";
import { TRICKY } from "./support/tricky.ts";

const ROWS: readonly (readonly [title: string, value: string, expected: string])[] = [
  ["a plain value is quoted", "alice", '"alice"'],
  ["nothing is seen as nothing", "", '""'],
  ["quotes and backslashes are escaped", 'a"b\\c', '"a\\"b\\\\c"'],
  ["a line feed cannot begin a line", "a\nb\rc", '"a\\nb\\rc"'],
  ["an escape sequence cannot reach a terminal", "\u001b[31m", '"\\u001b[31m"'],
  ["nor can one of eight bits", "\u009b31m", '"\\u009b31m"'],
  ["U+0000 is escaped", "\0", '"\\u0000"'],
  ["U+007F is escaped", "\u007f", '"\\u007f"'],
  ["line and paragraph separators are escaped", "\u2028\u2029", '"\\u2028\\u2029"'],
  ["a lone surrogate is escaped", "\ud800", '"\\ud800"'],
  ["letters of any alphabet stay", "Zoë Ωμέγα 日本", '"Zoë Ωμέγα 日本"'],
  ["100 characters are shown whole", "a".repeat(100), `"${"a".repeat(100)}"`],
  ["101 are cut at 100, with a sign of it", "a".repeat(101), `"${"a".repeat(100)}…"`],
];

describe("a value from outside", () => {
  for (const [title, value, expected] of ROWS) {
    test(title, () => {
      assert.equal(shown(value), expected);
    });
  }

  test("is one well-formed line without control characters, and short", () => {
    fc.assert(
      fc.property(fc.string({ unit: TRICKY, maxLength: 300 }), (value) => {
        const text = shown(value);
        assert.doesNotMatch(text, /[\p{Cc}\p{Cs}\u2028\u2029]/u);
        assert.ok(text.length <= 6 * 100 + 3);
        const read: unknown = JSON.parse(text);
        assert.ok(
          typeof read === "string" && (value.length <= 100 ? read === value : value.startsWith(read.slice(0, -1))),
        );
      }),
      runs(300),
    );
  });
});

describe("refusals", () => {
  test("a reason is UPPER_SNAKE of at most 63 characters, with a code and a sentence", () => {
    for (const [reason, [code, meaning]] of Object.entries(REASONS)) {
      assert.match(reason, /^[A-Z][A-Z0-9_]{0,62}$/);
      assert.match(code, /^[A-Z][A-Z_]+$/);
      assert.match(meaning, /^[A-Z`].*\.$/, reason);
    }
  });

  test("the code is the reason's", () => {
    for (const reason of Object.keys(REASONS) as Reason[]) assert.equal(codeOf(reason), REASONS[reason][0]);
    assert.equal(codeOf("USER_ALREADY_LOCKED"), "FAILED_PRECONDITION");
    assert.equal(codeOf("SEQUENCE_MISMATCH"), "ABORTED");
  });

  test("a refusal of a field names it in the sentence and by itself", () => {
    assert.deepEqual(refuseField("profile.email", "is too long"), {
      reason: "FIELD_INVALID",
      message: "profile.email: is too long",
      metadata: {},
      fields: [{ field: "profile.email", description: "is too long" }],
    });
  });

  test("a refusal of several fields names the first and counts the others", () => {
    const fields = ["a", "b", "c"].map((field) => ({ field, description: "is wrong" }));
    const refusal = refuseFields(fields);
    assert.equal(refusal.message, "a: is wrong (and 2 more)");
    assert.deepEqual(refusal.fields, fields);
    assert.throws(() => refuseFields([]), /no field is at fault/);
  });

  test("a refusal on its way up carries itself and its cause", () => {
    const cause = new Error("disk");
    const refusal = refuse("STORE_UNAVAILABLE", "no store", { retryAfterMs: 5, metadata: { outcome: "UNKNOWN" } });
    const error = new RefusalError(refusal, { cause });
    assert.equal(error.refusal, refusal);
    assert.equal(error.cause, cause);
    assert.equal(error.message, "STORE_UNAVAILABLE: no store");
  });
});
