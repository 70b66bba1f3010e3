/** The log of an earlier version gets its summaries from the sweeper, and lists have it all before. */
import assert from "node:assert/strict";
import { it } from "node:test";
import { BLOCK_EVENTS } from "../../../../src/store/lists/events/event-summary.ts";
import { createUser } from "../../support/commands.ts";
import { toOlderSchema } from "../../support/older-schema.ts";
import { readAll, resourceOf } from "../../support/outcomes.ts";
import { openFixture } from "../../support/sqlite-fixture.ts";

it("summarises the log of an earlier version behind the writer", async (t) => {
  const { store, path } = await openFixture(t);
  const ids = Array.from({ length: BLOCK_EVENTS }, (_, i) => `u${i}`);
  for (const outcome of await Promise.all(ids.map((id) => store.execute(createUser(id))))) resourceOf(outcome);
  await store.close();
  toOlderSchema(path, "0015-event-summaries");
  const { store: newer, connect } = await openFixture(t, { path });
  const query = { scope: null, filter: { actor: ["key:test"] }, order: "newest_first", pageSize: 1_000 } as const;
  const list = () => readAll((after) => newer.listEvents(after === undefined ? query : { ...query, after }));
  const rows = () => connect().prepare("SELECT block, length(actors) AS bytes, types FROM event_summaries").all();
  assert.deepEqual(rows(), []);
  const before = await list();
  await newer.sweep();
  // The second block has one event and is not complete.
  assert.deepEqual(rows(), [{ block: 0, bytes: 4, types: ",OrganizationCreated,UserCreated," }]);
  assert.equal(before.length, BLOCK_EVENTS + 1);
  assert.deepEqual(await list(), before);
});
