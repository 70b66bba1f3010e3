/** Work on a PostgreSQL database that no service uses: looking into it, migrating it, and raising its generation. */
import assert from "node:assert/strict";
import { describe, type TestContext, test } from "node:test";
import type { OfflineDatabase } from "../../../../src/store/offline.ts";
import type { Connection } from "../../../../src/store/postgres/connect/connection.ts";
import { offlineServer } from "../../../../src/store/postgres/offline/offline.ts";
import { MIGRATIONS, SCHEMA_VERSION } from "../../../../src/store/postgres/schema/migrations.ts";
import { beat } from "../../../../src/store/postgres/schema/replicas.ts";
import { noPostgres } from "../../../support/postgres.ts";
import { connect, emptyDatabase, rowsOf } from "../support/connect.ts";

const NOW = Date.UTC(2026, 5, 1);
const ALL = MIGRATIONS.map(({ name }) => name);

async function open(t: TestContext): Promise<{ offline: OfflineDatabase; connection: Connection }> {
  const url = await emptyDatabase(t);
  return { offline: offlineServer(url), connection: await connect(t, url) };
}

async function tableCount(connection: Connection): Promise<number> {
  return (await rowsOf(connection, "SELECT FROM pg_tables WHERE schemaname = current_schema()")).length;
}

describe("an offline PostgreSQL database", { skip: (await noPostgres()) ?? false }, () => {
  test("that is empty is said to be, and a look into it changes nothing", async (t) => {
    const { offline, connection } = await open(t);
    await assert.rejects(offline.inspect(), /^Error: the database \S+ at 127\.0\.0\.1:\d+ is empty$/);
    assert.equal(await offline.isEmpty(), true);
    assert.deepEqual(await offline.migrate({ check: true }), { from: "", due: ALL, unfinished: [] });
    assert.equal(await tableCount(connection), 0);
  });

  test("is migrated once, and empty until it has an organization", async (t) => {
    const { offline, connection } = await open(t);
    assert.deepEqual(await offline.migrate({ check: false }), { from: "", due: ALL, unfinished: [] });
    assert.deepEqual(await offline.migrate({ check: false }), { from: SCHEMA_VERSION, due: [], unfinished: [] });
    assert.deepEqual(await offline.inspect(), { from: SCHEMA_VERSION, due: [], unfinished: [] });
    assert.equal(await offline.isEmpty(), true);
    await connection.simple("INSERT INTO organizations VALUES ('default', 'Default', 1, 1, 1, 1, 1)");
    assert.equal(await offline.isEmpty(), false);
  });

  test("gets a generation that was never used, by one event in the chain", async (t) => {
    const { offline, connection } = await open(t);
    const first = await offline.raiseGeneration(() => NOW);
    assert.deepEqual([first.previousGeneration, first.position], [1, 1]);
    // Nothing verifies a summary, and a wrong one would hide events from lists.
    await connection.simple("INSERT INTO event_summaries VALUES (0, '', '', ',None,')");
    const second = await offline.raiseGeneration(() => NOW);
    assert.equal(second.previousGeneration, first.generation);
    assert.ok(second.generation > first.generation);
    assert.deepEqual(await rowsOf(connection, "SELECT FROM event_summaries"), []);
    const [instance] = await rowsOf(connection, "SELECT generation, sequence, last_position FROM instance");
    assert.deepEqual({ ...instance }, { generation: second.generation, sequence: 2, last_position: 2 });
    const [head] = await rowsOf(connection, "SELECT position, config_position, record_time FROM log_head");
    assert.deepEqual({ ...head }, { position: 2, config_position: 2, record_time: NOW });
    const events = await rowsOf(connection, "SELECT previous_position, type, via FROM events ORDER BY position");
    assert.deepEqual(
      events.map((event) => ({ ...event })),
      [null, 1].map((previous_position) => ({ previous_position, type: "GenerationRaised", via: "recovery" })),
    );
  });

  test("keeps its generation while a service uses it", async (t) => {
    const { offline, connection } = await open(t);
    await offline.migrate({ check: false });
    await beat(connection, { id: "r-1", version: "0.3.0", schemaVersion: SCHEMA_VERSION });
    await assert.rejects(
      offline.raiseGeneration(() => NOW),
      /^Error: the generation of the database .* cannot be raised while a service uses it: r-1 \(version 0\.3\.0, seen 0 s ago\); stop it first$/,
    );
    assert.deepEqual(await rowsOf(connection, "SELECT FROM events"), []);
    await connection.simple("UPDATE replicas SET seen_time = seen_time - 60000");
    assert.equal((await offline.raiseGeneration(() => NOW)).previousGeneration, 1);
  });

  test("is restored by PostgreSQL's own tools", async (t) => {
    const { offline } = await open(t);
    await assert.rejects(
      offline.restore({ file: "backup", clock: () => NOW, replace: true }),
      /is restored by PostgreSQL's own tools, pg_restore or point-in-time recovery; then run lockkeeper restore --raise-generation with the same --database$/,
    );
  });
});
