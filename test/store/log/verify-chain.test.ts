/** Verification of the chain: accepts what the store wrote, and reports every kind of tampering. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { verifyChain } from "../../../src/store/log/verify-chain.ts";
import { chainOf } from "../../../src/store/sqlite/offline/chain-rows.ts";
import { verifyDatabase } from "../../../src/store/sqlite/offline/verify-database.ts";
import { createApiKey, createUser, lockUser, revokeApiKey, unlockUser } from "../support/commands.ts";
import { openFixture, type SqliteFixture } from "../support/sqlite-fixture.ts";
import { verifyUserRows } from "../support/verify-rows.ts";

async function fill({ store }: SqliteFixture): Promise<void> {
  for (let round = 0; round < 5; round++) {
    const ids = [1, 2, 3].map((index) => `u${round}-${index}`);
    await Promise.all(ids.map((id) => store.execute(createUser(id, { note: "n", profile: { username: id } }))));
    await Promise.all(ids.map((id) => store.execute(lockUser(id, { note: `why ${id}` }))));
  }
  await store.execute(unlockUser("u0-1"));
  await store.execute(createApiKey("a"));
  await store.execute(createApiKey("b"));
  await store.execute(revokeApiKey("a", { note: "leaked" }));
}

describe("the chain", () => {
  it("is intact as the store wrote it, in slices of any size", async (t) => {
    const fixture = await openFixture(t);
    await fill(fixture);
    const database = fixture.connect({ readonly: true });
    for (const sliceRows of [1, 2, 3, 5_000]) {
      const report = await verifyChain(chainOf(database), { sliceRows });
      assert.deepEqual([report.faults, report.events], [[], 35]);
      assert.ok(report.links < report.events, "a commit of many events is one link");
    }
    assert.deepEqual(await verifyUserRows(database, 4), { users: 15, events: 31, faults: [] });
  });

  it("stays intact when personal values are erased", async (t) => {
    const fixture = await openFixture(t);
    await fill(fixture);
    const database = fixture.connect();
    database.exec("DELETE FROM event_private WHERE position % 2 = 0 AND position < 33");
    database.exec("UPDATE event_private SET personal = json_remove(personal, '$.note') WHERE position < 33");
    assert.deepEqual((await verifyChain(chainOf(database))).faults, []);
    const { items } = await fixture.store.listUserEvents({ userId: "u0-1", order: "oldest_first", pageSize: 5 });
    assert.equal(items[0]?.event.personal.note, undefined);
  });

  const tamperings: readonly (readonly [string, string])[] = [
    [
      "an event's body",
      "UPDATE events SET body = CAST(replace(CAST(body AS TEXT), 'LOCK', 'LOCX') AS BLOB) WHERE position = 6",
    ],
    ["an event's time", "UPDATE events SET time = time + 1 WHERE position = 3"],
    ["an event's actor", "UPDATE events SET actor = 'key:other' WHERE position = 3"],
    ["an event's place in its user's chain", "UPDATE events SET previous_position = 1 WHERE position = 6"],
    ["an event's hash", "UPDATE events SET hash = zeroblob(32) WHERE position = 3"],
    ["a personal value", "UPDATE event_private SET personal = replace(personal, 'why', 'who') WHERE position = 6"],
    ["a note of a key that is gone", "DELETE FROM event_private WHERE position = 35"],
    ["a missing event", "DELETE FROM events WHERE position = 4"],
    ["a missing first event", "DELETE FROM events WHERE position = 1"],
    ["a missing last event", "DELETE FROM events WHERE position = (SELECT max(position) FROM events)"],
    [
      "missing commits at the end",
      "DELETE FROM events WHERE position > 30; DELETE FROM links WHERE last_position > 30",
    ],
    [
      "two events swapped",
      "UPDATE events SET position = -1 WHERE position = 2; UPDATE events SET position = 2 WHERE position = 3; UPDATE events SET position = 3 WHERE position = -1",
    ],
    [
      "an added event",
      "INSERT INTO events SELECT max(position) + 1, NULL, organization_id, user_id, 9, type, time, record_time, actor, via, request_id, body, hash FROM events",
    ],
    [
      "an altered link",
      "UPDATE links SET link = zeroblob(32) WHERE last_position = (SELECT min(last_position) FROM links)",
    ],
    [
      "a missing link",
      "DELETE FROM links WHERE last_position = (SELECT min(last_position) FROM links WHERE last_position > 1)",
    ],
    ["an altered head", "UPDATE log_head SET link = zeroblob(32)"],
  ];
  for (const [what, sql] of tamperings) {
    it(`notices ${what}`, async (t) => {
      const fixture = await openFixture(t);
      await fill(fixture);
      const database = fixture.connect();
      database.exec(sql);
      for (const sliceRows of [2, 5_000]) {
        const { faults } = await verifyChain(chainOf(database), { sliceRows });
        assert.notDeepEqual(faults, []);
      }
    });
  }

  it("notices a user's row that is gone, and one of some events ago", async (t) => {
    const { store, connect } = await openFixture(t);
    for (const id of ["a", "b"]) await store.execute(createUser(id));
    const database = connect();
    database.exec("CREATE TABLE kept AS SELECT * FROM user_state");
    await store.execute(lockUser("a"));
    await verifyDatabase(database, "here");
    const say = (id: string, position: number) =>
      new Error(
        `the user "${id}" in here is not what its history gives: user_state does not know the event at position ${position}`,
      );
    database.exec("DELETE FROM user_state WHERE id = 'a'; INSERT INTO user_state SELECT * FROM kept WHERE id = 'a'");
    await assert.rejects(verifyDatabase(database, "here"), say("a", 4));
    database.exec("DELETE FROM user_profile WHERE id = 'b'; DELETE FROM user_state WHERE id = 'b'");
    await assert.rejects(verifyDatabase(database, "here"), say("b", 3));
  });

  it("notices a user's row that its events do not give", async (t) => {
    const fixture = await openFixture(t);
    await fill(fixture);
    const database = fixture.connect();
    // The note of a lock that was lifted: no row has it.
    database.exec(`DELETE FROM event_private WHERE personal LIKE '%why u0-1"%'`);
    const [gone] = (await verifyUserRows(database)).faults;
    const fault = "the personal value note is gone, and no event says that it was erased";
    assert.deepEqual([gone?.userId, gone?.fault, typeof gone?.position], ["u0-1", fault, "number"]);
    database.exec(
      "UPDATE user_state SET epoch = 9 WHERE id = 'u1-1'; UPDATE user_profile SET username_key = 'x' WHERE id = 'u2-2'",
    );
    const { faults } = await verifyUserRows(database);
    assert.deepEqual(
      faults.map(({ userId }) => userId),
      ["u0-1", "u1-1", "u2-2"],
    );
  });
});
