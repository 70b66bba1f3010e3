/** Lists are made in parts, and few at a time. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { inLane, mapInTurns } from "../../src/service/in-turns.ts";

test("a list is mapped in its order, with a turn taken for each part", async () => {
  let turns = 0;
  const takeTurn = (): undefined => {
    turns++;
  };
  const items = [0, 1, 2, 3];
  const double = (item: number): number => {
    // Longer than a part may take.
    for (const begin = process.threadCpuUsage(); process.threadCpuUsage(begin).user < 2_000; );
    return item * 2;
  };
  assert.deepEqual(await mapInTurns(items, { takeTurn }, double), [0, 2, 4, 6]);
  assert.equal(turns, items.length);
});

test("two are under way at most, in their order, and one that fails makes room for the next", async () => {
  let [running, most] = [0, 0];
  const begun: number[] = [];
  const { signal } = new AbortController();
  const calls = Array.from({ length: 10 }, (_, call) =>
    inLane({ signal }, async () => {
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

test("one whose caller left while it waited is not run, and makes room for the next", async () => {
  const signal = new AbortController().signal;
  const gone = new AbortController();
  const begun: string[] = [];
  const hold = Promise.withResolvers<void>();
  const run = (name: string, of: AbortSignal): Promise<void> =>
    inLane({ signal: of }, async () => {
      begun.push(name);
      await hold.promise;
    });
  const calls = [run("a", signal), run("b", signal), run("gone", gone.signal), run("c", signal)];
  gone.abort(new Error("the caller left"));
  hold.resolve();
  const outcomes = await Promise.allSettled(calls);
  assert.deepEqual(begun, ["a", "b", "c"]);
  assert.deepEqual(
    outcomes.map(({ status }) => status),
    ["fulfilled", "fulfilled", "rejected", "fulfilled"],
  );
});
