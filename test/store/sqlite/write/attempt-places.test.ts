/** Which rows an attempt leaves: only failures, and attempts of unknown users, are counted in a row that lasts. */
import assert from "node:assert/strict";
import { it } from "node:test";
import { begin, complete, openWith, U } from "../../support/attempts.ts";
import { resourceOf } from "../../support/outcomes.ts";
import { openFixture } from "../../support/sqlite-fixture.ts";

it("an attempt that succeeds writes no counter, and its place is gone", async (t) => {
  const opened = await openFixture(t);
  const { store, connect } = opened;
  await openWith(async () => opened, t, 5);
  const reader = connect({ readonly: true });
  const read = () =>
    ["attempt_counters", "attempt_places"].map((table) =>
      reader.prepare(`SELECT count(*) FROM ${table}`).pluck().get(),
    );
  resourceOf(await store.execute(begin(U, "succeeds")));
  assert.deepEqual(read(), [0, 1]);
  resourceOf(await store.execute(complete("succeeds", true)));
  assert.deepEqual(read(), [0, 0]);
  resourceOf(await store.execute(begin(U, "fails")));
  resourceOf(await store.execute(complete("fails", false)));
  assert.deepEqual(read(), [1, 0]);
  resourceOf(await store.execute(begin({ shadow: "unknown" })));
  assert.deepEqual(read(), [2, 1]);
});
