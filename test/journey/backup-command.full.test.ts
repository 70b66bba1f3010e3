/** The commands `backup` and `restore`: what they overwrite, and what they say in one sentence. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { describe, test } from "node:test";
import { assertRefused as assertCommandRefused, cliOf, jsonOf } from "../cli/support/cli.ts";
import { MIGRATION_BEFORE, NEWEST_MIGRATION, toOlderSchema } from "../store/support/older-schema.ts";
import { startService, temporaryFolder } from "../support/service.ts";

describe("the command line", () => {
  test("overwrites and replaces only with --yes, and says what is wrong in one sentence", async (t) => {
    const folder = await temporaryFolder(t);
    const [path, file] = [join(folder, "a.db"), join(folder, "b.db")];
    const database = `sqlite:${path}`;
    const service = await startService(t, { path });
    const cli = cliOf(service.url);
    const [first] = await jsonOf<Record<string, unknown>>(cli(["backup", file, "--no-verify", "--json"]));
    assert.equal(first?.verified, false);
    await assertCommandRefused(cli(["backup", file]), { code: 2, says: /would be overwritten.*pass --yes/ });
    const [second] = await jsonOf<Record<string, unknown>>(cli(["backup", file, "--yes", "--json"]));
    assert.equal(second?.verified, true);
    await assertCommandRefused(cli(["backup", join(folder, "none", "b.db")]), { code: 2, says: /cannot be written/ });
    await assertCommandRefused(cli(["restore", file, "--database", database, "--yes"]), {
      code: 4,
      says: /in use by another process/,
    });
    await service.stop();
    await assertCommandRefused(cli(["restore", file, "--database", database]), {
      code: 2,
      says: /would be moved aside.*pass --yes/,
    });
    await assertCommandRefused(cli(["restore", file]), { code: 2, says: /--database is required/ });
    for (const line of [["restore"], ["restore", file, "--raise-generation"]]) {
      await assertCommandRefused(cli([...line, "--database", database]), { code: 2, says: /required, and not both/ });
    }
    const { code, stdout } = await cli(["restore", file, "--database", database, "--yes"]);
    assert.equal(code, 0);
    for (const said of [
      /the generation is \d+; it was 1/,
      /everyone must sign in again/,
      /bans, locks and revocations of API keys/,
      /later secrets do not work/,
    ]) {
      assert.match(stdout, said);
    }
    const [raised] = await jsonOf<Record<string, string>>(
      cli(["restore", "--raise-generation", "--database", database, "--json"]),
    );
    assert.ok(Number(raised?.generation) > Number(raised?.previousGeneration));
    const [due] = await jsonOf<Record<string, unknown>>(cli(["migrate", "--check", "--database", database, "--json"]));
    assert.deepEqual(due?.due, []);
    await assertCommandRefused(cli(["migrate"]), { code: 2, says: /--database is required/ });
    await assertCommandRefused(cli(["migrate", "--database", `sqlite:${file}.none`]), {
      code: 4,
      says: /there is no database/,
    });
  });

  test("migrate --check exits with 4 while something is due", async (t) => {
    const path = join(await temporaryFolder(t), "a.db");
    await (await startService(t, { path })).stop();
    toOlderSchema(path);
    const migrate = (...more: string[]) =>
      cliOf("http://127.0.0.1:1")(["migrate", ...more, "--database", `sqlite:${path}`]);
    const says = new RegExp(`${MIGRATION_BEFORE} → ${NEWEST_MIGRATION}`);
    for (const [more, code] of [
      [["--check"], 4],
      [[], 0],
      [["--check"], 0],
    ] as const) {
      const ran = await migrate(...more);
      assert.equal(ran.code, code, ran.stderr);
      assert.match(ran.stdout, more.length === 1 && code === 0 ? /no migration is pending/ : says);
    }
  });
});
