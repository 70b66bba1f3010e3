/** Imports for tests: files to import, and what an import says it did. */
import assert from "node:assert/strict";
import { copyFileSync } from "node:fs";
import { basename, join } from "node:path";
import type { Summary } from "../../../src/cli/import/run-import.ts";
import { cliOf } from "./cli.ts";

/** A file of its own to import: the checkpoint is written next to it. */
export function copyOf(path: string, folder: string, name = basename(path)): string {
  const copy = join(folder, name);
  copyFileSync(path, copy);
  return copy;
}

/** The summary of an import that came to its end, with or without failed rows. */
export async function importJson(url: string, path: string, ...flags: readonly string[]): Promise<Summary> {
  const { code, stdout, stderr } = await cliOf(url)(["users", "import", path, "--json", ...flags]);
  // Ten failed rows are reported with the summary.
  const summary = JSON.parse(stdout) as Summary;
  const told = stderr.split("\n").filter((line) => line !== "");
  assert.ok(told.every((line) => (JSON.parse(line) as { line: number }).line > 0));
  if (summary.resumedAtLine === undefined) assert.equal(told.length, Math.min(summary.failed, 10));
  assert.equal(code, summary.failed > 0 ? 4 : 0);
  return summary;
}
