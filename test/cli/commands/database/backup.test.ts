/** The command `backup` when it does not go well: it ends, says why, and leaves nothing behind. */
import assert from "node:assert/strict";
import { existsSync, mkdirSync, readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { fillForBackup as fill, partialsOf } from "../../../support/backups.ts";
import { ADMIN_KEY, clientsOf, spawnService, startService, temporaryFolder } from "../../../support/service.ts";
import { until } from "../../../support/until.ts";
import { assertRefused, cliEnvironment, cliOf, jsonOf, runOn, TestTerminal } from "../../support/cli.ts";

describe("backup", () => {
  test("is readable for its owner alone, and refuses a folder in its place before anything", async (t) => {
    const folder = await temporaryFolder(t);
    const { url, log } = await startService(t);
    await jsonOf(cliOf(url)(["backup", join(folder, "b.db"), "--json"]));
    assert.equal(statSync(join(folder, "b.db")).mode & 0o777, 0o600);
    mkdirSync(join(folder, "d.db"));
    const backups = (): number => log().split("backup begun").length - 1;
    assert.equal(backups(), 1);
    await assertRefused(cliOf(url)(["backup", join(folder, "d.db"), "--yes"]), {
      code: 2,
      says: /d\.db is not a file/,
    });
    assert.equal(backups(), 1, "nothing was asked of the service");
    assert.deepEqual(readdirSync(folder).toSorted(), ["b.db", "d.db"]);
  });

  test("ends when the service falls silent, within --timeout, and leaves nothing", async (t) => {
    const folder = await temporaryFolder(t);
    const file = join(folder, "b.db");
    const service = await spawnService(t, { path: join(folder, "a.db"), arguments: ["--backup-rate", "1"] });
    await fill(clientsOf(service.url, ADMIN_KEY).users);
    const ending = cliOf(service.url)(["backup", file, "--timeout", "5s"]);
    await until(() => partialsOf(file).some((each) => statSync(each).size > 0), "the first bytes");
    service.process.kill("SIGSTOP");
    const { code, stderr } = await ending;
    assert.match(stderr, /^lockkeeper: nothing arrived from http:\S+ for 5000 ms; try again$/m);
    assert.deepEqual([code, existsSync(file), partialsOf(file)], [6, false, []]);
  });

  test("ends at an interrupt while it verifies, too, and leaves nothing", async (t) => {
    const folder = await temporaryFolder(t);
    const file = join(folder, "b.db");
    const service = await startService(t);
    await fill(service.users);
    const terminal = new TestTerminal({
      environment: cliEnvironment(service.url),
      // All that follows is the verification and the name.
      onStderr: (piece) => {
        if (piece.startsWith("received")) terminal.interrupt();
      },
    });
    const { code, stderr: said } = await runOn(terminal, ["backup", file]);
    assert.equal(code, 130, said);
    assert.match(said, /^lockkeeper: interrupted; \S*b\.db was not written$/m);
    assert.deepEqual(readdirSync(folder), []);
  });
});
