/** Token buckets: how many calls pass, whose calls are counted together, and how much is remembered. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { networkOf } from "../../src/auth/network.ts";
import { RateLimit } from "../../src/auth/rate-limit.ts";
import { seededRandom } from "../support/random.ts";
import { scaled } from "../support/scale.ts";

const NOW = Date.UTC(2026, 0, 2);

function limitOf(perSecond: number, burst: number, bucketsMax?: number) {
  const at = { now: NOW };
  const limit = new RateLimit({ perSecond, burst }, () => at.now, bucketsMax);
  return { at, limit };
}

describe("a rate", () => {
  test("lets a burst pass, then one for each part of a second, and says how long to wait", () => {
    const { at, limit } = limitOf(4, 3);
    assert.deepEqual(
      [1, 2, 3, 4, 5].map(() => limit.take("a")),
      [0, 0, 0, 250, 250],
    );
    at.now += 100;
    assert.equal(limit.take("a"), 150);
    at.now += 149;
    assert.equal(limit.take("a"), 1);
    at.now += 1;
    assert.equal(limit.take("a"), 0);
    assert.equal(limit.take("a"), 250);
  });

  test("below one per second asks for a longer wait", () => {
    const { at, limit } = limitOf(0.5, 1);
    assert.deepEqual(
      [1, 2].map(() => limit.take("a")),
      [0, 2000],
    );
    at.now += 2000;
    assert.equal(limit.take("a"), 0);
  });

  test("saves at most the burst", () => {
    const { at, limit } = limitOf(10, 2);
    limit.take("a");
    at.now += 3_600_000;
    assert.deepEqual(
      [1, 2, 3].map(() => limit.take("a")),
      [0, 0, 100],
    );
  });

  test("counts each caller separately", () => {
    const { limit } = limitOf(1, 1);
    assert.deepEqual(
      ["a", "b", "a", "b"].map((name) => limit.take(name)),
      [0, 0, 1000, 1000],
    );
  });

  test("recovers from a clock that steps back: it stays neither looser nor tighter", () => {
    const { at, limit } = limitOf(1, 1);
    limit.take("a");
    at.now -= 3_600_000;
    assert.equal(limit.take("a"), 1000);
    at.now += 1000;
    assert.equal(limit.take("a"), 0);
  });

  test("lets at most burst and rate pass, whenever calls come, and never refuses a call that is due", (t) => {
    const random = seededRandom(t);
    for (let round = 0; round < scaled({ quick: 50, soak: 2_000 }); round++) {
      const [perSecond, burst] = [1 + random.below(50), 1 + random.below(20)];
      const { at, limit } = limitOf(perSecond, burst);
      let passed = 0;
      for (let i = 0; i < 500; i++) {
        at.now += random.below(60);
        const waitMs = limit.take("a");
        if (waitMs === 0) passed++;
        else assert.ok(waitMs <= Math.ceil(1000 / perSecond));
        assert.ok(passed <= burst + ((at.now - NOW) * perSecond) / 1000 + 1e-6, `${perSecond}/s:${burst}`);
        if (random.below(10) > 0 || waitMs === 0) continue;
        at.now += waitMs;
        assert.equal(limit.take("a"), 0, "a caller that waits as long as asked passes");
        passed++;
      }
    }
  });
});

describe("memory", () => {
  test("is bounded: the caller that was silent longest is forgotten, not the one that goes on calling", () => {
    const { limit } = limitOf(0.001, 1, 3);
    for (const name of ["a", "b", "c", "a", "d"]) limit.take(name);
    assert.equal(limit.size, 3);
    assert.ok(limit.take("a") > 0);
    assert.equal(limit.take("b"), 0, "b was forgotten");
  });

  test("is freed once a bucket is full again", () => {
    const { at, limit } = limitOf(1, 10);
    for (let i = 0; i < 1000; i++) limit.take(`a${i}`);
    assert.equal(limit.size, 1000);
    at.now += 10_000;
    for (let i = 0; i < 501; i++) limit.take("b");
    assert.equal(limit.size, 1);
  });
});

describe("a network", () => {
  const CASES: readonly (readonly [address: string, network: string])[] = [
    ["192.0.2.1", "192.0.2.1"],
    ["2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"],
    ["2001:db8:1:2::", "2001:db8:1:2::/64"],
    ["2001:db8::5", "2001:db8:0:0::/64"],
    ["2001:0db8:0::0:5", "2001:db8:0:0::/64"],
    ["::1", "0:0:0:0::/64"],
    ["::", "0:0:0:0::/64"],
    ["1::2:3:4:5:6:7", "1:0:2:3::/64"],
    ["fe80::1%eth0", "fe80:0:0:0::/64"],
    ["", ""],
    ["no address", "no address"],
  ];
  for (const [address, network] of CASES) {
    test(`of ${address || "nothing"} is ${network || "nothing"}`, () => assert.equal(networkOf(address), network));
  }
});
