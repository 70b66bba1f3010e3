/** The known name that is suggested for a misspelt one. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { findClosestName, suggest } from "../../src/transcoding/closest-name.ts";

const KNOWN = ["userId", "reasonCode", "note", "day"];

const CASES: readonly [name: string, closest: string | undefined][] = [
  ["userid", "userId"],
  ["user_id", "userId"],
  ["resonCode", "reasonCode"],
  ["notes", "note"],
  // A swap of neighbours counts once: names of three characters have no room for two changes.
  ["dya", "day"],
  ["dxx", undefined],
  ["nothing", undefined],
  ["x".repeat(65), undefined],
  ["", undefined],
];

for (const [name, closest] of CASES) {
  test(`suggests ${closest} for ${JSON.stringify(name.slice(0, 12))}`, () =>
    assert.equal(findClosestName(name, KNOWN), closest));
}

test("lists the allowed names, at most twenty, if none is close", () => {
  const many = Array.from({ length: 21 }, (_, i) => `member${i}`);
  assert.equal(suggest("zzz", KNOWN), "; allowed are userId, reasonCode, note, day");
  assert.match(suggest("zzz", many), /member19, …$/);
  assert.equal(suggest("zzz", []), "; none is allowed here");
});
