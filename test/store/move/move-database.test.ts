/** A whole database that moves from a file to PostgreSQL: nothing is lost or changed, whatever interrupts it. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { verifyChain } from "../../../src/store/log/verify-chain.ts";
import { MOVED_TABLES } from "../../../src/store/move/moved-tables.ts";
import { parseAddress } from "../../../src/store/postgres/connect/address.ts";
import { enterServer } from "../../../src/store/postgres/connect/enter-server.ts";
import { chainUpTo } from "../../../src/store/postgres/offline/chain-rows.ts";
import { offlineServer } from "../../../src/store/postgres/offline/offline.ts";
import { noPostgres } from "../../support/postgres.ts";
import { createUser, lockUser, revokeApiKey, unlockUser } from "../support/commands.ts";
import { everythingIn, LOCK_REQUEST, TOKEN_HASH } from "../support/every-table.ts";
import { move, moveInPart, OPTIONS, prepare, query } from "../support/moves.ts";
import { readAll, resourceOf } from "../support/outcomes.ts";
import { EVERYBODY } from "../support/predicates.ts";
import { openFixture } from "../support/sqlite-fixture.ts";

interface PgHead {
  readonly position: number;
  readonly link: Buffer;
  readonly config: number;
}

async function assertChain(url: string): Promise<PgHead> {
  return await enterServer(parseAddress(url), async (connection) => {
    const text = "SELECT position, link, config_position AS config FROM log_head";
    const [head] = await connection.rows<PgHead>({ name: "test_head", text });
    assert.ok(head !== undefined);
    assert.deepEqual((await verifyChain(chainUpTo(connection, head))).faults, []);
    return head;
  });
}

describe("a move to PostgreSQL", { skip: (await noPostgres()) ?? false }, () => {
  it("keeps all that readers see, and tokens, requests and attempts go on", async (t) => {
    const { path, before, url, open, openMoved } = await prepare(t);
    const { store } = await open();
    const users = { organizationId: null, where: EVERYBODY, showDeleted: true, order: "creation_desc", pageSize: 7 };
    const query = users as Parameters<typeof store.listUsers>[0];
    const period = { organizationId: null, startTime: 0, endTime: Number.MAX_SAFE_INTEGER, pageSize: 1 };
    const { next: userToken = "" } = await store.listUsers(query);
    const { next: attemptToken = "" } = await store.listAttempts(period);
    const { items } = await store.listUserEvents({ userId: "Zoë", order: "oldest_first", pageSize: 1 });
    const rest = await readAll((after = userToken) => store.listUsers({ ...query, after }));
    const attempts = await readAll((after = attemptToken) => store.listAttempts({ ...period, after }));
    const locked = await store.execute(LOCK_REQUEST());
    await store.close();
    const stages = new Set<string>();
    const { tables, position } = await move(path, url, { ...OPTIONS, progress: (stage) => stages.add(stage) });
    assert.deepEqual([...stages], ["source", "users", "copy", "compare", "target"]);
    for (const [table, rows] of Object.entries(tables)) assert.ok(rows > 0, `${table} had no row`);
    const moved = await openMoved();
    assert.deepEqual(await everythingIn(moved), before);
    assert.deepEqual(await readAll((after = userToken) => moved.store.listUsers({ ...query, after })), rest);
    assert.deepEqual(await readAll((after = attemptToken) => moved.store.listAttempts({ ...period, after })), attempts);
    const cursors = await moved.store.listUserEvents({ userId: "Zoë", order: "oldest_first", pageSize: 1 });
    assert.equal(cursors.items[0]?.cursor, items[0]?.cursor);
    assert.deepEqual(await moved.store.execute(LOCK_REQUEST()), locked);
    resourceOf(await moved.store.execute(unlockUser("Zoë")));
    const session = await moved.store.readSession({ tokenHash: TOKEN_HASH, scope: null }, { touch: true });
    assert.equal(session?.status, "ACTIVE");
    const head = await assertChain(url);
    assert.equal(head.position, position + 1);
    const [configuration] = await moved.query<{ position: string }>(
      "SELECT max(position) AS position FROM events WHERE user_id IS NULL",
    );
    assert.equal(head.config, Number(configuration?.position));
    resourceOf(await moved.store.execute(revokeApiKey("rotated")));
    assert.equal((await assertChain(url)).config, position + 2);
  });

  it("copies each table of the file", async (t) => {
    const { connect, store } = await openFixture(t);
    await store.close();
    const tables = connect({ readonly: true })
      .prepare<[], string>("SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name")
      .pluck()
      .all();
    const notCopied = /^(?:sqlite_|kysely_|log_head$|event_summaries$|moves$)/;
    assert.deepEqual(
      tables.filter((name) => !notCopied.test(name)),
      Object.keys(MOVED_TABLES).sort(),
    );
  });

  it("goes on where it was interrupted, and no moment leaves two databases to serve", async (t) => {
    const { path, url, before, connect, openMoved } = await prepare(t);
    const reader = connect();
    let ended = false;
    let attempts = 0;
    const seen = new Set<string>();
    // After four slices, and once before every other step.
    const stops = (name: string, taken: number): boolean => {
      const isNew = !name.startsWith("write") && !seen.has(name);
      seen.add(name);
      return taken > 4 || isNew;
    };
    for (; !ended; attempts++) {
      ended = await moveInPart(path, url, stops);
      const isMarked = reader.prepare("SELECT 1 FROM moves WHERE end_time IS NOT NULL").get() !== undefined;
      const [target] = await query<{ ended: boolean }>(url, "SELECT end_time IS NOT NULL AS ended FROM moves");
      const heads = await query(url, "SELECT FROM log_head");
      const isUsable = target?.ended ?? true;
      assert.equal(heads.length === 1, isUsable, `attempt ${attempts}`);
      assert.ok(target?.ended !== true || isMarked, `both sides can be used after attempt ${attempts}`);
    }
    assert.deepEqual([...seen].filter((name) => !name.startsWith("write")).sort(), [
      "begin source",
      "begin target",
      "end source",
      "end target",
    ]);
    assert.deepEqual(await everythingIn(await openMoved()), before);
    await assertChain(url);
    assert.ok((await move(path, url)).tables.events, "a move that has ended is reported once more");
  });

  it("ends where only the mark of the target is missing", async (t) => {
    const { path, url, place, before, openMoved } = await prepare(t);
    await move(path, url);
    // As after a kill between the two marks.
    await query(url, "UPDATE moves SET end_time = NULL; DELETE FROM log_head");
    const message = `the database ${place} holds an interrupted move of ${path}; run lockkeeper migrate --from sqlite:${path} --to the same database again, which goes on where it stopped`;
    await assert.rejects(openMoved(), { message });
    await assert.rejects(offlineServer(url).raiseGeneration(OPTIONS.clock), { message });
    await move(path, url);
    assert.deepEqual(await everythingIn(await openMoved()), before);
  });

  it("begins again when a service ran since", async (t) => {
    const { path, clock, url, open, openMoved } = await prepare(t);
    assert.equal(await moveInPart(path, url, (_, taken) => taken > 20), false);
    const { store } = await open();
    resourceOf(await store.execute(createUser("later")));
    resourceOf(await store.execute(lockUser("zoe")));
    const before = await everythingIn({ store, clock });
    await store.close();
    await move(path, url);
    assert.deepEqual(await everythingIn(await openMoved()), before);
  });
});
