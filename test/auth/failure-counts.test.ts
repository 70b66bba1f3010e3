import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { FailureCounts } from "../../src/auth/failure-counts.ts";

const NOW = Date.UTC(2026, 0, 1);
const DAY = 86_400_000;
const HOME = "192.0.2.1";
const FAILURES_MAX = 20;
const ADDRESSES_MAX = 10_000;

/** Counts with a manual clock. */
class Desk {
  now = NOW;
  readonly #counts = new FailureCounts(() => this.now);

  show(address = HOME) {
    return this.#counts.count(address);
  }

  isRefused(address = HOME): boolean {
    return this.show(address) !== undefined;
  }

  fail(times: number, address = HOME): readonly boolean[] {
    return Array.from({ length: times }, () => this.isRefused(address));
  }
}

describe("the rate of failures", () => {
  test("20 within a second are allowed, the next ones are refused with the time to wait", () => {
    const desk = new Desk();
    assert.deepEqual(new Set(desk.fail(FAILURES_MAX)), new Set([false]));
    desk.now += 400;
    const refusal = desk.show();
    assert.equal(refusal?.reason, "AUTHENTICATION_RATE");
    assert.equal(refusal.retryAfterMs, 600);
    assert.match(refusal.message, /more than 20 authentications from "192\.0\.2\.1" failed within a second/);
  });

  test("a second later the address may fail again", () => {
    const desk = new Desk();
    desk.fail(FAILURES_MAX + 1);
    desk.now += 999;
    assert.equal(desk.isRefused(), true);
    desk.now += 1;
    assert.equal(desk.isRefused(), false);
  });

  test("a clock that steps back locks nobody out", () => {
    const desk = new Desk();
    desk.fail(FAILURES_MAX + 1);
    desk.now -= DAY;
    assert.equal(desk.isRefused(), false);
  });

  test("each address is counted separately", () => {
    const desk = new Desk();
    desk.fail(FAILURES_MAX + 1);
    assert.equal(desk.isRefused("192.0.2.2"), false);
  });

  test("the number of remembered addresses is bounded, and the oldest is forgotten first", () => {
    const desk = new Desk();
    desk.fail(FAILURES_MAX, "first");
    desk.fail(FAILURES_MAX, "second");
    for (let i = 2; i < ADDRESSES_MAX; i++) desk.fail(1, `address ${i}`);
    assert.equal(desk.isRefused("first"), true);
    desk.fail(1, "one more");
    assert.equal(desk.isRefused("second"), true);
    assert.equal(desk.isRefused("first"), false);
  });
});
