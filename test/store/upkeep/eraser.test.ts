/** How the eraser shares the writer's thread. */
import assert from "node:assert/strict";
import { it } from "node:test";
import { Eraser } from "../../../src/store/upkeep/eraser.ts";
import { deleteUser } from "../support/commands.ts";

it("lets the event loop run between two steps of an erasure", async () => {
  const steps: number[] = [];
  let turns = 0;
  const count = (): void => void setImmediate(() => ++turns < 100 && count());
  const eraser = new Eraser({
    step: async (userIds) => {
      steps.push(turns);
      return userIds;
    },
    find: () => [],
    onTrouble: (error) => assert.fail(String(error)),
  });
  count();
  await eraser.finish(deleteUser("u", { erase: true }), Promise.resolve({ ok: true } as const));
  assert.equal(new Set(steps).size, 4, "each of the four steps that are awaited has a turn of its own");
});
