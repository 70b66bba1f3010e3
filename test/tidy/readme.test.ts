/** The README's tables say what the code says, both ways. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { SETTINGS } from "../../src/config.ts";
import { REASONS } from "../../src/domain/refusal.ts";
import { bare, type Row, readmeRows, tableRows } from "./support/readme-table.ts";

const byFirst = (a: Row, b: Row): number => (a.join() < b.join() ? -1 : 1);

describe("README.md", () => {
  test("tables are read as they are written", () => {
    const text = "x\n\n| a | b  |\n|---|:--|\n| `1` | y \\| z |\n| 2 | |\n\n| 3 | 4 |";
    assert.deepEqual(tableRows(text, "| a | b |"), [
      ["`1`", "y | z"],
      ["2", ""],
    ]);
    assert.equal(tableRows(text, "| a | c |"), undefined);
  });

  test("its table of reasons is the code's", () => {
    const rows = readmeRows("| reason | code | meaning |").map(([reason, code, meaning]) => [
      bare(reason),
      bare(code),
      meaning ?? "",
    ]);
    const expected = Object.entries(REASONS).map(([reason, [code, meaning]]) => [reason, code, meaning]);
    assert.deepEqual([...rows].sort(byFirst), expected.sort(byFirst));
  });

  test("its table of settings is the code's", () => {
    const rows = readmeRows("| flag | environment | default | meaning |").map(
      ([flag, environment, byDefault, meaning]) => [bare(flag), bare(environment), bare(byDefault), meaning ?? ""],
    );
    const settings = Object.values<{ flag?: string; environment: string; fallback: string; meaning: string }>(SETTINGS);
    const expected = settings.map(({ flag, environment, fallback, meaning }) => [
      flag === undefined ? "" : `--${flag}`,
      environment,
      fallback,
      meaning,
    ]);
    assert.deepEqual([...rows].sort(byFirst), expected.sort(byFirst));
  });
});
