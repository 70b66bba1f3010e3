/** The commands on a database itself when that is one of PostgreSQL: what they print, and how they refuse. */
import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { MIGRATIONS, SCHEMA_VERSION } from "../../../../src/store/postgres/schema/migrations.ts";
import { noPostgres, sharedPostgres } from "../../../support/postgres.ts";
import { startService, temporaryFolder } from "../../../support/service.ts";
import { assertRefused, cliOf, jsonOf } from "../../support/cli.ts";

const NAMES = MIGRATIONS.map(({ name }) => name).join(", ");

const cli = cliOf("http://127.0.0.1:1");

test("a service on PostgreSQL says how its database is backed up", {
  skip: (await noPostgres()) ?? false,
}, async (t) => {
  const url = await (await sharedPostgres()).createDatabase(t);
  const service = await startService(t, { config: { database: { engine: "postgres", url } } });
  const file = join(await temporaryFolder(t), "a.db");
  await assertRefused(cliOf(service.url)(["backup", file]), {
    code: 1,
    says: /this database is backed up by its own tools, pg_dump or point-in-time recovery, not by lockkeeper/,
  });
  assert.equal(existsSync(file), false);
});

describe("a database of PostgreSQL", { skip: (await noPostgres()) ?? false }, () => {
  test("is migrated, and its generation raised; its address is shown without its password", async (t) => {
    const server = await sharedPostgres();
    const url = await server.createDatabase(t);
    const place = `postgres at 127.0.0.1:${server.port}`;
    const pending = await cli(["migrate", "--check", "--database", url]);
    assert.deepEqual(
      [pending.code, pending.stdout],
      [4, `${place}: empty → ${SCHEMA_VERSION} (pending: ${NAMES})\n`],
      pending.stderr,
    );
    const passwordless = url.replace(`:${server.password}`, "");
    const done = await cli(["migrate", "--database", url]);
    assert.deepEqual([done.code, done.stdout], [0, `${place}: empty → ${SCHEMA_VERSION} (done)\n`], done.stderr);
    const [finished] = await jsonOf(cli(["migrate", "--finish", "--database", url, "--json"]));
    assert.deepEqual(finished, { database: place, from: SCHEMA_VERSION, to: SCHEMA_VERSION, due: [], applied: true });
    const raised = await cli(["restore", "--raise-generation", "--database", url]);
    assert.match(raised.stdout, /^the generation is \d+; it was 1 \(position 1\)\nall earlier sessions/);
    for (const { stdout, stderr } of [pending, done, raised]) assert.ok(!(stdout + stderr).includes(server.password));
    await assertRefused(cli(["migrate", "--database", passwordless]), {
      code: 4,
      says: /^lockkeeper: PostgreSQL at \S+ asks for a password, and neither the URL nor PGPASSWORD has one$/m,
    });
  });

  test("is refused in one sentence when it is another program's, and restored by PostgreSQL's tools", async (t) => {
    const server = await sharedPostgres();
    const url = await server.createDatabase(t);
    await assertRefused(cli(["restore", "backup", "--database", url]), {
      code: 4,
      says: /^lockkeeper: the database \S+ at \S+ is restored by PostgreSQL's own tools, pg_restore or point-in-time/m,
    });
    await server.query(`CREATE TABLE ${new URL(url).username}.accounts (id int)`);
    await assertRefused(cli(["migrate", "--database", url]), {
      code: 4,
      says: /^lockkeeper: the database \S+ at \S+ has tables of another program, such as accounts; lockkeeper does not/m,
    });
    await assertRefused(cli(["migrate", "--database", url.replace(/:\d+\//, ":0/")]), {
      code: 2,
      says: /^lockkeeper: --database: the URL of the database is not allowed: the port of 127\.0\.0\.1 is not allowed/m,
    });
  });
});
