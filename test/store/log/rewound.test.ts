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
