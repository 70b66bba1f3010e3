/** The steady clock: jumps of the wall clock against the monotonic clock, and how they are judged. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { SteadyClock } from "../../../src/store/upkeep/steady-clock.ts";
import { followSteadyClock } from "../../../src/store/upkeep/thread-clock.ts";

const HOUR = 3_600_000;

/** Two clocks that tests set, and what was reported about the wall clock. */
class Clocks {
  wall = Date.UTC(2026, 0, 1);
  monotonic = 1000;
  readonly begin = this.wall;
  readonly steps: (readonly [step: string, byMs: number])[] = [];
  readonly steady = new SteadyClock({
    wall: () => this.wall,
    monotonic: () => this.monotonic,
    onJump: (...step) => this.steps.push(step),
  });

  pass(ms: number): void {
    this.wall += ms;
    this.monotonic += ms;
  }

  /** Milliseconds that have passed by the steady clock. */
  get elapsed(): number {
    return this.steady.now() - this.begin;
  }
}

describe("the steady clock", () => {
  it("follows a wall clock that is corrected by up to 60 s in either direction", () => {
    const clocks = new Clocks();
    clocks.pass(HOUR);
    assert.equal(clocks.elapsed, HOUR);
    clocks.wall += 60_000;
    assert.equal(clocks.elapsed, HOUR + 60_000);
    clocks.wall -= 60_000;
    assert.equal(clocks.elapsed, HOUR);
    assert.equal(clocks.steady.whenSteady(), undefined);
    assert.deepEqual(clocks.steps, []);
  });

  it("never shows a jump of +3 h that is undone", async () => {
    const clocks = new Clocks();
    clocks.wall += 3 * HOUR;
    const steady = clocks.steady.whenSteady();
    assert.ok(steady);
    clocks.pass(2000);
    assert.equal(clocks.elapsed, 2000);
    clocks.wall -= 3 * HOUR;
    assert.equal(clocks.elapsed, 2000);
    await steady;
    assert.equal(clocks.steady.whenSteady(), undefined);
    assert.deepEqual(clocks.steps, [
      ["NOTICED", 3 * HOUR],
      ["UNDONE", 0],
    ]);
  });

  for (const [what, byMs] of [
    ["+3 h, as after a suspension", 3 * HOUR],
    ["-3 h", -3 * HOUR],
  ] as const) {
    it(`takes a jump of ${what} when the wall clock goes on evenly for 5 s`, async () => {
      const clocks = new Clocks();
      clocks.wall += byMs;
      const steady = clocks.steady.whenSteady();
      clocks.pass(4999);
      assert.equal(clocks.elapsed, 4999);
      assert.equal(clocks.steady.whenSteady(), steady, "commits still wait");
      clocks.pass(1);
      assert.equal(clocks.elapsed, byMs + 5000);
      await steady;
      assert.equal(clocks.steady.whenSteady(), undefined);
      assert.deepEqual(clocks.steps, [
        ["NOTICED", byMs],
        ["TAKEN", byMs],
      ]);
    });
  }

  it("uses the monotonic clock while the wall clock keeps jumping, and delays commits by only 5 s", async () => {
    const clocks = new Clocks();
    clocks.wall += HOUR;
    const steady = clocks.steady.whenSteady();
    clocks.pass(3000);
    clocks.wall += HOUR;
    assert.equal(clocks.elapsed, 3000);
    clocks.pass(2000);
    assert.equal(clocks.elapsed, 5000);
    await steady;
    assert.equal(clocks.steady.whenSteady(), undefined);
    clocks.pass(3000);
    assert.equal(clocks.elapsed, 2 * HOUR + 8000, "even since 5 s");
    assert.deepEqual(
      clocks.steps.map(([step]) => step),
      ["NOTICED", "UNEVEN", "TAKEN"],
    );
  });

  it("releases all that wait when it is closed", async () => {
    const clocks = new Clocks();
    clocks.wall += HOUR;
    const steady = clocks.steady.whenSteady();
    clocks.steady.close();
    await steady;
  });
});

describe("the clock of another thread", () => {
  it("is the steady clock, whichever of the two notices a jump first, and whatever becomes of it", () => {
    const clocks = new Clocks();
    const follow = followSteadyClock(clocks.steady.memory, {
      wall: () => clocks.wall,
      monotonic: () => clocks.monotonic,
    });
    const assertSame = (elapsed: number): void => {
      assert.equal(follow() - clocks.begin, elapsed);
      assert.equal(clocks.elapsed, elapsed);
      assert.equal(follow() - clocks.begin, elapsed);
    };
    clocks.wall += 60_000;
    assertSame(60_000);
    clocks.wall += 3 * HOUR;
    assertSame(60_000);
    clocks.pass(2000);
    assertSame(62_000);
    clocks.wall -= 3 * HOUR;
    assertSame(62_000);
    for (let second = 1; second <= 10; second++) {
      clocks.wall += HOUR;
      clocks.monotonic += 1000;
      assertSame(62_000 + second * 1000);
    }
    assert.equal(clocks.steps.at(-1)?.[0], "UNEVEN");
    clocks.pass(5000);
    assert.equal(clocks.elapsed, follow() - clocks.begin);
    assert.equal(clocks.steps.at(-1)?.[0], "TAKEN");
    assertSame(62_000 + 10 * HOUR + 5000);
  });
});
