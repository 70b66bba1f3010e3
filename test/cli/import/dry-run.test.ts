/** A dry run counts rows of one user as the import would. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { IfExists } from "../../../gen/lockkeeper/user/v1/user_service_pb.ts";
import { WouldBeCreated } from "../../../src/cli/import/dry-run.ts";

const CREATED = { action: "created" } as const;

test("of two rows that the service would create alone, the second meets the user of the first", () => {
  const rows: readonly (readonly [ifExists: IfExists, second: string])[] = [
    [IfExists.SKIP, "skipped"],
    [IfExists.UPDATE, "updated"],
    [IfExists.ERROR, "failed"],
  ];
  for (const [ifExists, second] of rows) {
    const users = new WouldBeCreated(ifExists);
    // A row that fails makes nobody.
    assert.equal(users.judge("ann", { action: "failed", code: 3, reason: "", message: "" }).action, "failed");
    const actions = ["ann", "bob", "ann"].map((userId) => users.judge(userId, CREATED).action);
    assert.deepEqual(actions, ["created", "created", second]);
    assert.equal(users.isPartial, false);
  }
});

test("beyond the ids that are remembered it says that not all rows were compared", () => {
  const users = new WouldBeCreated(IfExists.SKIP, 1);
  const actions = ["ann", "bob", "bob", "ann"].map((userId) => users.judge(userId, CREATED).action);
  assert.deepEqual(actions, ["created", "created", "created", "skipped"]);
  assert.equal(users.isPartial, true);
});
