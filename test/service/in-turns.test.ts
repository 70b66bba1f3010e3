/** Lists are made in parts. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { mapInTurns } from "../../src/service/in-turns.ts";

test("a list is mapped in its order, with a turn taken for each part", async () => {
  let turns = 0;
  const takeTurn = (): undefined => {
    turns++;
  };
  const items = [0, 1, 2, 3];
  const double = (item: number): number => {
    // Longer than one part may take.
    for (const begin = process.threadCpuUsage(); process.threadCpuUsage(begin).user < 2_000; );
    return item * 2;
  };
  assert.deepEqual(await mapInTurns(items, { takeTurn }, double), [0, 2, 4, 6]);
  assert.equal(turns, items.length);
});
