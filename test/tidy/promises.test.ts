/** What the last release promised is still there, with the same meaning; docs/VERSIONING.md says for how long. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, test } from "node:test";
import { currentPromises, PROMISES_PATH, type Promises } from "../../scripts/promises.ts";

/** What was promised and is gone or different now. */
function broken(promised: Promises, current: Promises): readonly string[] {
  return Object.entries(promised).flatMap(([surface, names]) =>
    Object.entries(names)
      .filter(([name, meaning]) => current[surface]?.[name] !== meaning)
      .map(([name, meaning]) => `${surface}: ${name} was ${JSON.stringify(meaning)}`),
  );
}

describe("what the last release promised", () => {
  const current = currentPromises();

  test("is compared name by name", () => {
    const reasons = { ...current.reasons, USER_NOT_FOUND: "ABORTED", NEVER: "INTERNAL" };
    assert.equal(broken({ ...current, reasons }, current).length, 2);
    for (const [surface, names] of Object.entries(current)) assert.ok(Object.keys(names).length > 5, surface);
  });

  test("is still there", () => {
    const promised = JSON.parse(readFileSync(PROMISES_PATH, "utf8")) as Promises;
    assert.deepEqual(Object.keys(promised), Object.keys(current));
    assert.deepEqual(broken(promised, current), []);
  });
});
