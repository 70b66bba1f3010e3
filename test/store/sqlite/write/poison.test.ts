/** A poisoned command: when the engine rejects one command of a batch, the others succeed. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { verifyChain } from "../../../../src/store/log/verify-chain.ts";
import { chainOf } from "../../../../src/store/sqlite/offline/chain-rows.ts";
import { createUser, lockUser, requestContext } from "../../support/commands.ts";
import { resourceOf, tally } from "../../support/outcomes.ts";
import { openFixture } from "../../support/sqlite-fixture.ts";
import { verifyUserRows } from "../../support/verify-rows.ts";

describe("a poisoned command", () => {
  it("is refused alone", async (t) => {
    const { store, connect, troubles } = await openFixture(t);
    const ids = Array.from({ length: 50 }, (_, index) => `u${index}`);
    await Promise.all(ids.map((id) => store.execute(createUser(id))));
    const database = connect();
    database.exec(
      "CREATE TRIGGER poison BEFORE UPDATE ON user_state WHEN NEW.id = 'u25' BEGIN SELECT RAISE(ABORT, 'poisoned'); END",
    );
    const lockAll = () => Promise.all(ids.map((id) => store.execute(lockUser(id, { context: requestContext(id) }))));
    const outcomes = await lockAll();
    assert.deepEqual(tally(outcomes), { OK: 49, STORE_REJECTED: 1 });
    const guilty = outcomes[25];
    assert.ok(guilty?.ok === false && guilty.refusal.reason === "STORE_REJECTED");
    assert.ok(!guilty.refusal.message.includes("poisoned"), "the cause is for the log");
    assert.ok(troubles.some((error) => String(error).includes("poisoned")));
    assert.equal((await store.readUser("u25"))?.state.restrictions.length, 0);
    assert.deepEqual((await verifyChain(chainOf(database))).faults, []);
    assert.deepEqual((await verifyUserRows(database)).faults, []);

    database.exec("DROP TRIGGER poison");
    const again = await lockAll();
    assert.deepEqual(tally(again), { OK: 50 });
    assert.equal(again.filter((outcome) => outcome.ok && outcome.replayed).length, 49);
    assert.equal(
      resourceOf(await store.execute(lockUser("u25", { context: requestContext("u25") }))).state.sequence,
      2,
    );
  });
});
