import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { NumberTable } from "../src/number-table.ts";
import { seededRandom } from "./support/random.ts";

const STEPS = 20_000;

describe("a table by numbers", () => {
  for (const step of [1, 2]) {
    test(`does what a Map does, with keys that grow by ${step}`, (t) => {
      const random = seededRandom(t);
      const table = new NumberTable<string>();
      const map = new Map<number, string>();
      let last = 1 - step;
      for (let i = 0; i < STEPS; i++) {
        // Grows to hundreds of entries and shrinks to none, by turns.
        const isGrowing = Math.floor(i / 2_000) % 2 === 0;
        if (random.below(100) < (isGrowing ? 65 : 35)) {
          last += step;
          table.set(last, `value ${last}`);
          map.set(last, `value ${last}`);
        } else {
          const key = map.size > 0 ? random.pick([...map.keys()]) : last + step;
          assert.equal(table.delete(key), map.delete(key));
          assert.equal(table.get(key), undefined);
        }
        if (i % 100 === 0) assert.deepEqual(entriesOf(table), [...map]);
        assert.equal(table.size, map.size);
      }
      for (const [key, value] of map) assert.equal(table.get(key), value);
    });
  }

  test("replaces the value of a key", () => {
    const table = new NumberTable<string>().set(7, "old").set(7, "new");
    assert.deepEqual([table.size, table.get(7)], [1, "new"]);
  });

  test("may lose entries while they are visited", () => {
    const table = new NumberTable<number>();
    for (let key = 1; key <= 500; key++) table.set(key, key);
    const seen: number[] = [];
    table.forEach((value, key) => {
      seen.push(value);
      table.delete(key);
    });
    assert.deepEqual([seen.length, new Set(seen).size, table.size], [500, 500, 0]);
  });
});

function entriesOf(table: NumberTable<string>): [number, string][] {
  const entries: [number, string][] = [];
  table.forEach((value, key) => {
    entries.push([key, value]);
  });
  return entries.sort(([a], [b]) => a - b);
}
