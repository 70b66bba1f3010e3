/** The documents for those who work on lockkeeper name files, folders and headings that exist. */
import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { join, posix } from "node:path";
import { describe, test } from "node:test";
import { ROOT, readRootFile } from "./support/tree.ts";

const DOCUMENTS = ["docs/SECURITY.md", "docs/VERSIONING.md"];

/** A path from the root; one with `NN` or a name in capitals stands for many and is not one. */
const PATH = /(?<![\w./:-])(?:\.ci|bench|bin|clients|deploy|docs|examples|gen|proto|scripts|src|test)\/[\w./-]*\w/g;
const LINK = /\]\((?<target>[^)\s]+)\)/g;
const HEADING = /^#+ (?<title>.+)$/gm;

/** The paths that a text names and that do not exist. */
function missingPaths(text: string): readonly string[] {
  const paths = [...text.matchAll(PATH)]
    .map(([path]) => path)
    .filter((path) => !/NN|[A-Z]{4}/.test(path.replace(/\.md$/, "")));
  return [...new Set(paths)].filter((path) => !existsSync(join(ROOT, path)));
}

/** As GitHub makes the anchor of a heading. */
function anchorOf(title: string): string {
  return title
    .toLowerCase()
    .replace(/[^\p{L}\p{N} _-]/gu, "")
    .replaceAll(" ", "-");
}

/** The links of a document that lead nowhere. */
function deadLinks(path: string, text: string): readonly string[] {
  return [...text.matchAll(LINK)]
    .map(({ groups }) => groups?.target ?? "")
    .filter((target) => !/^[a-z]+:/.test(target))
    .filter((target) => {
      const [file = "", anchor] = target.split("#");
      const found = posix.join(posix.dirname(path), file);
      const isThere = file === "" || existsSync(join(ROOT, found));
      const targetText = file === "" ? text : (readRootFile(found) ?? "");
      const titles = [...targetText.matchAll(HEADING)].map(({ groups }) => groups?.title ?? "");
      return !isThere || (anchor !== undefined && !titles.map(anchorOf).includes(anchor));
    });
}

describe("the documents", () => {
  test("paths and links that lead nowhere are found", () => {
    const text =
      "`src/main.ts`, src/nowhere.ts, src/NAME.ts, http://a/src/b.ts, [a](#b-c), [c](#d), [d](README.md), [e](e.md)\n## B c";
    assert.deepEqual(missingPaths(text), ["src/nowhere.ts"]);
    assert.deepEqual(deadLinks("docs/a.md", text), ["#d", "README.md", "e.md"]);
  });

  for (const path of DOCUMENTS) {
    test(`${path} names only what exists`, () => {
      const text = readRootFile(path) ?? "";
      assert.notEqual(text, "");
      assert.deepEqual(missingPaths(text), []);
      assert.deepEqual(deadLinks(path, text), []);
    });
  }
});
