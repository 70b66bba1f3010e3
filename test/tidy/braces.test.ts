/** One hand for braces: a body on the line of its `if`, `for` or `while` has none; one that needs its own line has them. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { type Fault, faultsIn, filesBelow, type SourceFile } from "./support/tree.ts";

const LINE_MAX = 120;

/** The heads that stand on one line; what has an `else` is read as a chain, in which both forms may stand. */
const HEAD = /^ *(?:(?:\} )?else )?(?:if|for|while)(?: await)? \(.*\)( \{)?$/;

/** Bodies that cannot, or should not, share the line of the head. */
const NEEDS_BRACES = /^(?:const|let|if|for|while|try|switch|\/\/|\/\*)\b|^\/[/*]/;

function indentOf(line: string): number {
  return line.length - line.trimStart().length;
}

function bracesOutOfPlace({ text }: SourceFile): readonly Fault[] {
  const lines = text.split("\n");
  return lines.flatMap((line, index) => {
    const head = HEAD.exec(line);
    const [body = "", end = ""] = lines.slice(index + 1);
    if (head === null || indentOf(body) !== indentOf(line) + 2) return [];
    if (head[1] === undefined) return /^\s*[.?:&|]/.test(body) ? [] : [`line ${index + 1}: the body needs braces`];
    const isOneStatement = end === `${" ".repeat(indentOf(line))}}` && body.endsWith(";") && !/^ *\}/.test(line);
    const isTooLong = line.length - " {".length + " ".length + body.trim().length > LINE_MAX;
    if (!isOneStatement || isTooLong || NEEDS_BRACES.test(body.trim())) return [];
    return [`line ${index + 1}: the body fits on the line, without braces`];
  });
}

test("the rule finds what it is there to find, and nothing else", () => {
  const samples: readonly (readonly [text: string, faults: number])[] = [
    ["if (a) {\n  b();\n}", 1],
    ["  for (const a of b) {\n    c(a);\n  }", 1],
    ["if (a)\n  b();", 1],
    ["if (a) {\n  b();\n} else if (c)\n  d();", 1],
    ["if (a) b();\nc();", 0],
    ["if (a) {\n  b();\n  c();\n}", 0],
    ["if (a) {\n  b();\n} else c();", 0],
    ["if (a) {\n  const b = 1;\n}", 0],
    ["if (a) {\n  // Why.\n}", 0],
    ["for (const a of b) {\n  if (a) c();\n}", 0],
    [`if (a) {\n  ${"b".repeat(LINE_MAX - 6)}();\n}`, 0],
    ["const a = (b)\n  ? c\n  : d;", 0],
  ];
  for (const [text, faults] of samples) assert.equal(bracesOutOfPlace({ path: "", text }).length, faults, text);
});

test("holds everywhere", () => {
  const files = filesBelow(["src", "clients/typescript/src", "test", "bench", "examples", "scripts"], ".ts");
  assert.ok(files.length > 100);
  assert.deepEqual(faultsIn(files, bracesOutOfPlace), []);
});
