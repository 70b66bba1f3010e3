/** Reads on the writer's own connection while it commits: nobody sees a row that is not committed. */
import assert from "node:assert/strict";
import { it } from "node:test";
import { createUser, lockUser } from "../../support/commands.ts";
import { resourceOf } from "../../support/outcomes.ts";
import { openFixture } from "../../support/sqlite-fixture.ts";

const USERS = Array.from({ length: 20 }, (_, index) => `u${index}`);
const ROUNDS = 10;

it("a live read during a batch sees what another connection sees, also when the batch fails", async (t) => {
  const { store, connect, troubles } = await openFixture(t);
  for (const userId of USERS) resourceOf(await store.execute(createUser(userId)));
  const other = connect();
  // The last row of each batch fails after the rows of the others are written, and the batch is halved until it is alone.
  other.exec(`CREATE TRIGGER last AFTER UPDATE ON user_state WHEN NEW.id = '${USERS.at(-1)}'
    BEGIN SELECT RAISE(ABORT, 'the last one fails'); END`);
  const committed = other.prepare<[string], number>("SELECT sequence FROM user_state WHERE id = ?").pluck();
  let isRunning: boolean = true;
  let looks = 0;
  const watch = async (turn: () => Promise<void>): Promise<void> => {
    while (isRunning) {
      for (const userId of USERS) {
        // The read happens at the end of the turn: what is committed may grow around it, and what fails never shows.
        const before = committed.get(userId) ?? 0;
        const seen = (await store.readUser(userId))?.state.sequence ?? 0;
        const after = committed.get(userId) ?? 0;
        assert.ok(before <= seen && seen <= after, `${userId}: ${seen} is not between ${before} and ${after}`);
        looks++;
      }
      await turn();
    }
  };
  const watching = Promise.all([
    watch(() => new Promise((resolve) => setImmediate(resolve))),
    watch(() => new Promise((resolve) => setTimeout(resolve, 0))),
  ]);
  for (let round = 0; round < ROUNDS; round++) {
    const outcomes = await Promise.all(
      USERS.map((userId) => store.execute(lockUser(userId, { ifAlready: "restart" }))),
    );
    assert.equal(outcomes.filter(({ ok }) => ok).length, USERS.length - 1);
  }
  isRunning = false;
  await watching;
  // Halving a batch takes about ten transactions, and there are turns between them.
  assert.ok(looks > 4 * ROUNDS, `${looks} looks`);
  assert.ok(troubles.length >= ROUNDS);
});
