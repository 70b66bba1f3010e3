/** Random numbers that can be had again: every random test prints its seed, and takes one from TEST_SEED. */
import type { TestContext } from "node:test";
import { SCALE } from "./scale.ts";

export interface Random {
  readonly seed: number;
  /** From 0 (included) to `end` (excluded). */
  below(end: number): number;
  pick<T>(items: readonly T[]): T;
}

/** A generator whose seed is printed as a diagnostic of the test (mulberry32). */
export function seededRandom(t: TestContext): Random {
  const given = process.env.TEST_SEED;
  const seed = given === undefined ? Math.floor(Math.random() * 2 ** 32) : Number(given);
  t.diagnostic(`seed ${seed} (TEST_SEED=${seed} repeats it), at the ${SCALE} scale`);
  let state = seed;
  const below = (end: number): number => {
    state = (state + 0x6d2b79f5) | 0;
    let bits = Math.imul(state ^ (state >>> 15), 1 | state);
    bits = (bits + Math.imul(bits ^ (bits >>> 7), 61 | bits)) ^ bits;
    return Math.floor((((bits ^ (bits >>> 14)) >>> 0) / 2 ** 32) * end);
  };
  return {
    seed,
    below,
    pick(items) {
      const item = items[below(items.length)];
      if (item === undefined) throw new Error("pick: there is nothing to pick from");
      return item;
    },
  };
}
