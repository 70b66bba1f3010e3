/** The checkpoint next to a file: written whole, for this import only, and deleted when it is complete. */
import assert from "node:assert/strict";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { Checkpoint, type CheckpointOptions, NO_COUNTS, type Progress } from "../../../src/cli/import/checkpoint.ts";
import { ErrorFile } from "../../../src/cli/import/error-file.ts";
import { temporaryFolder } from "../../support/service.ts";

const START: Progress = { offset: 0, line: 1, counts: NO_COUNTS, errorBytes: 0, foreignOrganization: "" };
const LATER: Progress = { ...START, offset: 700, line: 12, counts: { ...NO_COUNTS, created: 10, failed: 1 } };

test("a checkpoint keeps the import's id and place until it is complete, and is written now and then", async (t) => {
  const path = join(await temporaryFolder(t), "users.csv");
  let now = 0;
  let ids = 0;
  const options: CheckpointOptions = {
    path,
    terms: { "--batch-size": 1000, "--server": "http://a" },
    restart: false,
    newId: () => `id-${++ids}`,
    clock: () => now,
    start: START,
  };
  const first = new Checkpoint(options);
  assert.ok(!existsSync(first.path), "there is nothing to keep before anything is sent");
  first.open();
  assert.deepEqual([first.importId, first.isResumed, first.begin], ["id-1", false, START]);
  first.note(LATER);
  assert.deepEqual(new Checkpoint(options).begin, START);
  now += 250;
  first.note(LATER);
  const second = new Checkpoint(options);
  assert.deepEqual([second.importId, second.isResumed, second.begin], ["id-1", true, LATER]);
  assert.ok(!existsSync(`${first.path}.new`));

  assert.throws(
    () => new Checkpoint({ ...options, terms: { "--batch-size": 10, "--server": "http://a" } }),
    /users\.csv\.lockkeeper-import\.json belongs to an interrupted import with another --batch-size \("1000"\); repeat that command to resume it, or start over with --restart$/,
  );
  const anew = new Checkpoint({ ...options, terms: {}, restart: true });
  assert.deepEqual([anew.importId, anew.isResumed], ["id-2", false]);
  for (const text of ["", "{", '{"version":2,"terms":{},"progress":{}}', "[]"]) {
    writeFileSync(first.path, text);
    assert.throws(
      () => new Checkpoint(options),
      /is not a checkpoint of this version; --restart starts over without it$/,
    );
  }
  second.remove();
  assert.ok(!existsSync(second.path));
  assert.throws(() => new Checkpoint({ ...options, path: join(path, "none") }).open(), /cannot be (?:read|written)/);
});

test("the file of errors goes on behind what was settled; what was written after that comes again", async (t) => {
  const path = join(await temporaryFolder(t), "errors.ndjson");
  const first = new ErrorFile(path, 0);
  first.write({ line: 2, message: "is not JSON" });
  const settled = first.bytes;
  first.write({ line: 3, message: "was not settled" });
  first.close();
  const second = new ErrorFile(path, settled);
  second.write({ line: 3, message: "came again" });
  second.close();
  const lines = readFileSync(path, "utf8").trimEnd().split("\n");
  assert.deepEqual(lines, ['{"line":2,"message":"is not JSON"}', '{"line":3,"message":"came again"}']);
  // Somebody took the file away meanwhile.
  writeFileSync(path, "");
  const third = new ErrorFile(path, settled);
  assert.equal(third.bytes, 0);
  third.close();
  assert.throws(() => new ErrorFile(join(path, "none"), 0), /^Failure: --errors: .*none cannot be written/);
});
