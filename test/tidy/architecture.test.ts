/** ARCHITECTURE.md and CONTRIBUTING.md name reasons that exist, and identifiers that are in the files that they name. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { REASONS } from "../../src/domain/refusal.ts";
import { readRootFile } from "./support/tree.ts";

/** `name` in src/file.ts, or src/file.ts (`name`); of `Class.method` both. */
const NAMED_IN = /`(?<names>[A-Za-z]\w*(?:\.\w+)?)(?:\([^`]*\))?`(?: in |, | \()(?<file>src\/[\w./-]+\.ts)/g;

function misplaced(text: string): readonly string[] {
  return [...text.matchAll(NAMED_IN)].flatMap(({ groups }) => {
    const { names = "", file = "" } = groups ?? {};
    const source = readRootFile(file) ?? "";
    return names
      .split(".")
      .filter((name) => !new RegExp(`\\b${name}\\b`).test(source))
      .map((name) => `${name} is not in ${file}`);
  });
}

describe("ARCHITECTURE.md", () => {
  const text = readRootFile("ARCHITECTURE.md") ?? "";

  test("names only reasons that exist", () => {
    const named = [...text.matchAll(/`([A-Z]+(?:_[A-Z]+)+)`/g)].map(([, reason = ""]) => reason);
    assert.ok(named.length > 20);
    assert.deepEqual(
      named.filter((reason) => !Object.hasOwn(REASONS, reason)),
      [],
    );
  });
});

describe("the documents for those who work on lockkeeper", () => {
  test("an identifier that is not in its file is found", () => {
    assert.deepEqual(misplaced("`REASONS` in src/domain/refusal.ts, `Nowhere.decide` in src/domain/decide.ts"), [
      "Nowhere is not in src/domain/decide.ts",
    ]);
  });

  for (const path of ["ARCHITECTURE.md", "docs/CONTRIBUTING.md"]) {
    test(`${path} names identifiers in the files that have them`, () => {
      const text = readRootFile(path) ?? "";
      assert.ok([...text.matchAll(NAMED_IN)].length > 0);
      assert.deepEqual(misplaced(text), []);
    });
  }
});
