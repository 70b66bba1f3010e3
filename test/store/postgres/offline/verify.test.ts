/** The verification of a whole PostgreSQL database: what it counts, and each kind of change that it finds. */
import assert from "node:assert/strict";
import { describe, type TestContext, test } from "node:test";
import { offlineServer } from "../../../../src/store/postgres/offline/offline.ts";
import { SCHEMA_VERSION } from "../../../../src/store/postgres/schema/migrations.ts";
import { noPostgres, sharedPostgres } from "../../../support/postgres.ts";
import { banUser, createApiKey, createUser, deleteUser, lockUser, unlockUser } from "../../support/commands.ts";
import { openPostgresFixture, type PostgresFixture } from "../../support/postgres-fixture.ts";

const NOW = Date.UTC(2026, 5, 1);

async function filled(t: TestContext): Promise<PostgresFixture> {
  const fixture = await openPostgresFixture(await sharedPostgres(), t);
  const { store } = fixture;
  const ids = ["a", "b", "é", "Z", "😀"];
  await Promise.all(ids.map((id) => store.execute(createUser(id, { note: "n", profile: { username: id } }))));
  await Promise.all(ids.map((id) => store.execute(lockUser(id, { note: `why ${id}` }))));
  await store.execute(unlockUser("a"));
  await store.execute(banUser("b"));
  await store.execute(deleteUser("Z"));
  await store.execute(createApiKey("k"));
  await store.close();
  return fixture;
}

describe("a verification", { skip: (await noPostgres()) ?? false }, () => {
  test("counts what is there, while the store goes on and after its generation was raised", async (t) => {
    const { url, openReplica } = await filled(t);
    const offline = offlineServer(url);
    const stages = new Set<string>();
    const { events, users, position, generation, schemaVersion } = await offline.verify((stage) => stages.add(stage));
    assert.deepEqual([events, users, position, generation, schemaVersion], [15, 5, 15, 1, SCHEMA_VERSION]);
    assert.deepEqual([...stages], ["events", "users"]);
    const raised = await offline.raiseGeneration(() => NOW);
    const after = await offline.verify();
    assert.deepEqual([after.events, after.generation, after.recordTime], [16, raised.generation, NOW]);
    const store = await openReplica({ clock: () => NOW });
    const [report] = await Promise.all([offline.verify(), store.execute(createUser("late"))]);
    assert.ok(report.events >= 16);
    assert.equal((await offline.verify()).users, 6);
  });

  const changes: readonly [string, string, RegExp][] = [
    [
      "an event",
      "UPDATE events SET actor = 'key:other' WHERE position = 3",
      /^the history in \S+ at \S+ is not as it was written, at position 3: the event is not what its hash was made of$/,
    ],
    [
      "a user's row that is gone",
      "DELETE FROM user_profile WHERE id = 'b'; DELETE FROM user_state WHERE id = 'b'",
      /^the user "b" in \S+ at \S+ is not what its history gives: user_state does not know the event at position 3$/,
    ],
    [
      "a user's row that cannot be read",
      "UPDATE user_profile SET profile = '{' WHERE id = 'b'",
      /^the user "b" in \S+ at \S+ is not what its history gives: user_profile is not what the events give$/,
    ],
    [
      "a user's row that leads to no event",
      "UPDATE user_state SET last_position = 99 WHERE id = 'b'",
      /^the user "b" in .*: user_state has a row, and there is no event$/,
    ],
    ["a missing event", "DELETE FROM events WHERE position = 4", /at position 4: the event is missing$/],
    [
      "an unexpected event",
      "INSERT INTO events SELECT 99, NULL, organization_id, user_id, sequence, type, time, record_time, actor, via, request_id, body, hash FROM events WHERE position = 3",
      /there are events or links outside the log$/,
    ],
    [
      "the head",
      "UPDATE log_head SET link = decode(repeat('01', 32), 'hex')",
      /the head's link is not that of the last/,
    ],
    [
      "a personal value",
      "UPDATE event_private SET personal = replace(personal, 'why b', 'why c')",
      /the personal value note is not the one that was recorded$/,
    ],
    [
      "a personal value that is gone",
      "DELETE FROM event_private WHERE personal LIKE '%why a%'",
      /^the history in \S+ at \S+ is not as it was written, at position \d+: the personal value note is gone, and no event/,
    ],
    [
      "the state of a user",
      "UPDATE user_state SET state = 'ACTIVE', kinds = 0, restrictions = NULL WHERE id = 'é'",
      /^the user "é" in \S+ at \S+ is not what its history gives: user_state is not what the events give$/,
    ],
    ["the profile of a user", "UPDATE user_profile SET email_key = 'x' WHERE id = 'a'", /user_profile is not what the/],
    ["a missing profile", "DELETE FROM user_profile WHERE id = 'a'", /user_profile is not what the events give$/],
    ["the generation", "UPDATE instance SET generation = 7", /^the generation in \S+ at \S+ is not the one that its/],
  ];
  test("finds each change, in one sentence", async (t) => {
    const { url, connect } = await filled(t);
    const client = await connect();
    const offline = offlineServer(url);
    for (const [what, statement, expected] of changes) {
      const tables = ["events", "event_private", "user_state", "user_profile", "log_head", "instance"];
      for (const name of tables) await client.query(`CREATE TABLE IF NOT EXISTS kept_${name} AS SELECT * FROM ${name}`);
      await client.query(statement);
      await assert.rejects(offline.verify(), (error: Error) => {
        assert.match(error.message, expected, what);
        return error.constructor === Error;
      });
      for (const table of tables) {
        await client.query(`DELETE FROM ${table}`);
        await client.query(`INSERT INTO ${table} SELECT * FROM kept_${table}`);
      }
    }
    assert.equal((await offline.verify()).events, 15);
  });
});
