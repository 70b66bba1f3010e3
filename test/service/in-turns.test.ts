/** Lists are made in parts, and few at a time. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { inLane, mapInTurns } from "../../src/service/in-turns.ts";

test("a list is mapped in its order, with a turn taken for each part", async () => {
  let turns = 0;
  const takeTurn = (): undefined => {
    turns++;
  };
  const items = Array.from({ length: 120 }, (_, i) => i);
  assert.deepEqual(
    await mapInTurns(items, { takeTurn }, (item) => item * 2),
    items.map((item) => item * 2),
  );
  assert.equal(turns, 3);
});

test("two are under way at most, in their order, and one that fails makes room for the next", async () => {
  let [running, most] = [0, 0];
  const begun: number[] = [];
  const calls = Array.from({ length: 10 }, (_, call) =>
    inLane(async () => {
      begun.push(call);
      most = Math.max(most, ++running);
      await new Promise((resolve) => setImmediate(resolve));
      running--;
      if (call % 3 === 0) throw new Error("no");
    }),
  );
  await Promise.allSettled(calls);
  assert.equal(most, 2);
  assert.deepEqual(
    begun,
    begun.toSorted((a, b) => a - b),
  );
  assert.equal(begun.length, 10);
});
