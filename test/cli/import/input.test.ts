/** What is in a file, as its beginning says. */
import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { findFormat, openInput } from "../../../src/cli/import/input.ts";
import { ownRows } from "../../../src/cli/import/own-rows.ts";
import { temporaryFolder } from "../../support/service.ts";

test("a document is known by its beginning, whatever stands before its list", async (t) => {
  const folder = await temporaryFolder(t);
  const rows: readonly (readonly [text: string, format: string])[] = [
    ['{"version":1,"users":[{"userId":"ann"}]}', "json"],
    ['{"a":{"b":[{"users":1}]},"s":"\\"]}","users" : []}', "json"],
    ['{\n"version":1}', "json"],
    ['{"userId":"ann","attributes":{"a":{"users":[1]}}}\n', "ndjson"],
    ['{"userId":"ann"}\n{"users":[1]}', "ndjson"],
    ['{"userId":"ann","note":"users\\":[", "users":1}', "ndjson"],
  ];
  for (const [index, [text, format]] of rows.entries()) {
    const path = join(folder, `${index}.json`);
    writeFileSync(path, text);
    assert.equal(
      findFormat(await openInput(path, process.stdin, new AbortController().signal), undefined, ownRows),
      format,
      text,
    );
  }
});
