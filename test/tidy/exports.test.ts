/** No export of src is there for tests alone: something of src, its own file included, uses each. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { importsOf } from "./support/imports.ts";
import { filesBelow, type SourceFile } from "./support/tree.ts";

const DECLARATION = /^export (?:async |abstract )*(?:function\*?|const|let|class|type|interface) (\w+)/gm;

/** What these files export and none of the users imports, nor the file itself uses. */
function unusedExports(files: readonly SourceFile[], users: readonly SourceFile[]): readonly string[] {
  const imports = users.flatMap((file) => importsOf(file));
  const used = new Set(imports.flatMap(({ path, names }) => names.map((name) => `${path} ${name}`)));
  return files.flatMap(({ path, text }) => {
    const code = text.replace(/\/\*[\s\S]*?\*\/|^\s*\/\/.*$/gm, "");
    return [...code.matchAll(DECLARATION)]
      .map(([, name = ""]) => name)
      .filter((name) => !used.has(`${path} ${name}`) && !used.has(`${path} *`))
      .filter((name) => (code.match(new RegExp(`\\b${name}\\b`, "g")) ?? []).length === 1)
      .map((name) => `${path}: ${name}`);
  });
}

test("the rule finds what it is there to find, and nothing else", () => {
  const a = { path: "src/a.ts", text: "/** As one says. */\nexport function one() {}\nexport const two = 2;\n" };
  const user = (text: string): SourceFile => ({ path: "src/b.ts", text });
  assert.deepEqual(unusedExports([a], [user('import { one } from "./a.ts";')]), ["src/a.ts: two"]);
  assert.deepEqual(unusedExports([a], [user('import { one, type two as x } from "./a.ts";')]), []);
  assert.deepEqual(unusedExports([a], [user('import * as a from "./a.ts";')]), []);
  assert.deepEqual(unusedExports([a], [user('import { one, two } from "./c.ts";')]).length, 2);
  assert.deepEqual(unusedExports([{ ...a, text: `${a.text}one(two);` }], []), []);
});

test("holds everywhere", () => {
  const files = filesBelow(["src"], ".ts");
  assert.ok(files.length > 100);
  const users = [...files, ...filesBelow(["scripts"], ".ts")];
  assert.deepEqual(unusedExports(files, users), []);
});
