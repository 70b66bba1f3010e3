/** The file of errors: what it may overwrite, and to which import it belongs. */
import assert from "node:assert/strict";
import { existsSync, linkSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { startService, temporaryFolder } from "../../support/service.ts";
import { assertRefused, cliOf } from "../support/cli.ts";
import { importJson } from "../support/imports.ts";

test("--errors takes no file that holds something else, and one import keeps to one of them", async (t) => {
  const { url, users } = await startService(t);
  const folder = await temporaryFolder(t);
  const at = (name: string, text: string): string => {
    writeFileSync(join(folder, name), text);
    return join(folder, name);
  };
  const file = at("users.csv", "user_id\nann\nbad \n");
  const refused = at("refused.csv", "user_id,emial\nann,a\n");
  const diary = at("diary.txt", "my diary");
  const alias = join(folder, "alias.csv");
  linkSync(file, alias);
  const run = (...words: string[]) => cliOf(url)(["users", "import", ...words]);
  await Promise.all([
    assertRefused(run(file, "--errors", alias), {
      code: 2,
      says: /--errors: .*alias\.csv is the file that is imported/,
    }),
    assertRefused(run(file, "--errors", alias, "--yes", "--dry-run"), {
      code: 2,
      says: /is the file that is imported/,
    }),
    assertRefused(run(refused, "--errors", diary, "--yes"), { code: 2, says: /"emial" is unknown/ }),
  ]);
  await assertRefused(run(file, "--errors", diary), { code: 2, says: /diary\.txt is not empty .* pass --yes to/ });
  assert.equal(readFileSync(diary, "utf8"), "my diary");
  assert.equal(readFileSync(file, "utf8"), "user_id\nann\nbad \n");
  assert.equal((await users.listUsers({})).users.length, 0);
  assert.ok(!existsSync(`${file}.lockkeeper-import.json`));

  const first = join(folder, "first.ndjson");
  const stopped = await run(file, "--errors", first, "--batch-size", "1", "--max-errors", "1");
  assert.match(stopped.stderr, /1 row failed, --max-errors is 1/);
  await assertRefused(run(file, "--errors", diary, "--batch-size", "1", "--yes"), {
    code: 2,
    says: /with another --errors \(".*first\.ndjson"\)/,
  });
  const { failed } = await importJson(url, file, "--errors", first, "--batch-size", "1");
  assert.equal(failed, 1);
  assert.equal(readFileSync(first, "utf8").match(/\n/g)?.length, 1);
  const { created } = await importJson(url, file, "--errors", diary, "--yes");
  assert.equal(created, 0);
  assert.match(readFileSync(diary, "utf8"), /^\{"line":3,/);
});
