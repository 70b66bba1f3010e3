/** Attempts under way and counters that an earlier version wrote. */
import assert from "node:assert/strict";
import { it } from "node:test";
import { migrateFile } from "../../../../src/store/sqlite/offline/inspect-file.ts";
import { attemptsLeft, begin, complete, fail, openWith, RESERVATION_MS, record, U } from "../../support/attempts.ts";
import { toOlderSchema } from "../../support/older-schema.ts";
import { resourceOf } from "../../support/outcomes.ts";
import { openFixture } from "../../support/sqlite-fixture.ts";

it("keeps failures and attempts under way, and drops counters that count nothing", async (t) => {
  const opened = await openFixture(t);
  const { store, path, connect } = opened;
  await openWith(async () => opened, t, 5);
  await fail(store, U, 2);
  resourceOf(await store.execute(begin(U, "ends")));
  resourceOf(await store.execute(begin(U, "expires")));
  resourceOf(await store.execute(begin({ shadow: "unknown" })));
  await store.close();
  toOlderSchema(path, "0013-attempt-places");
  const older = connect();
  const columns = "subject, factor, failures, outstanding, locks, life, touch_time";
  const insert = older.prepare(`INSERT INTO attempt_counters (${columns}) VALUES (?, 'PASSWORD', '[]', '[]', ?, ?, 1)`);
  for (const [subject, locks, life] of [
    ["user:calm", 0, 0],
    ["user:locked-before", 1, 0],
    ["user:recreated", 0, 5],
  ])
    insert.run(subject, locks, life);
  older.close();
  await migrateFile(path, { check: false });
  const reader = connect({ readonly: true });
  const subjectsOf = (table: string) => reader.prepare(`SELECT subject FROM ${table} ORDER BY subject`).pluck().all();
  assert.deepEqual(subjectsOf("attempt_places"), ["shadow:unknown", "user:u"]);
  assert.deepEqual(subjectsOf("attempt_counters"), [
    "shadow:unknown",
    "user:locked-before",
    "user:recreated",
    "user:u",
  ]);
  const newer = await openFixture(t, { path });
  assert.equal(await attemptsLeft(newer), 1);
  resourceOf(await newer.store.execute(complete("ends")));
  assert.equal(await attemptsLeft(newer), 1);
  newer.clock.time += RESERVATION_MS;
  await newer.store.sweep();
  assert.deepEqual(subjectsOf("attempt_places"), []);
  assert.equal(await attemptsLeft(newer), 1);
  assert.equal(resourceOf(await newer.store.execute(record(U))).locked, true);
});
