/** What keeps a store from opening a database: one plain sentence each, for the administrator, and nothing half done. */
import assert from "node:assert/strict";
import { chmodSync } from "node:fs";
import { dirname, join } from "node:path";
import { describe, type TestContext, test } from "node:test";
import { openStore } from "../../../src/store/open-store.ts";
import { noPostgres, type PostgresServer, sharedPostgres, startPostgres } from "../../support/postgres.ts";
import { mountTmpfs } from "../support/tmpfs.ts";
import { emptyDatabase } from "./support/connect.ts";

/** Opens a store that must be refused. Returns the sentence; nothing is logged in addition. */
async function refusal(url: string): Promise<string> {
  const logged: unknown[] = [];
  const opening = openStore(
    { engine: "postgres", url, connections: 3 },
    { clock: Date.now, onTrouble: (error) => logged.push(error), onWarning: () => undefined },
  );
  const error: unknown = await opening.then(
    async (store) => {
      await store.close();
      assert.fail("the store was opened");
    },
    (thrown: unknown) => thrown,
  );
  assert.ok(error instanceof Error && error.constructor === Error, String(error));
  assert.doesNotMatch(error.message, /\n|secret/);
  assert.deepEqual(logged, []);
  return error.message;
}

/** Returns the server, and one of its databases with the statements that were run in it. */
async function prepare(t: TestContext, statements: string): Promise<{ url: string; server: PostgresServer }> {
  const server = await sharedPostgres();
  const url = await emptyDatabase(t);
  const schema = new URL(url).username;
  await server.query(`SET search_path = ${schema}; ${statements}; RESET search_path`);
  return { url, server };
}

async function openOnce(url: string): Promise<void> {
  await (await openStore({ engine: "postgres", url, connections: 3 }, { clock: Date.now })).close();
}

describe("a start on PostgreSQL is refused", { skip: (await noPostgres()) ?? false }, () => {
  test("by a URL, a user or a password that is wrong", async (t) => {
    const { url, server } = await prepare(t, "SELECT 1");
    assert.match(await refusal(url.replace("postgres://", "postgres:/")), /^the URL of the database is not allowed: /);
    assert.match(
      await refusal(url.replace(server.password, "wrong-secret")),
      /refuses the user test_\d+ or the password$/,
    );
  });

  test("by another program's database, and leaves it as it is", async (t) => {
    const { url, server } = await prepare(t, "CREATE TABLE accounts (id int)");
    assert.match(await refusal(url), /has tables of another program, such as accounts; lockkeeper does not touch it/);
    const tables = await server.query(`SELECT tablename FROM pg_tables WHERE schemaname = '${new URL(url).username}'`);
    assert.deepEqual(tables, [{ tablename: "accounts" }]);
  });

  test("by a newer schema, not by an older one that may be migrated", async (t) => {
    const { url, server } = await prepare(t, "SELECT 1");
    await openOnce(url);
    await openOnce(url);
    const schema = new URL(url).username;
    await server.query(`INSERT INTO ${schema}.migrations VALUES ('9999-next', '9999-next', 0)`);
    assert.match(await refusal(url), /was written by a newer version of lockkeeper: it has the migration 9999-next/);
  });

  test("by a disk without room, and leaves nothing on it", async (t) => {
    const folder = mountTmpfs(t, "size=200k,mode=0777");
    if (folder === undefined) return;
    const server = await startPostgres(t, { fsync: false });
    const url = await server.createDatabase(t);
    // The folder of a tablespace belongs to the server's user, who makes it by this and must get there.
    chmodSync(dirname(folder), 0o711);
    const space = join(folder, "space");
    await server.query(`COPY (SELECT 1) TO PROGRAM 'mkdir -m 700 ${space}'`);
    await server.query(`CREATE TABLESPACE small LOCATION '${space}'`);
    const role = new URL(url).username;
    await server.query(
      `GRANT CREATE ON TABLESPACE small TO ${role}; ALTER ROLE ${role} SET default_tablespace = small`,
    );
    assert.match(
      await refusal(url),
      /^the database \S+ at \S+ could not be migrated, and is as it was: could not \w+ file .*: No space left on device$/,
    );
    const tables = await server.query(`SELECT tablename FROM pg_tables WHERE schemaname = '${role}'`);
    assert.deepEqual(tables, [{ tablename: "leases" }]);
    await server.query(`ALTER ROLE ${role} RESET default_tablespace`);
    await openOnce(url);
    await server.query(`DROP OWNED BY ${role} CASCADE`);
  });

  test("by a standby, and by no connection that is left", async (t) => {
    const primary = await startPostgres(t, { fsync: false });
    const standby = await startPostgres(t, { fsync: false, standbyOf: primary });
    assert.match(await refusal(standby.url()), /is a standby, which takes no writes; name the primary in the URL/);
    await primary.query("CREATE ROLE plain LOGIN PASSWORD 'plain-secret'");
    await primary.query("ALTER ROLE plain CONNECTION LIMIT 0");
    assert.match(await refusal(primary.url().replace(/\/\/.*@/, "//plain:plain-secret@")), /has no connection left/);
  });
});
