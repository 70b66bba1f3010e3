/** No file of src imports itself by way of others, types included. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { importsOf } from "./support/imports.ts";
import { filesBelow, type SourceFile } from "./support/tree.ts";

/** Returns the groups of files that reach each other (Tarjan's strongly connected components of two and more). */
function circlesIn(files: readonly SourceFile[]): readonly string[] {
  const targets = new Map(files.map((file) => [file.path, importsOf(file).map(({ path }) => path ?? "")]));
  const order = new Map<string, number>();
  const lowest = new Map<string, number>();
  const stack: string[] = [];
  const circles: string[] = [];
  const visit = (path: string): number => {
    const number = order.size;
    order.set(path, number);
    lowest.set(path, number);
    stack.push(path);
    for (const target of targets.get(path) ?? []) {
      const isNew = targets.has(target) && !order.has(target);
      const reached = isNew ? visit(target) : stack.includes(target) ? order.get(target) : undefined;
      lowest.set(path, Math.min(lowest.get(path) ?? number, reached ?? number));
    }
    if (lowest.get(path) === number) {
      const members = stack.splice(stack.indexOf(path));
      if (members.length > 1 || targets.get(path)?.includes(path)) circles.push(members.sort().join(" ↔ "));
    }
    return lowest.get(path) ?? number;
  };
  for (const path of targets.keys()) if (!order.has(path)) visit(path);
  return circles.sort();
}

test("the rule finds what it is there to find, and nothing else", () => {
  const file = (path: string, ...targets: readonly string[]): SourceFile => ({
    path,
    text: targets.map((target) => `import type { A } from "${target}";`).join("\n"),
  });
  const line = [file("src/a.ts", "./b.ts", "./c/d.ts"), file("src/b.ts", "./c/d.ts", "node:fs"), file("src/c/d.ts")];
  assert.deepEqual(circlesIn(line), []);
  assert.deepEqual(circlesIn([...line, file("src/e.ts", "./e.ts")]), ["src/e.ts"]);
  assert.deepEqual(circlesIn([file("src/a.ts", "./b.ts"), file("src/b.ts", "./a.ts")]), ["src/a.ts ↔ src/b.ts"]);
  const three = [file("src/a.ts", "./b.ts"), file("src/b.ts", "./c/d.ts"), file("src/c/d.ts", "../a.ts", "../x.ts")];
  assert.deepEqual(circlesIn(three), ["src/a.ts ↔ src/b.ts ↔ src/c/d.ts"]);
});

test("src has no circles", () => {
  const files = filesBelow(["src", "console/src"]).filter(({ path }) => /\.tsx?$/.test(path));
  assert.ok(files.length > 100);
  assert.deepEqual(circlesIn(files), []);
});
