/** A database that an earlier version wrote has not been moved. */
import assert from "node:assert/strict";
import { it } from "node:test";
import { migrateFile } from "../../../../src/store/sqlite/offline/inspect-file.ts";
import { createUser } from "../../support/commands.ts";
import { toOlderSchema } from "../../support/older-schema.ts";
import { resourceOf } from "../../support/outcomes.ts";
import { openFixture } from "../../support/sqlite-fixture.ts";

it("knows of no move in a database of an earlier version", async (t) => {
  const { store, path, connect } = await openFixture(t);
  resourceOf(await store.execute(createUser("u")));
  await store.close();
  toOlderSchema(path, "0014-moves");
  const { from, due } = await migrateFile(path, { check: false });
  assert.deepEqual([from, due[0]], ["0013-attempt-places", "0014-moves"]);
  assert.deepEqual(connect().prepare("SELECT * FROM moves").all(), []);
  assert.notEqual(await (await openFixture(t, { path })).store.readUser("u"), undefined);
});
