/** A step of an erasure: it ends when it is late, for writers wait for it, and each user gets on nevertheless. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { eraseStep } from "../../../../src/store/postgres/write/erase.ts";
import { noPostgres, sharedPostgres } from "../../../support/postgres.ts";
import { createUser, deleteUser, lockUser, unlockUser } from "../../support/commands.ts";
import { resourceOf } from "../../support/outcomes.ts";
import { openPostgresFixture } from "../../support/postgres-fixture.ts";
import { connect } from "../support/connect.ts";

describe("PostgreSQL: a step of an erasure", { skip: (await noPostgres()) ?? false }, () => {
  test("erases a part for each user when it is late at once, and everything when it never is", async (t) => {
    const { store, url, query } = await openPostgresFixture(await sharedPostgres(), t);
    const ids = ["a", "b"];
    for (const id of ids) {
      resourceOf(await store.execute(createUser(id, { note: "n" })));
      const changes = Array.from({ length: 300 }, () => [
        store.execute(lockUser(id, { note: "n" })),
        store.execute(unlockUser(id, { note: "n" })),
      ]);
      await Promise.all(changes.flat());
    }
    await query("CREATE TABLE had AS SELECT * FROM event_private");
    for (const id of ids) resourceOf(await store.execute(deleteUser(id, { erase: true })));
    await query(`DELETE FROM event_private; INSERT INTO event_private SELECT * FROM had;
      UPDATE erasures AS x SET end_time = NULL, next_position = u.last_position FROM user_state AS u WHERE u.id = x.user_id`);
    const left = () =>
      query<{ id: string; n: number }>(
        "SELECT user_id AS id, count(*)::int4 AS n FROM event_private JOIN events USING (position) GROUP BY 1 ORDER BY 1",
      );
    const before = await left();
    const connection = await connect(t, url);
    assert.deepEqual(await eraseStep(connection, ids, 1, () => true), ids);
    const after = await left();
    for (const [index, { n }] of after.entries()) {
      const erased = (before[index]?.n ?? 0) - n;
      assert.ok(erased > 0 && erased <= 40, `${erased} of a user`);
    }
    assert.deepEqual(await eraseStep(connection, ids, 1, () => false), []);
    assert.deepEqual(await left(), []);
    assert.deepEqual(await query("SELECT next_position, end_time::int4 FROM erasures"), [
      { next_position: null, end_time: 1 },
      { next_position: null, end_time: 1 },
    ]);
  });
});
