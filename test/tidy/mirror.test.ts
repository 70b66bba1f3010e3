/** `test/` mirrors `src/`, `clients/` and `console/`: the tests of a folder are below the same name. */
import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { filesBelow, foldersBelow, ROOT } from "./support/tree.ts";

/** Folders of tests that stand for no folder of src; `contract`: a suite that runs against every engine. */
const OF_THEIR_OWN = ["support", "fixtures", "tidy", "journey", "contract"];

/** What is tested by journeys through the whole service. */
const BY_JOURNEY = ["src/main.ts", "src/server"];

/** What is tested through the one who uses it. */
const BY_USER = ["src/config-database.ts", "src/config-values.ts"];

test("every folder of tests stands for a folder of src, for a client or for the console, or is of its own", () => {
  const strays = foldersBelow("test").filter((folder) => {
    const parts = folder.split("/").slice(1);
    if (parts.some((part) => OF_THEIR_OWN.includes(part)) || existsSync(join(ROOT, "src", ...parts))) return false;
    return !["clients", "console"].includes(parts[0] ?? "") || !existsSync(join(ROOT, ...parts));
  });
  assert.deepEqual(strays, []);
});

test("every folder of src has tests below the same name", () => {
  const folders = [...new Set(filesBelow(["src"], ".ts").map(({ path }) => path.split("/").slice(1, -1)[0]))];
  const untested = folders.filter(
    (folder) =>
      folder !== undefined &&
      !BY_JOURNEY.includes(`src/${folder}`) &&
      filesBelow([`test/${folder}`], ".test.ts").length === 0,
  );
  assert.deepEqual(untested, []);
});

test("every file next to the folders of src has a test of the same name", () => {
  const untested = filesBelow(["src"], ".ts")
    .map(({ path }) => path)
    .filter((path) => path.split("/").length === 2 && ![...BY_JOURNEY, ...BY_USER].includes(path))
    .filter((path) => !existsSync(join(ROOT, path.replace(/^src\/(.+)\.ts$/, "test/$1.test.ts"))));
  assert.deepEqual(untested, []);
});

test("every test file is found by the runner: tests live in files named *.test.ts, support in folders named so", () => {
  const strays = filesBelow(["test"], ".ts")
    .filter(({ path, text }) => !path.endsWith(".test.ts") && /from "node:test"/.test(text))
    .filter(({ text }) => /^(?:test|describe|it|suite)\(/m.test(text))
    .map(({ path }) => path);
  assert.deepEqual(strays, []);
});
