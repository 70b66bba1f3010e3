/** From a requested start and expiry to the interval. Only `never` means "forever". */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { Expiry } from "../../src/domain/command.ts";
import { resolveInterval } from "../../src/domain/interval.ts";
import { LATEST_TIME } from "../../src/domain/restriction.ts";
import { toExpiry } from "../../src/service/native/request.ts";
import { toTime } from "../../src/service/times.ts";
import { after, created, DAY, HOUR, imported, NOW, refusalOf, SECOND, say, step } from "./support/given.ts";

const YEAR = 365 * DAY;
const at = (time: number): Expiry => ({ kind: "at", time });
const lasting = (durationMs: number): Expiry => ({ kind: "for", durationMs });
const byDefault: Expiry = { kind: "default" };
const never: Expiry = { kind: "never" };

type Case = readonly [title: string, expiry: Expiry, start: number | undefined, expected: string];

/** Expected: `start end` in milliseconds from now, `never` for no end, or the field that is refused. */
const CASES: readonly Case[] = [
  ["a duration counts from now", lasting(HOUR), undefined, `0 ${HOUR}`],
  ["a duration counts from the start", lasting(HOUR), NOW + DAY, `${DAY} ${DAY + HOUR}`],
  ["the shortest duration is a millisecond", lasting(1), undefined, "0 1"],
  ["P12 a duration of zero is refused", lasting(0), undefined, "duration"],
  ["P12 a duration of minus zero is refused", lasting(-0), undefined, "duration"],
  ["P12 a negative duration is refused", lasting(-60_000), undefined, "duration"],
  ["P12 a duration that is not a number is refused", lasting(Number.NaN), undefined, "duration"],
  ["P12 an infinite duration is refused", lasting(Number.POSITIVE_INFINITY), undefined, "duration"],
  [
    "P12 a duration to the last instant there is passes",
    lasting(LATEST_TIME - NOW),
    undefined,
    `0 ${LATEST_TIME - NOW}`,
  ],
  ["P12 a duration a millisecond longer is refused", lasting(LATEST_TIME - NOW + 1), undefined, "duration"],
  ["P12 the largest integer does not overflow", lasting(Number.MAX_SAFE_INTEGER), undefined, "duration"],
  ["P12 the largest number does not overflow", lasting(Number.MAX_VALUE), undefined, "duration"],
  ["P12 10,000 years are refused", lasting(10_000 * YEAR), undefined, "duration"],
  ["an instant in the future passes", at(NOW + 1), undefined, "0 1"],
  ["P12 now is refused as an end", at(NOW), undefined, "expire_time"],
  ["P12 an instant in the past is refused as an end", at(NOW - 1), undefined, "expire_time"],
  ["P12 the beginning of time is refused as an end", at(0), undefined, "expire_time"],
  ["P12 a negative instant is refused as an end", at(-1), undefined, "expire_time"],
  ["P12 an end that is not an instant is refused", at(Number.NaN), undefined, "expire_time"],
  ["P12 the last instant passes as an end", at(LATEST_TIME), undefined, `0 ${LATEST_TIME - NOW}`],
  ["P12 an end in year 10000 is refused", at(LATEST_TIME + 1), undefined, "expire_time"],
  ["P12 an infinite end is refused", at(Number.POSITIVE_INFINITY), undefined, "expire_time"],
  ["an end at the start is refused", at(NOW + DAY), NOW + DAY, "expire_time"],
  ["an end before the start is refused", at(NOW + HOUR), NOW + DAY, "expire_time"],
  ["a start now is a start now", never, NOW, "0 never"],
  ["a start in the future passes", never, NOW + 1, "1 never"],
  ["a start in the past is refused", never, NOW - 10_001, "start_time"],
  ["a start that is a little late is now: the caller said now by another clock", byDefault, NOW - 10_000, `0 ${HOUR}`],
  ["P12 a start that is not an instant is refused", never, Number.NaN, "start_time"],
  ["P12 a start in year 10000 is refused", never, LATEST_TIME + 1, "start_time"],
  ["P12 a start at the last instant is refused by default: nothing could follow", byDefault, LATEST_TIME, "start_time"],
  ["the default counts from now", byDefault, undefined, `0 ${HOUR}`],
  ["the default counts from the start", byDefault, NOW + DAY, `${DAY} ${DAY + HOUR}`],
  [
    "P12 the default ends with time itself",
    byDefault,
    LATEST_TIME - 1,
    `${LATEST_TIME - 1 - NOW} ${LATEST_TIME - NOW}`,
  ],
  ["never has no end", never, undefined, "0 never"],
];

function resolved(expiry: Expiry, start: number | undefined, defaultMs: number | null = HOUR): string {
  const interval = resolveInterval(expiry, start, { now: NOW, defaultMs });
  if (!interval.ok) {
    assert.equal(interval.refusal.reason, "FIELD_INVALID");
    assert.equal(interval.refusal.fields.length, 1);
    return interval.refusal.fields[0]?.field ?? "";
  }
  const { startTime, expireTime } = interval;
  return `${startTime - NOW} ${expireTime === null ? "never" : expireTime - NOW}`;
}

describe("an interval", () => {
  for (const [title, expiry, start, expected] of CASES) {
    test(title, () => {
      assert.equal(resolved(expiry, start), expected);
    });
  }

  test("the default of what has none is without end", () => {
    assert.equal(resolved(byDefault, undefined, null), "0 never");
  });

  test("refusals name the value, the clock and what is allowed, and the field with its prefix", () => {
    const options = { now: NOW, defaultMs: null, fieldPrefix: "restrictions[2]." };
    const past = refusalOf(resolveInterval(never, NOW - 60 * SECOND, options));
    assert.equal(
      past.message,
      "restrictions[2].start_time: 2026-01-01T23:59:00.000Z lies in the past, the time here is 2026-01-02T00:00:00.000Z; omit it to start now",
    );
    const zero = refusalOf(resolveInterval(lasting(0), undefined, options));
    assert.equal(zero.message, "restrictions[2].duration: 0s is not allowed; it must be longer than 0s");
    const tooLong = refusalOf(resolveInterval(lasting(Number.MAX_VALUE), undefined, options));
    assert.match(tooLong.message, /ends later than 9999-12-31T23:59:59\.999Z; use never$/);
  });
});

describe("rounding at the wire", () => {
  const timestamp = (seconds: bigint, nanos: number) =>
    ({ seconds, nanos, $typeName: "google.protobuf.Timestamp" }) as const;
  const duration = (seconds: bigint, nanos: number) =>
    ({ seconds, nanos, $typeName: "google.protobuf.Duration" }) as const;
  const s = BigInt(NOW / 1000);

  const instants: readonly (readonly [bigint, number, number])[] = [
    [s, 0, NOW],
    [s, 1, NOW + 1],
    [s, 999_999, NOW + 1],
    [s, 1_000_000, NOW + 1],
    [s, 1_000_001, NOW + 2],
    [s, 999_999_999, NOW + 1000],
    [253_402_300_799n, 999_000_000, LATEST_TIME],
    [253_402_300_799n, 999_999_999, LATEST_TIME],
    [-1n, 999_999_999, 0],
  ];
  for (const [seconds, nanos, expected] of instants) {
    test(`an expiry of ${seconds} s and ${nanos} ns is rounded up to ${expected} ms`, () => {
      assert.deepEqual(toExpiry({ case: "expireTime", value: timestamp(seconds, nanos) }), at(expected));
    });
  }

  test("a start is rounded as its caller says", () => {
    assert.equal(toTime(timestamp(s, 999_999), "start_time", "down"), NOW);
    assert.equal(toTime(timestamp(s, 1), "start_time", "up"), NOW + 1);
  });

  const durations: readonly (readonly [bigint, number, number])[] = [
    [0n, 1, 1],
    [0n, 999_999, 1],
    [1n, 0, 1000],
    [1n, 1, 1001],
    [0n, 0, 0],
    [-1n, 0, -1000],
    [0n, -1, 0],
    [315_576_000_000n, 0, 315_576_000_000_000],
  ];
  for (const [seconds, nanos, expected] of durations) {
    test(`a duration of ${seconds} s and ${nanos} ns is ${expected} ms`, () => {
      const expiry = toExpiry({ case: "duration", value: duration(seconds, nanos) });
      assert.ok(expiry.kind === "for");
      assert.equal(expiry.durationMs + 0, expected);
    });
  }

  test("P12 a duration between minus a millisecond and zero is refused, not rounded to something that holds", () => {
    assert.equal(resolved(toExpiry({ case: "duration", value: duration(0n, -1) }), undefined), "duration");
  });

  test("P12 instants and durations out of range are refused with their field", () => {
    const refused: readonly (readonly [string, () => unknown])[] = [
      ["expire_time", () => toExpiry({ case: "expireTime", value: timestamp(253_402_300_800n, 0) })],
      ["expire_time", () => toExpiry({ case: "expireTime", value: timestamp(2n ** 63n - 1n, 0) })],
      ["expire_time", () => toExpiry({ case: "expireTime", value: timestamp(-(2n ** 63n), 0) })],
      ["expire_time", () => toExpiry({ case: "expireTime", value: timestamp(0n, -1) })],
      ["expire_time", () => toExpiry({ case: "expireTime", value: timestamp(0n, 1_000_000_000) })],
      ["duration", () => toExpiry({ case: "duration", value: duration(315_576_000_001n, 0) })],
      ["duration", () => toExpiry({ case: "duration", value: duration(2n ** 63n - 1n, 0) })],
      ["duration", () => toExpiry({ case: "duration", value: duration(1n, -1) })],
      ["duration", () => toExpiry({ case: "duration", value: duration(0n, 1_000_000_000) })],
    ];
    for (const [field, make] of refused) {
      assert.throws(make, (error: Error & { refusal?: { fields: readonly { field: string }[] } }) => {
        assert.equal(error.refusal?.fields[0]?.field, field);
        return true;
      });
    }
  });
});

describe("default and permanence", () => {
  const endOf = (user: ReturnType<typeof after>): number | null | undefined =>
    user.state.restrictions.find((r) => r.cause === "ADMIN")?.expireTime;
  const restart = say.lock({ ifAlready: "restart", restrictionId: "again" });

  test("a lock lasts the organization's default, a ban and a deactivation are without end", () => {
    const { user } = step(created(), say.lock(), NOW, { defaultLockDurationMs: 5 * DAY });
    assert.equal(user?.state.restrictions[0]?.expireTime, NOW + 5 * DAY);
    assert.equal(endOf(after(created(), [say.ban(), NOW])), null);
    assert.equal(endOf(after(created(), [say.deactivate(), NOW])), null);
  });

  test("P13 a permanent lock stays permanent when it is restarted without a word of its end", () => {
    const permanent = after(created(), [say.lock({ expiry: never }), NOW]);
    assert.equal(endOf(after(permanent, [restart, NOW + HOUR])), null);
  });

  test("P13 so does one that is scheduled", () => {
    const scheduled = after(created(), [say.lock({ expiry: never, startTime: NOW + DAY }), NOW]);
    assert.equal(endOf(after(scheduled, [restart, NOW + HOUR])), null);
  });

  test("P13 so does one that an import names again", () => {
    const permanent = after(created(), [say.lock({ expiry: never }), NOW]);
    const again = say.import({ ifExists: "update", restrictions: [imported({ expiry: byDefault })] });
    assert.equal(endOf(after(permanent, [again, NOW + HOUR])), null);
  });

  test("P13 an end that is said is what holds: shorter over longer is the caller's word", () => {
    const permanent = after(created(), [say.lock({ expiry: never }), NOW]);
    const shorter = say.lock({ ...restart, expiry: lasting(HOUR) });
    assert.equal(endOf(after(permanent, [shorter, NOW])), NOW + HOUR);
  });

  test("P13 permanent over temporary is permanent", () => {
    const temporary = after(created(), [say.ban({ expiry: lasting(HOUR) }), NOW]);
    const permanent = after(temporary, [say.ban({ ifAlready: "restart" }), NOW + 1]);
    assert.equal(endOf(permanent), null);
  });

  test("a temporary lock that is restarted lasts the default from now", () => {
    const temporary = after(created(), [say.lock(), NOW]);
    assert.equal(endOf(after(temporary, [restart, NOW + HOUR / 2])), NOW + HOUR / 2 + HOUR);
  });

  test("P13 a permanent lock lends its permanence to no lock of another cause", () => {
    const permanent = after(created(), [say.lock({ expiry: never }), NOW]);
    const policy = say.import({
      ifExists: "update",
      restrictions: [imported({ cause: "POLICY", expiry: byDefault })],
    });
    const user = after(permanent, [policy, NOW]);
    assert.equal(user.state.restrictions.find((r) => r.cause === "POLICY")?.expireTime, NOW + HOUR);
  });
});
