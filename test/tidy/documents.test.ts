/** The documents name files, folders and headings that exist; the README is short and leads to every page. */
import assert from "node:assert/strict";
import { existsSync, readdirSync } from "node:fs";
import { join, posix } from "node:path";
import { describe, test } from "node:test";
import { snippetsOf } from "../support/snippets.ts";
import { filesBelow, ROOT, readRootFile } from "./support/tree.ts";

const README_BYTES_MAX = 12 * 1024;
/** Papers for those who work on lockkeeper: every path in them is one of the repository. */
const PAPERS = ["ARCHITECTURE.md", "docs/CONTRIBUTING.md", "docs/SECURITY.md", "docs/VERSIONING.md"];
/** The pages for those who use it. */
const PAGES = filesBelow(["docs"], ".md").filter(({ path }) => /^docs\/[a-z-]+\.md$/.test(path));
const DOCUMENTS = [
  ...new Set([
    ...readdirSync(ROOT).filter((name) => name.endsWith(".md")),
    "clients/typescript/README.md",
    ...filesBelow(["docs", "examples", "deploy"], ".md").map(({ path }) => path),
  ]),
];
/** The repository at its home, as the pages link to what the npm package does not have. */
const HOME = /^https:\/\/github\.com\/lockkeeper\/lockkeeper\/(?:blob|tree)\/main\/(?<path>[^#]+)/;

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
    .filter((target) => !/^[a-z]+:/.test(target) || HOME.test(target))
    .filter((target) => {
      const [file = "", anchor] = target.replace(HOME, "/$<path>").split("#");
      const found = file.startsWith("/") ? file.slice(1) : posix.join(posix.dirname(path), file);
      if (file !== "" && !existsSync(join(ROOT, found))) return true;
      if (anchor === undefined) return false;
      const targetText = file === "" ? text : (readRootFile(found) ?? "");
      const titles = [...targetText.matchAll(HEADING)].map(({ groups }) => groups?.title ?? "");
      return !titles.map(anchorOf).includes(anchor);
    });
}

describe("the documents", () => {
  test("paths and links that lead nowhere are found", () => {
    const text =
      "`src/main.ts`, src/nowhere.ts, src/NAME.ts, http://a/src/b.ts, [a](#b-c), [c](#d), [d](README.md), [e](e.md)\n## B c";
    assert.deepEqual(missingPaths(text), ["src/nowhere.ts"]);
    assert.deepEqual(deadLinks("docs/a.md", text), ["#d", "README.md", "e.md"]);
  });

  test("no link leads nowhere", () => {
    assert.ok(DOCUMENTS.length > 20);
    const dead = DOCUMENTS.flatMap((path) => {
      const text = readRootFile(path) ?? "";
      assert.notEqual(text, "", path);
      return deadLinks(path, text).map((target) => `${path}: ${target}`);
    });
    assert.deepEqual(dead, []);
  });

  for (const path of PAPERS) {
    test(`${path} names only paths that exist`, () => assert.deepEqual(missingPaths(readRootFile(path) ?? ""), []));
  }
});

describe("the README and the pages", () => {
  const readme = readRootFile("README.md") ?? "";

  test("the README is short", () => {
    assert.ok(Buffer.byteLength(readme) <= README_BYTES_MAX, `${Buffer.byteLength(readme)} bytes`);
  });

  test("the README leads to every page", () => {
    const unlinked = PAGES.filter(({ path }) => !readme.includes(`](${path})`)).map(({ path }) => path);
    assert.deepEqual(unlinked, []);
  });

  test("a page begins with a title and what it is for, and ends with its neighbours", () => {
    const form = /^# .+\n\nThis page [^.]+\.\n\n[\s\S]*\n## (?:See also|Where to go on)\n\n(?:(?!\n## )[\s\S])+$/;
    assert.deepEqual(
      PAGES.filter(({ text }) => !form.test(text)).map(({ path }) => path),
      [],
    );
  });

  test("Go and Python in a page are taken from an example, word for word", () => {
    const examples = filesBelow(["examples"]).map(({ text }) => text);
    const excerpts = PAGES.flatMap(({ text }) => snippetsOf(text)).filter(({ language }) =>
      /^(?:go|python)$/.test(language),
    );
    assert.equal(excerpts.length, 2);
    for (const { code } of excerpts) {
      assert.ok(
        examples.some((text) => text.includes(code.trimEnd())),
        code,
      );
    }
  });

  test("a page links relatively only to what the npm package has next to it", () => {
    const shipped = /^(?:docs|proto|deploy)\/|^(?:README|CHANGELOG|LICENSE)/;
    const unshipped = /^docs\/CONTRIBUTING|^deploy\/Containerfile/;
    const strays = PAGES.flatMap(({ path, text }) =>
      [...text.matchAll(LINK)]
        .map(({ groups }) => groups?.target ?? "")
        .filter((target) => !/^(?:[a-z]+:|#)/.test(target))
        .map((target) => posix.join(posix.dirname(path), target))
        .filter((target) => !shipped.test(target.replace(/^proto$/, "proto/")) || unshipped.test(target))
        .map((target) => `${path}: ${target}`),
    );
    assert.deepEqual(strays, []);
  });
});
