/** Cursors beyond the log: the database is a copy of before, or a standby that had not got everything. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { Store } from "../../../src/store/store.ts";
import { noPostgres, sharedPostgres } from "../../support/postgres.ts";
import { createUser } from "../support/commands.ts";
import { resourceOf } from "../support/outcomes.ts";
import { openPostgresFixture } from "../support/postgres-fixture.ts";
import { openFixture } from "../support/sqlite-fixture.ts";

const skip = (await noPostgres()) ?? false;
/** The log ends before its last event. */
const REWIND = "UPDATE log_head SET position = position - 1";

async function assertRefused(store: Store, rewind: () => unknown): Promise<void> {
  const list = { scope: null, filter: {}, order: "oldest_first" } as const;
  for (const id of ["a", "b"]) resourceOf(await store.execute(createUser(id)));
  const { position, cursor } = await store.log.open();
  const { next: after = "" } = await store.listEvents({ ...list, pageSize: position - 1 });
  assert.equal((await store.log.open(cursor)).position, position);
  await rewind();
  const refused = { name: "HistoryChangedError", message: /is beyond the newest event/ };
  await assert.rejects(store.log.open(cursor), refused);
  await assert.rejects(store.listEvents({ ...list, pageSize: 1, afterPosition: position }), refused);
  // The page before ended at what is the newest event now.
  assert.deepEqual((await store.listEvents({ ...list, pageSize: position - 1, after })).items, []);
  await rewind();
  await assert.rejects(store.listEvents({ ...list, pageSize: position - 1, after }), refused);
}

/** Reads on from a position, and returns why it ends. */
async function endOf(store: Store, position: number): Promise<string> {
  const read = store.log.read(position, new AbortController().signal).next();
  return await read.then(() => "there was more", String);
}

const REWOUND = /^HistoryChangedError: the history was rewound/;
/** The last user never was. */
const REMOVE = `${REWIND}; DELETE FROM events WHERE position > (SELECT position FROM log_head);
  DELETE FROM links WHERE last_position > (SELECT position FROM log_head);
  DELETE FROM user_state WHERE id = 'b'; DELETE FROM user_profile WHERE id = 'b'`;

describe("readers that follow the tail end when the log is rewound", () => {
  test("on SQLite, with the next commit", async (t) => {
    const { store, connect, troubles } = await openFixture(t);
    for (const id of ["a", "b"]) resourceOf(await store.execute(createUser(id)));
    const ended = endOf(store, (await store.log.open()).position);
    connect().exec(REMOVE);
    resourceOf(await store.execute(createUser("c")));
    assert.match(await ended, REWOUND);
    assert.match(String(troubles), REWOUND);
    const { position } = await store.log.open();
    assert.equal((await store.log.read(position - 1, new AbortController().signal).next()).value?.length, 1);
  });

  for (const [what, change] of [
    ["ends before", REMOVE],
    [
      "has another event at the place of",
      "UPDATE events SET hash = decode(repeat('00', 32), 'hex') WHERE user_id = 'b'",
    ],
  ] as const) {
    test(`on PostgreSQL, when it ${what} what they saw`, { skip }, async (t) => {
      const { store, query, troubles, openReplica } = await openPostgresFixture(await sharedPostgres(), t);
      const other = await openReplica();
      for (const id of ["a", "b"]) resourceOf(await store.execute(createUser(id)));
      await Promise.all([store.refresh(), other.refresh()]);
      const { position: last } = await store.log.open();
      const ended = [endOf(store, last), endOf(other, last)];
      await Promise.all([store.refresh(), other.refresh()]);
      assert.deepEqual(troubles, []);
      await query(change);
      for (const end of ended) assert.match(await end, REWOUND);
      // Each says it once, and goes on.
      assert.equal(troubles.length, 2);
      const { position } = await store.log.open();
      const following = store.log.read(position, new AbortController().signal).next();
      resourceOf(await store.execute(createUser("c")));
      assert.equal((await following).value?.[0]?.userId, "c");
    });
  }
});

const LIST = { scope: null, filter: {}, order: "oldest_first" } as const;
const ANOTHER = { name: "HistoryChangedError", message: /^another event stood at the place/ };

/** `goBack`: returns the store with the history of when `keep` was called. It then goes on past what was there. */
async function assertParted(store: Store, keep: () => unknown, goBack: () => Promise<Store>): Promise<void> {
  resourceOf(await store.execute(createUser("a")));
  const before = await store.log.open();
  const { next: nextBefore = "" } = await store.listEvents({ ...LIST, pageSize: before.position - 1 });
  keep();
  resourceOf(await store.execute(createUser("b")));
  const { cursor, position } = await store.log.open();
  const whole = await store.listEvents({ ...LIST, pageSize: position });
  assert.equal(whole.items.at(-1)?.cursor, cursor);
  resourceOf(await store.execute(createUser("c")));
  const page = await store.listEvents({ ...LIST, pageSize: position });
  assert.equal(page.cursor, cursor);
  const { next: back = "" } = await store.listEvents({ ...LIST, order: "newest_first", pageSize: 2 });
  assert.equal((await store.log.open(cursor)).cursor, cursor);

  const other = await goBack();
  for (const id of ["x", "y", "z"]) resourceOf(await other.execute(createUser(id)));
  await assert.rejects(other.log.open(cursor), ANOTHER);
  await assert.rejects(other.listEvents({ ...LIST, pageSize: position, after: page.next ?? "" }), ANOTHER);
  await assert.rejects(other.listEvents({ ...LIST, order: "newest_first", pageSize: 2, after: back }), ANOTHER);
  // What both histories have is the same.
  assert.deepEqual({ ...(await other.log.open(before.cursor)), head: 0 }, { ...before, head: 0 });
  const { items } = await other.listEvents({ ...LIST, pageSize: before.position - 1, after: nextBefore });
  assert.equal(items[0]?.userId, "a");
  assert.equal((await other.log.open("0")).position, 0);
  const again = await other.log.open();
  assert.deepEqual(await other.log.open(again.cursor), again);
}

describe("a cursor and a page token of a history that went on in another way", () => {
  test("are refused on SQLite, by a copy of the database of before", async (t) => {
    const { store, connect, path } = await openFixture(t);
    const copy = `${path}.copy`;
    const keep = (): unknown => connect().exec(`VACUUM INTO '${copy}'`);
    await assertParted(store, keep, async () => (await openFixture(t, { path: copy })).store);
  });

  test("are refused on PostgreSQL, by a standby that lacked the last events", { skip }, async (t) => {
    const { store, query } = await openPostgresFixture(await sharedPostgres(), t);
    const keep = (): void => undefined;
    await assertParted(store, keep, async () => {
      await query(`${REMOVE}; ${REMOVE.replaceAll("'b'", "'c'")}`);
      return store;
    });
  });
});

describe("a cursor and a page token beyond the log", () => {
  test("are refused on SQLite", async (t) => {
    const { store, connect } = await openFixture(t);
    const database = connect();
    await assertRefused(store, () => database.exec(REWIND));
  });

  test("are refused on PostgreSQL", { skip }, async (t) => {
    const { store, query } = await openPostgresFixture(await sharedPostgres(), t);
    await assertRefused(store, () => query(REWIND));
  });
});
