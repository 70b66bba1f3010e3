/** The generation of the instance only grows, and no epoch ever repeats. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import {
  evolveInstance,
  FIRST_GENERATION,
  generationAfter,
  generationFloor,
  revocationEpochOf,
} from "../../src/domain/instance.ts";

const ORIGIN = Date.UTC(2025, 0, 1);

describe("a raised generation", () => {
  test("is above every known one and not below the seconds since 2025", () => {
    const rows: readonly [known: readonly number[], now: number, generation: number][] = [
      [[1], ORIGIN + 500_000_999, 500_000],
      [[1, 500_000], ORIGIN + 500_000_000, 500_001],
      [[600_000, 2], ORIGIN + 500_000_000, 600_001],
      // A clock before 2025 does not make the generation smaller.
      [[1], 0, 2],
      [[], 0, 1],
    ];
    for (const [known, now, generation] of rows) assert.equal(generationAfter(known, now), generation);
    assert.equal(
      generationAfter([600_000], ORIGIN + 500_000_000, 77),
      600_077,
      "by the step where the clock has no say",
    );
    assert.equal(generationAfter([499_999], ORIGIN + 500_000_000, 77), 500_000, "not where it has");
    assert.equal(generationFloor(0), FIRST_GENERATION);
  });

  test("ends at 31 bits with a sentence", () => {
    assert.equal(generationAfter([2 ** 31 - 2], 0), 2 ** 31 - 1);
    assert.throws(() => generationAfter([2 ** 31 - 1], 0), /would be 2147483648; at most 2147483647/);
  });

  test("is the upper half of an epoch: any epoch of a later generation is above all of an earlier one", () => {
    assert.equal(revocationEpochOf(1, 1), 4_194_305n);
    assert.ok(revocationEpochOf(2, 1) > revocationEpochOf(1, 2 ** 22 - 1));
    assert.equal(
      revocationEpochOf(2 ** 31 - 1, 2 ** 22 - 1),
      BigInt(Number.MAX_SAFE_INTEGER),
      "a double holds it exactly",
    );
  });

  test("is what its event says", () => {
    const event = { time: 5, actor: "system", personal: {}, data: { generation: 9, previousGeneration: 1 } };
    assert.deepEqual(
      evolveInstance({ generation: 1, sequence: 0, changeTime: 0 }, { ...event, type: "GenerationRaised" }),
      { generation: 9, sequence: 1, changeTime: 5 },
    );
  });
});
