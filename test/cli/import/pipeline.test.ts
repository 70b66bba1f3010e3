/** Several batches under way, settled in their order. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { Pipeline } from "../../../src/cli/import/pipeline.ts";
import { seededRandom } from "../../support/random.ts";

test("whatever comes back first, batches are settled in order, a few are under way, and no name twice", async (t) => {
  const random = seededRandom(t);
  const settled: number[] = [];
  const underWay = new Map<number, string>();
  let most = 0;
  const pipeline = new Pipeline<{ readonly id: number; readonly name: string }, number>({
    inFlightMax: 4,
    send: async ({ id, name }) => {
      assert.ok(![...underWay.values()].includes(name), `${name} is under way twice`);
      underWay.set(id, name);
      most = Math.max(most, underWay.size);
      await delay(random.below(4));
      underWay.delete(id);
      return id * 2;
    },
    settle: ({ id }, result) => {
      assert.equal(result, id * 2);
      settled.push(id);
    },
    namesOf: ({ name }) => [name],
  });
  for (let id = 0; id < 200; id++) await pipeline.push({ id, name: `n${random.below(20)}` });
  await pipeline.drain();
  assert.deepEqual(
    settled,
    Array.from({ length: 200 }, (_, id) => id),
  );
  assert.ok(most > 1 && most <= 4, `${most} were under way`);
});

test("behind a batch that failed nothing is settled, though it was sent", async () => {
  const settled: number[] = [];
  const pipeline = new Pipeline<number, number>({
    inFlightMax: 4,
    send: async (id) => {
      await delay(id === 1 ? 5 : 0);
      if (id === 1) throw new Error("refused");
      return id;
    },
    settle: (id) => settled.push(id),
    namesOf: () => [],
  });
  for (const id of [0, 1, 2, 3]) await pipeline.push(id);
  await assert.rejects(pipeline.drain(), /refused/);
  await assert.rejects(pipeline.push(4), /refused/);
  assert.deepEqual(settled, [0]);
});
