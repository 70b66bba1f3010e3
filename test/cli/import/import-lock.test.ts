/** One import of a file at a time. */
import assert from "node:assert/strict";
import { mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { EXIT, Failure } from "../../../src/cli/frame/failure.ts";
import { ImportLock } from "../../../src/cli/import/import-lock.ts";
import { startService, temporaryFolder } from "../../support/service.ts";
import { assertRefused, cliOf } from "../support/cli.ts";
import { importJson } from "../support/imports.ts";

test("a file is imported by one process at a time; what a crash leaves stands in nobody's way", async (t) => {
  const { url } = await startService(t);
  const folder = await temporaryFolder(t);
  const file = join(folder, "users.csv");
  writeFileSync(file, "user_id\nann\n");
  writeFileSync(`${file}.lockkeeper-import.lock`, "");
  const lock = ImportLock.take(file);
  const says = /users\.csv is being imported by another process, which holds .*users\.csv\.lockkeeper-import\.lock/;
  await assertRefused(cliOf(url)(["users", "import", file]), { code: 4, says });
  // Nothing is kept of it, so nothing is shared.
  assert.equal((await importJson(url, file, "--dry-run")).created, 1);
  lock.release();
  assert.equal((await importJson(url, file)).created, 1);
  assert.deepEqual(readdirSync(folder), ["users.csv"]);
});

test("if nothing can be written next to a file, an import says how to do without", async (t) => {
  const folder = await temporaryFolder(t);
  const file = join(folder, "users.csv");
  mkdirSync(`${file}.lockkeeper-import.lock`);
  assert.throws(
    () => ImportLock.take(file),
    (error) =>
      error instanceof Failure &&
      error.exitCode === EXIT.USAGE &&
      /cannot be written: it is a folder$/.test(error.message) &&
      /pipe it in, .*: users import - --format csv\|ndjson\|json < FILE$/.test(error.lines[0] ?? ""),
  );
});
