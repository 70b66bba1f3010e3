/** What the sweeper and the others of the upkeep write. */
import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { sharedPostgres } from "../../support/postgres.ts";
import { until } from "../../support/until.ts";
import { createSession, erase, SECRET, withPerson } from "../contract/erased-person.ts";
import { record } from "../support/attempts.ts";
import { createUser, deleteUser, lockUser, requestContext, unlockUser } from "../support/commands.ts";
import { resourceOf } from "../support/outcomes.ts";
import { openPostgresFixture } from "../support/postgres-fixture.ts";
import { SIGNING } from "../support/signing.ts";

const server = await sharedPostgres();
const DAY_MS = 86_400_000;
const ERASED_TABLES = ["event_private", "user_profile", "user_state", "sessions", "attempts", "requests"];
const KEPT = { profile: { username: "kept", email: "kept@example.com" }, note: "kept" };

describe("PostgreSQL: housekeeping", () => {
  test("commits nothing in a round that finds nothing to do", async (t) => {
    const { store, clock, query } = await openPostgresFixture(server, t);
    resourceOf(await store.execute(createUser("u", { context: requestContext("r") })));
    // Of the transaction that wrote the row last.
    const headVersion = async (): Promise<string | undefined> =>
      (await query<{ xmin: string }>("SELECT xmin::text FROM log_head"))[0]?.xmin;
    const before = await headVersion();
    await store.sweep();
    assert.equal(await headVersion(), before);
    // Then there is a request to forget.
    clock.time += DAY_MS + 1;
    await store.sweep();
    assert.notEqual(await headVersion(), before);
    assert.deepEqual(await query("SELECT request_id FROM requests"), []);
  });

  test("goes on with erasures that another replica has left, of many users in one step", async (t) => {
    const { store, query, openReplica } = await openPostgresFixture(server, t);
    const ids = Array.from({ length: 20 }, (_, index) => `u${index}`);
    for (const id of ids) resourceOf(await store.execute(createUser(id, { note: "Lovelace" })));
    // More than one part of a step erases.
    const locks = Array.from({ length: 500 }, () => [lockUser("u0", { note: "Lovelace" }), unlockUser("u0")]).flat();
    await Promise.all(locks.map((command) => store.execute(command)));
    await query("CREATE TABLE had AS SELECT * FROM event_private");
    await Promise.all(ids.map(async (id) => resourceOf(await store.execute(deleteUser(id, { erase: true })))));
    // As if the replica had ended before the first step.
    await query(`DELETE FROM event_private; INSERT INTO event_private SELECT * FROM had;
      UPDATE erasures AS x SET end_time = NULL, next_position = u.last_position FROM user_state AS u WHERE u.id = x.user_id`);
    const left = async (): Promise<number> =>
      (await query<{ n: number }>("SELECT count(*)::int4 AS n FROM event_private"))[0]?.n ?? 0;
    await store.close();
    await (await openReplica()).sweep();
    assert.equal(await left(), 0);
    assert.deepEqual(await query("SELECT user_id FROM erasures WHERE end_time IS NULL"), []);
  });

  test("leaves erased values in no table's file after the statements that the docs give", async (t) => {
    const opened = await openPostgresFixture(server, t);
    const { query } = opened;
    const store = await withPerson(opened);
    // ANALYZE keeps the statistics of a table that has become empty.
    resourceOf(await store.execute(createUser("kept", { ...KEPT, context: requestContext("kept") })));
    resourceOf(await store.execute({ ...createSession("kept", "kept"), userAgent: "", ip: "", attributes: {} }));
    resourceOf(await store.execute(record({ userId: "kept" })));
    const holding = async (): Promise<readonly string[]> => {
      await server.query("CHECKPOINT");
      const tables = await query<{ name: string; file: string }>(
        "SELECT relname AS name, pg_relation_filepath(oid) AS file FROM pg_class WHERE relkind IN ('r', 'i', 't')",
      );
      const paths = tables.map(({ name, file }) => ({ name, path: join(server.dataFolder, file) }));
      const has = (path: string): boolean =>
        existsSync(path) && readFileSync(path, "latin1").toLowerCase().includes(SECRET.toLowerCase());
      return paths.filter(({ path }) => has(path)).map(({ name }) => name);
    };
    await query("ANALYZE");
    resourceOf(await store.execute(erase()));
    const before = await holding();
    for (const name of [...ERASED_TABLES, "pg_statistic"]) assert.ok(before.includes(name), name);
    const docs = readFileSync(join(import.meta.dirname, "../../../docs/personal-data.md"), "utf8");
    const [ofTables = "", ofCatalog = "", ...more] = /```sql\n(.*?)\n```/s.exec(docs)?.[1]?.split("\n") ?? [];
    assert.deepEqual([ofTables.split(/ |, |;/).filter((word) => /^[a-z]/.test(word)), more], [ERASED_TABLES, []]);
    await until(async () => {
      // Again if autovacuum was just reading: nothing takes a row that an open transaction may see.
      await query(ofTables);
      await server.query(ofCatalog);
      return (await holding()).length === 0;
    }, "files without the erased values");
  });

  test("knows how long events have no checkpoint, and which erasures are left", async (t) => {
    const { clock, query, openReplica } = await openPostgresFixture(server, t, SIGNING);
    const work = async (options = {}): Promise<readonly number[]> => {
      const replica = await openReplica(options);
      // A replica looks at its start, and then every few seconds.
      await until(() => replica.stats().openErasures === 1, "its look at the work");
      await replica.close();
      return [replica.stats().checkpointAgeMs, replica.stats().openErasures];
    };
    await query("INSERT INTO erasures (user_id, sequence, epoch, time) VALUES ('u', 0, 0, 0)");
    clock.time += 2000;
    assert.deepEqual(await work(), [2000, 1]);
    assert.deepEqual(await work({ openSigner: undefined }), [0, 1]);
  });

  test("analyzes tables that fill for the first time", async (t) => {
    const { query, openReplica } = await openPostgresFixture(server, t);
    await query(`INSERT INTO user_state SELECT 'u' || n, 'default', 'ACTIVE', 0, 1, 1, 0, 0, NULL, n, NULL
      FROM generate_series(1, 3000) n`);
    const analyzed = async (): Promise<string[]> => {
      const statement = "SELECT relname FROM pg_stat_user_tables WHERE last_analyze IS NOT NULL";
      return (await query<{ relname: string }>(statement)).map(({ relname }) => relname);
    };
    await until(async () => {
      // A replica that begins the upkeep looks at once; the server's counters lag by up to a second.
      const replica = await openReplica();
      await replica.sweep();
      await replica.close();
      return (await analyzed()).includes("user_state");
    }, "the table to be analyzed");
    assert.ok(!(await analyzed()).includes("log_head"), "a small table is left alone");
  });
});
