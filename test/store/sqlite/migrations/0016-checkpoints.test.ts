/** A database that an earlier version wrote has no checkpoints yet, and gets them from then on. */
import assert from "node:assert/strict";
import { it } from "node:test";
import { createUser } from "../../support/commands.ts";
import { toOlderSchema } from "../../support/older-schema.ts";
import { resourceOf } from "../../support/outcomes.ts";
import { SIGNING } from "../../support/signing.ts";
import { openFixture } from "../../support/sqlite-fixture.ts";

it("makes checkpoints of a history that an earlier version began", async (t) => {
  const { store, path } = await openFixture(t);
  resourceOf(await store.execute(createUser("u")));
  await store.close();
  toOlderSchema(path, "0016-checkpoints");
  const { store: newer } = await openFixture(t, { path, ...SIGNING });
  await newer.sweep();
  assert.deepEqual(
    (await newer.history.checkpoints({ pageSize: 9 })).items.map(({ position }) => position),
    [2],
  );
});
