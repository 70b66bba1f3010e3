/** The README's tables say what the code says, both ways. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { SETTINGS } from "../../src/config.ts";
import { REASONS } from "../../src/domain/refusal.ts";
import { readRootFile } from "./support/tree.ts";

type Row = readonly string[];

/** The rows below a Markdown table's header; `undefined`: there is no such table. Code marks are kept. */
function tableRows(text: string, header: string): readonly Row[] | undefined {
  const lines = text.split("\n").map((line) => line.trim());
  const wanted = cellsOf(header).join("|");
  const start = lines.findIndex((line) => line.startsWith("|") && cellsOf(line).join("|") === wanted);
  if (start === -1) return undefined;
  const rows: Row[] = [];
  for (const line of lines.slice(start + 2)) {
    if (!line.startsWith("|")) break;
    rows.push(cellsOf(line));
  }
  return rows;
}

function cellsOf(line: string): readonly string[] {
  const inner = line.trim().replace(/^\|/, "").replace(/\|$/, "");
  return inner.split(/(?<!\\)\|/).map((cell) => cell.trim().replaceAll("\\|", "|"));
}

/** A cell that is code or plain alike. */
function bare(cell: string | undefined): string {
  return (cell ?? "").replace(/^`(.*)`$/, "$1");
}

function readme(header: string): readonly Row[] {
  const text = readRootFile("README.md");
  assert.ok(text !== undefined, "README.md is not there");
  const rows = tableRows(text, header);
  assert.ok(rows !== undefined, `README.md has no table with the header ${header}`);
  return rows;
}

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
    const rows = readme("| reason | code | meaning |").map(([reason, code, meaning]) => [
      bare(reason),
      bare(code),
      meaning ?? "",
    ]);
    const expected = Object.entries(REASONS).map(([reason, [code, meaning]]) => [reason, code, meaning]);
    assert.deepEqual([...rows].sort(byFirst), expected.sort(byFirst));
  });

  test("its table of settings is the code's", () => {
    const rows = readme("| flag | environment | default | meaning |").map(([flag, environment, byDefault, meaning]) => [
      bare(flag),
      bare(environment),
      bare(byDefault),
      meaning ?? "",
    ]);
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
