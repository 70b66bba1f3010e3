/** Values of rows: instants in the forms that exports have, and numbers that lost their digits. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { RowFault, readTime, textIn, timeIn } from "../../../src/cli/import/row.ts";

const NOON = Date.parse("2026-01-31T12:00:00Z");

test("an instant is taken in the forms of exports, to the millisecond", () => {
  for (const text of [
    "2026-01-31T12:00:00Z",
    " 2026-01-31t12:00z ",
    "2026-01-31 14:00:00+02:00",
    "2026-01-31 12:00:00 UTC",
    "2026-01-31 14:00:00.000000 +0200 UTC",
    "2026-01-31T12:00:00.000999999Z",
    String(NOON),
  ]) {
    assert.equal(readTime("t", text), NOON, text);
  }
  assert.equal(readTime("t", "2026-01-31T11:59:59.999000001Z", Math.ceil), NOON);
  assert.equal(readTime("t", "2026-01-31"), NOON - 43_200_000);
  assert.equal(timeIn({ t: NOON }, "t"), NOON);
});

test("what no calendar has, and what may be seconds, is refused without being repeated", () => {
  for (const text of [
    "2026-02-29",
    "2026-01-31T24:00:00Z",
    "2026-01-31T12:00:00",
    "0000-01-01",
    "9999-12-31T23:59:59-00:01",
    // Seconds are not taken for milliseconds, which would be in January 1970.
    "1769860800",
    "253402300800000",
    "999999999999999",
    `${"T00:00".repeat(100_000)} UTC`,
  ]) {
    assert.throws(() => readTime("t", text), {
      name: "RowFault",
      message: /^t is a text of \d+ characters; it must be/,
    });
  }
  for (const value of [1_769_860_800, 1.5, -1, 253_402_300_800_000, true]) {
    assert.throws(() => timeIn({ t: value }, "t"), RowFault);
  }
});

test("an id that came as a number keeps its digits or is refused", () => {
  assert.equal(textIn({ id: 123_456_789 }, "id"), "123456789");
  assert.throws(() => textIn(JSON.parse('{"id":12345678901234567890}'), "id"), {
    name: "RowFault",
    message: "id is a number beyond ±9007199254740991; its digits are lost, it must be a text",
  });
});
