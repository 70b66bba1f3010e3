/** Each reason of a refusal is made in one place. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { REASONS } from "../../src/domain/refusal.ts";
import { filesBelow, type SourceFile } from "./support/tree.ts";

const HOME = "src/domain/refusal.ts";

const DECLARATION = /^(?:export )?(?:async )?(?:abstract )?(?:function\*?|const|let|class|type|interface) (\w+)/;

/** The first-level declarations of a formatted file that hold this text, by name. */
function declarationsWith({ text }: SourceFile, needle: string): readonly string[] {
  const found = new Set<string>();
  let current = "the top of the file";
  for (const line of text.split("\n")) {
    current = DECLARATION.exec(line)?.[1] ?? current;
    // What only compares a refusal with the reason does not make one.
    if (line.replaceAll(`=== ${needle}`, "").includes(needle)) found.add(current);
  }
  return [...found];
}

function placesOf(reason: string, files: readonly SourceFile[]): readonly string[] {
  return files.flatMap((file) => declarationsWith(file, `"${reason}"`).map((name) => `${file.path} ${name}`));
}

describe("each reason", () => {
  // The command line only reads what the service made.
  const files = filesBelow(["src"], ".ts").filter(({ path }) => !path.startsWith("src/cli/"));

  test("a place is a function or a table of the first level, and counts once", () => {
    const text = [
      "const A = {",
      '  x: "R1",',
      "};",
      "export function f() {",
      '  return ok ? refuse("R1", a) : refuse("R1", b);',
      "}",
      "export class C {",
      '  #g() { return refuse("R2"); }',
      '  #h() { return reason === "R1"; }',
      "}",
    ].join("\n");
    assert.deepEqual(placesOf("R1", [{ path: "p", text }]), ["p A", "p f"]);
    assert.deepEqual(placesOf("R2", [{ path: "p", text }]), ["p C"]);
  });

  for (const reason of Object.keys(REASONS)) {
    test(`${reason} is made in exactly one place`, () => {
      assert.equal(placesOf(reason, files).length, 1, `places: ${placesOf(reason, files).join(", ") || "none"}`);
    });
  }

  test("no refusal is made with a reason that is not a literal at its place, but from a table", () => {
    const dynamic = files
      .filter(({ path, text }) => path === HOME || /\brefuse\b[^;]*? from "[^"]*\/refusal\.ts"/.test(text))
      .flatMap(({ path, text }) =>
        [...text.matchAll(/(?<!function )\brefuse\(\s*(?!["\s])(\w+)/g)].map(([, name]) => `${path} ${name}`),
      );
    assert.deepEqual(dynamic, ["src/domain/decide.ts reason", "src/domain/decide.ts notThere"]);
  });
});
