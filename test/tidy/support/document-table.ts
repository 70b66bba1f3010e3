/** The tables of the documentation as the tidy tests read them. */
import assert from "node:assert/strict";
import { readRootFile } from "./tree.ts";

export type Row = readonly string[];

/** The rows below a Markdown table's header; `undefined`: there is no such table. Code marks are kept. */
export function tableRows(text: string, header: string): readonly Row[] | undefined {
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
export function bare(cell: string | undefined): string {
  return (cell ?? "").replace(/^`(.*)`$/, "$1");
}

/** Returns the rows of a document's table with this header; fails if there is none. */
export function documentRows(path: string, header: string): readonly Row[] {
  const text = readRootFile(path);
  assert.ok(text !== undefined, `${path} does not exist`);
  const rows = tableRows(text, header);
  assert.ok(rows !== undefined, `${path} has no table with the header ${header}`);
  return rows;
}
