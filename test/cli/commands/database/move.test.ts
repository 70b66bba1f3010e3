/** `migrate --from … --to …`: what it prints, what it refuses, and how a moved file is taken back. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { describe, test } from "node:test";
import Database from "better-sqlite3";
import { noPostgres, sharedPostgres } from "../../../support/postgres.ts";
import { startService, temporaryFolder } from "../../../support/service.ts";
import { assertRefused, cliEnvironment, cliOf, jsonOf, processOf, runOn, TestTerminal } from "../../support/cli.ts";

const cli = cliOf("http://127.0.0.1:1");

/** The file of a service that has stopped, with a locked user and its session. */
async function makeFile(t: Parameters<typeof startService>[0]) {
  const path = join(await temporaryFolder(t), "lockkeeper.db");
  const service = await startService(t, { path });
  await service.users.createUser({ userId: "ada" });
  const { token } = await service.sessions.createSession({ userId: "ada" });
  await service.users.lockUser({ userId: "ada" });
  await service.stop();
  return { path, token };
}

describe("migrate --from --to", { skip: (await noPostgres()) ?? false }, () => {
  test("moves a file, after which services use the database alone, until the file is taken back", async (t) => {
    const { path, token } = await makeFile(t);
    const server = await sharedPostgres();
    const url = await server.createDatabase(t);
    const place = `postgres at 127.0.0.1:${server.port}`;
    const terminal = new TestTerminal({ environment: cliEnvironment("http://127.0.0.1:1"), columns: 80 });
    const { code, stdout, stderr } = await runOn(terminal, ["migrate", "--from", `sqlite:${path}`, "--to", url]);
    assert.equal(code, 0, stderr);
    assert.deepEqual(
      stdout
        .replace(/\d+ rows/, "N rows")
        .replace(/in \d+s/, "in Ns")
        .split("\n"),
      [
        `${path} is now ${place}: N rows (1 user, 4 events) in Ns`,
        "verified: the number of rows of every table, each row, and the history as an unbroken chain on both sides",
        "generation 1, position 4: sessions, keys, page tokens and request ids go on",
        `start the service with the new database; ${path} is marked as moved and is served no more: keep it until you trust the new one`,
        "",
      ],
    );
    assert.match(
      stderr,
      /verifying the history of the file.*verifying the users.*copying the rows.*comparing the rows.*of the copy/s,
    );
    assert.ok(!(stdout + stderr).includes(server.password));
    const [again] = await jsonOf<{ tables: Record<string, string> }>(
      cli(["migrate", "--from", `sqlite:${path}`, "--to", url, "--json"]),
    );
    const { tables, ...rest } = again ?? assert.fail();
    assert.deepEqual(rest, { from: path, to: place, generation: "1", position: "4" });
    assert.deepEqual([tables.user_state, tables.sessions, tables.secrets], ["1", "1", "1"]);
    const says = new RegExp(
      `the database ${path} was moved to ${place} on \\S+Z; use that one, or take this file back`,
    );
    await assertRefused(cli(["keys", "create", "--database", `sqlite:${path}`]), { code: 4, says });
    const refused = await processOf("http://127.0.0.1:1")([
      "serve",
      "--listen",
      "127.0.0.1:0",
      "--database",
      `sqlite:${path}`,
    ]);
    assert.equal(refused.code, 1);
    assert.match(refused.stderr, says);
    const moved = await startService(t, { config: { database: { engine: "postgres", url } } });
    assert.equal((await moved.users.getUser({ userId: "ada" })).user?.state, 2);
    assert.equal((await moved.sessions.verifySession({ key: { case: "token", value: token } })).session?.userId, "ada");
    const forced = await startService(t, { path, config: { force: true } });
    assert.match(forced.log(), /is taken back: it was moved to postgres at \S+ on/);
  });

  test("is refused in one sentence, which repeats no password", async (t) => {
    const { path } = await makeFile(t);
    const from = `sqlite:${path}`;
    const to = "postgres://lockkeeper:tiger@127.0.0.1:1/lockkeeper";
    const refusals: readonly (readonly [args: readonly string[], code: number, says: RegExp])[] = [
      [["--from", from], 2, /--from and --to must be given together$/m],
      [["--from", from, "--to", to, "--check"], 2, /--from and --to stand alone: without --database, --check and/],
      [["--from", to, "--to", to], 2, /--from: the value is not allowed; it must be sqlite:PATH, because only a file/],
      [
        ["--from", from, "--to", from],
        2,
        /--to: the value is not allowed; it must be postgres:\/\/USER@HOST\/DATABASE/,
      ],
      [["--from", from, "--to", to.replace(":1/", ":0/")], 2, /--to: the URL of the database is not allowed: the port/],
      [["--from", from, "--to", to], 4, /nothing listens at 127\.0\.0\.1:1; start PostgreSQL, or correct the host/],
      [["--from", `${from}.none`, "--to", to], 4, /there is no database \S+\.none$/m],
    ];
    for (const [args, code, says] of refusals) await assertRefused(cli(["migrate", ...args]), { code, says });
    for (const [args] of refusals) assert.ok(!(await cli(["migrate", ...args])).stderr.includes("tiger"));
    const file = new Database(path);
    file.exec("UPDATE organizations SET display_name = 'a' || char(0)");
    file.close();
    const half = await cli(["migrate", "--from", from, "--to", await (await sharedPostgres()).createDatabase(t)]);
    assert.match(
      half.stderr,
      /of organizations has the character U\+0000, which PostgreSQL cannot store\n {2}the move is not finished, and no/,
    );
    const running = await startService(t, { path });
    const url = await (await sharedPostgres()).createDatabase(t);
    await assertRefused(cli(["migrate", "--from", from, "--to", url]), {
      code: 4,
      says: /the database \S+ is in use by another process, which holds \S+\.lock; stop it first/,
    });
    await running.stop();
  });
});
