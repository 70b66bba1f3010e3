/** Counters of unknown users that an earlier version wrote. */
import assert from "node:assert/strict";
import { it } from "node:test";
import { migrateFile } from "../../../../src/store/sqlite/offline/inspect-file.ts";
import { DAY_MS, fail } from "../../support/attempts.ts";
import { toOlderSchema } from "../../support/older-schema.ts";
import { openFixture } from "../../support/sqlite-fixture.ts";

it("keeps no earlier counter for longer than 30 days", async (t) => {
  const { store, path, connect } = await openFixture(t);
  await fail(store, { shadow: "locked" }, 1);
  await fail(store, { shadow: "rests" }, 1);
  await store.close();
  toOlderSchema(path, "0012-shadow-places");
  const older = connect();
  older.exec("UPDATE attempt_counters SET touch_time = 9e15 WHERE subject = 'shadow:locked'");
  older.close();
  await migrateFile(path, { check: false });
  const rows = connect()
    .prepare("SELECT subject, touch_time - record_time FROM attempt_counters, log_head ORDER BY subject")
    .raw()
    .all();
  assert.deepEqual(rows, [
    ["shadow:locked", 30 * DAY_MS],
    ["shadow:rests", 0],
  ]);
});
