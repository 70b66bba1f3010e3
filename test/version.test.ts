/** The version that the program tells is the package's. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { readVersion } from "../src/version.ts";

test("the version is the one of package.json", () => {
  const manifest = JSON.parse(readFileSync(join(import.meta.dirname, "../package.json"), "utf8")) as object;
  assert.deepEqual({ ...manifest, version: readVersion() }, manifest);
  assert.match(readVersion(), /^\d+\.\d+\.\d+/);
});
