/** A rolling upgrade: two versions run at the same time, until the upgrade is finished. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { Connection } from "../../../../src/store/postgres/connect/connection.ts";
import { dueMigrations, migrate } from "../../../../src/store/postgres/schema/migrate.ts";
import { MIGRATIONS, type Migration } from "../../../../src/store/postgres/schema/migrations.ts";
import { beat, leave, type Replica } from "../../../../src/store/postgres/schema/replicas.ts";
import { noPostgres } from "../../../support/postgres.ts";
import { connect, emptyDatabase, rowsOf } from "../support/connect.ts";

const OPTIONS = { place: "locks at db:5432", holder: "a" };

/** Adds a column that takes the place of another one. */
const expand: Migration = {
  name: "9001-expand",
  oldestBeside: MIGRATIONS.at(-1)?.name ?? "",
  run: (connection) => connection.simple("ALTER TABLE policies ADD COLUMN note text"),
};
/** Drops what only the older version needs. */
const contract: Migration = {
  name: "9002-contract",
  oldestBeside: "9002-contract",
  contracts: true,
  run: (connection) => connection.simple("ALTER TABLE policies DROP COLUMN change_time"),
};
/** Of the version after the next one. */
const further: Migration = {
  name: "9003-further",
  oldestBeside: "9002-contract",
  run: (connection) => connection.simple("ALTER TABLE policies ADD COLUMN further text"),
};

const OLD = MIGRATIONS;
const NEW = [...MIGRATIONS, expand, contract];
const NEWEST = [...NEW, further];

function replica(id: string, migrations: readonly Migration[]): Replica {
  return { id, version: `0.${migrations.length}.0`, schemaVersion: migrations.at(-1)?.name ?? "" };
}

async function columnsOf(connection: Connection): Promise<readonly string[]> {
  const rows = await rowsOf<{ name: string }>(
    connection,
    "SELECT column_name AS name FROM information_schema.columns WHERE table_schema = current_schema() AND table_name = 'policies' ORDER BY ordinal_position",
  );
  return rows.map(({ name }) => name).filter((name) => ["change_time", "note", "further"].includes(name));
}

const FIRST = MIGRATIONS.slice(0, 1);

describe("an upgrade", { skip: (await noPostgres()) ?? false }, () => {
  test("to this version waits until no replica of a version without erasures runs, and ends one that comes back", async (t) => {
    const url = await emptyDatabase(t);
    const [older, newer] = [await connect(t, url), await connect(t, url)];
    await migrate(older, { ...OPTIONS, migrations: FIRST });
    assert.equal((await beat(older, replica("old-1", FIRST))).mayRun, true);
    const before = migrate(newer, { ...OPTIONS, holder: "b" });
    await assert.rejects(
      before,
      /the migration 0004-erasures cannot run while older versions .*: old-1 .*; stop them first/,
    );
    await leave(older, "old-1");
    const added = MIGRATIONS.slice(1).map(({ name }) => name);
    assert.deepEqual((await migrate(newer, { ...OPTIONS, holder: "b" })).due, added);
    assert.equal((await beat(older, replica("old-1", FIRST))).mayRun, false);
    await assert.rejects(
      migrate(older, { ...OPTIONS, migrations: FIRST }),
      /only versions that know 0004-erasures may use; this version ends at 0001-tables; start that version/,
    );
  });

  test("expands while older replicas run and restart, and contracts when they are gone", async (t) => {
    const url = await emptyDatabase(t);
    const [older, newer] = [await connect(t, url), await connect(t, url)];
    await migrate(older, { ...OPTIONS, migrations: OLD });
    assert.equal((await beat(older, replica("old-1", OLD))).mayRun, true);

    // The first replica of the new version expands only.
    const { due, unfinished } = await dueMigrations(newer, { ...OPTIONS, migrations: NEW });
    assert.deepEqual([due, unfinished], [["9001-expand"], ["9002-contract"]]);
    await migrate(newer, { ...OPTIONS, holder: "b", migrations: NEW });
    assert.deepEqual(await columnsOf(newer), ["change_time", "note"]);
    await beat(newer, replica("new-1", NEW));

    // The old one goes on, and one that restarts is not refused.
    const heartbeat = await beat(older, replica("old-1", OLD));
    assert.deepEqual([heartbeat.mayRun, heartbeat.newestMigration], [true, "9001-expand"]);
    const restarted = await migrate(await connect(t, url), { ...OPTIONS, holder: "c", migrations: OLD });
    assert.deepEqual(restarted.due, []);
    await beat(older, replica("old-2", OLD));

    // The contracting step waits for both of them: one leaves, one is silent.
    const finish = () => migrate(newer, { ...OPTIONS, holder: "b", finish: true, migrations: NEW });
    await assert.rejects(finish(), {
      message: `the migration 9002-contract cannot run while older versions of lockkeeper use the database locks at db:5432: old-1 (version 0.${OLD.length}.0, seen 0 s ago), old-2 (version 0.${OLD.length}.0, seen 0 s ago); stop them first`,
    });
    await leave(older, "old-1");
    await assert.rejects(finish(), /old-2/);
    await older.simple("UPDATE replicas SET seen_time = seen_time - 60000 WHERE id = 'old-2'");
    await finish();
    assert.deepEqual(await columnsOf(newer), ["note"]);
    assert.equal((await beat(newer, replica("new-1", NEW))).mayRun, true);

    // A replica that comes back must stop, and one that starts is refused.
    assert.equal((await beat(older, replica("old-2", OLD))).mayRun, false);
    await assert.rejects(
      migrate(await connect(t, url), { ...OPTIONS, holder: "d", migrations: OLD }),
      /was written by a newer version of lockkeeper: it has the migration 9002-contract/,
    );
  });

  test("finishes the one before first, and only if no version runs that this would break", async (t) => {
    const connection = await connect(t);
    await migrate(connection, { ...OPTIONS, migrations: NEW });
    await beat(connection, replica("old-1", OLD));
    const start = () => migrate(connection, { ...OPTIONS, migrations: NEWEST });
    await assert.rejects(start(), /the migration 9002-contract cannot run while older .* old-1 \(version/);
    assert.deepEqual(await columnsOf(connection), ["change_time", "note"]);
    await leave(connection, "old-1");
    await beat(connection, replica("new-1", NEW));
    await start();
    assert.deepEqual(await columnsOf(connection), ["note", "further"]);
    assert.deepEqual(
      (await rowsOf<{ name: string }>(connection, "SELECT name FROM migrations ORDER BY name")).map(({ name }) => name),
      NEWEST.map(({ name }) => name),
    );
  });

  test("no replica slips in while a step runs: it is seen, or it sees what has run", async (t) => {
    const url = await emptyDatabase(t);
    const [older, newer] = [await connect(t, url), await connect(t, url)];
    await migrate(older, { ...OPTIONS, migrations: NEW });
    let late: Promise<{ readonly mayRun: boolean }> | undefined;
    const slow: Migration = {
      ...contract,
      run: async (on) => {
        late = beat(older, replica("late", OLD));
        await on.simple("SELECT pg_sleep(0.1)");
        await contract.run(on);
      },
    };
    await migrate(newer, { ...OPTIONS, finish: true, migrations: [...MIGRATIONS, expand, slow] });
    assert.equal((await late)?.mayRun, false);
  });

  test("replicas that are long gone are forgotten; the time is the server's", async (t) => {
    const connection = await connect(t);
    await migrate(connection, OPTIONS);
    await beat(connection, replica("gone", OLD));
    await connection.simple("UPDATE replicas SET seen_time = seen_time - 86400001");
    const { serverTime } = await beat(connection, replica("here", OLD));
    const [row] = await rowsOf<{ id: string; seen: number; now: number }>(
      connection,
      "SELECT id, seen_time AS seen, (extract(epoch FROM now()) * 1000)::bigint AS now FROM replicas",
    );
    assert.equal(row?.id, "here");
    assert.ok(row.seen <= serverTime && serverTime <= row.now + 1);
  });
});
