/** The code of the documentation, so that tests can run it as it is written. */
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join, posix } from "node:path";
import { ROOT } from "./npm-start.ts";

/** Where the documentation says that the service listens. */
export const DOCUMENTED_URL = "http://127.0.0.1:8080";

export interface Snippet {
  /** `sh` is run by a test, `bash` is shown only. */
  readonly language: string;
  readonly code: string;
  /** The JSON block that directly follows: what the last command answers. */
  readonly answer: unknown;
}

/** Returns the fenced blocks of a Markdown text, in their order. */
export function snippetsOf(text: string): readonly Snippet[] {
  const fence = /^ *```(?<language>\w*)\n(?<code>.*?)^ *```$(?:\n\n```json\n(?<answer>.*?)^```$)?/gms;
  return [...text.matchAll(fence)].map(({ groups }) => ({
    language: groups?.language ?? "",
    code: groups?.code ?? "",
    answer: groups?.answer === undefined ? undefined : (JSON.parse(groups.answer) as unknown),
  }));
}

/** Returns the snippets of a page in these languages. */
export async function readSnippets(page: string, ...languages: readonly string[]): Promise<readonly Snippet[]> {
  const text = await readFile(join(ROOT, page), "utf8");
  return snippetsOf(text).filter(({ language }) => languages.includes(language));
}

/** Returns the README and every page that it links to below docs, in the order of its links. */
export async function readPages(): Promise<readonly string[]> {
  const readme = await readFile(join(ROOT, "README.md"), "utf8");
  const linked = [...readme.matchAll(/\]\((docs\/[a-z-]+\.md)/g)].map(([, path = ""]) => posix.normalize(path));
  return ["README.md", ...new Set(linked)];
}

/** Returns what a snippet says that it prints: the comments behind its `console.log`, one a line. */
export function printedBy(code: string): string {
  return [...code.matchAll(/console\.log\(.*; \/\/ (.+)$/gm)].map(([, text]) => `${text}\n`).join("");
}

/**
 * Asserts that a JSON value is what the documentation shows. `…` as a member stands for more members, at the end of a text
 * for more text; a time stands for any time.
 */
export function assertShown(actual: unknown, shown: unknown, place: string): void {
  if (typeof shown === "string") {
    const isTime = /^\d{4}-\d\d-\d\dT/.test(shown);
    if (isTime) assert.match(String(actual), /^\d{4}-\d\d-\d\dT/, place);
    else if (shown.endsWith("…")) assert.ok(String(actual).startsWith(shown.slice(0, -1)), `${place}: ${actual}`);
    else assert.equal(actual, shown, place);
  } else if (typeof shown !== "object" || shown === null) assert.equal(actual, shown, place);
  else {
    assert.ok(typeof actual === "object" && actual !== null, `${place}: ${String(actual)}`);
    const members = Object.entries(shown).filter(([name, value]) => name !== "…" && value !== "…");
    const isWhole = members.length === Object.keys(shown).length;
    if (isWhole) assert.deepEqual(Object.keys(actual).sort(), Object.keys(shown).sort(), place);
    for (const [name, value] of members) {
      assertShown((actual as Record<string, unknown>)[name], value, `${place}.${name}`);
    }
  }
}
