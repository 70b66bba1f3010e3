/** Values of flags: what is taken, what it means, and what is refused with which words. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import {
  parseDuration,
  parseInstant,
  parseSequence,
  parseServer,
  parseSpanUpTo,
  parseTimeoutMs,
  parseWaitMs,
  parseWhole,
} from "../../../src/cli/frame/flag-values.ts";

interface Cases {
  readonly parse: (typed: string) => unknown;
  readonly taken: readonly (readonly [typed: string, meaning: unknown])[];
  readonly refused: readonly string[];
  readonly says: RegExp;
}

const at = (seconds: number, nanos = 0) => ({ seconds: BigInt(seconds), nanos });

const CASES: Readonly<Record<string, Cases>> = {
  "a duration": {
    parse: parseDuration,
    taken: [
      ["30m", at(1800)],
      ["1h", at(3600)],
      ["7d", at(604_800)],
      ["2w", at(1_209_600)],
      ["90s", at(90)],
      ["1500ms", at(1, 500_000_000)],
      ["1h30m", at(5400)],
      ["1d12h30m15s1ms", at(131_415, 1_000_000)],
    ],
    refused: [
      "",
      "0s",
      "0h0m",
      "5",
      "-1h",
      "1.5h",
      "1h ",
      " 1h",
      "1H",
      "1y",
      "1m1h",
      "1h1h",
      "h",
      "1e3s",
      "９m",
      "999999999999999999",
      "99999999999999999999999s",
      "9999999999999999w",
    ],
    says: /^".*" is not allowed; it must be a time (longer than zero|of at most 10000 years) such as 90s, 30m, 1h, 7d or 1h30m$/,
  },
  "a span that may be none": {
    parse: parseSpanUpTo(30 * 86_400),
    taken: [
      ["0s", at(0)],
      ["7d", at(604_800)],
    ],
    refused: ["", "0", "-1s"],
    says: /^".*" is not allowed; it must be a time of zero or more such as /,
  },
  "a time-out": {
    parse: parseTimeoutMs,
    taken: [
      ["500ms", 500],
      ["10s", 10_000],
      ["27h", 97_200_000],
    ],
    // Nine digits do not travel in `grpc-timeout`.
    refused: ["0s", "10", "28h", "1w1w"],
    says: /is not allowed|is too long; at most 27h is allowed/,
  },
  "a wait": {
    parse: parseWaitMs,
    taken: [["24d", 2_073_600_000]],
    // No timer of Node waits so long.
    refused: ["0s", "25d"],
    says: /is not allowed|is too long; at most 24d is allowed/,
  },
  "an instant": {
    parse: parseInstant,
    taken: [
      ["2030-01-31", at(1_896_048_000)],
      ["2030-01-31T18:00:00Z", at(1_896_112_800)],
      ["2030-01-31T18:00Z", at(1_896_112_800)],
      ["2030-01-31t18:00:00.25z", at(1_896_112_800, 250_000_000)],
      ["2030-01-31 20:00:00+02:00", at(1_896_112_800)],
      ["2028-02-29", at(1_835_395_200)],
      ["1969-12-31T23:59:59.5Z", at(-1, 500_000_000)],
      ["9999-12-31T23:59:59.999Z", at(253_402_300_799, 999_000_000)],
      ["2030-01-31T18:00:00.123456789Z", at(1_896_112_800, 123_456_789)],
      ["0001-01-01", at(-62_135_596_800)],
      ["1969-12-31T23:59:58Z", at(-2)],
    ],
    refused: [
      "",
      "tomorrow",
      "2030-02-30",
      "2029-02-29",
      "2030-13-01",
      "2030-01-31T18:00:00",
      "2030-01-31T25:00Z",
      "31.01.2030",
      "2030-1-31",
      "1896112800",
      "2030-01-31T18:00:00.1234567890Z",
      "2030-01-31T24:00:00Z",
      "0000-12-31",
      "0001-01-01T00:00+01:00",
      "9999-12-31T23:59:59-00:01",
      "2030-01-31Z",
    ],
    says: /^".*" is not allowed; it must be an instant such as 2030-01-31T18:00:00Z or .*, or a date, 2030-01-31$/,
  },
  "a sequence": {
    parse: parseSequence,
    taken: [
      ["0", 0n],
      ["18446744073709551615".slice(0, 19), 1_844_674_407_370_955_161n],
    ],
    refused: ["", "-1", "1.5", "0x1", "1e3", "18446744073709551616"],
    says: /is not allowed; it must be a sequence, a whole number such as 3$/,
  },
  "a whole number": {
    parse: (typed) => parseWhole(typed, { min: 1, max: 100 }),
    taken: [
      ["1", 1],
      ["100", 100],
      ["007", 7],
    ],
    refused: ["", "0", "101", "-1", "1.0", "1e1", "9".repeat(20)],
    says: /is not allowed; it must be a whole number from 1 to 100$/,
  },
  "an address": {
    parse: (typed) => parseServer(typed).origin,
    taken: [
      ["http://127.0.0.1:8080", "http://127.0.0.1:8080"],
      ["https://locks.example/", "https://locks.example"],
      ["http://[::1]:1", "http://[::1]:1"],
    ],
    refused: [
      "",
      "127.0.0.1:8080",
      "localhost",
      "ftp://a",
      "http://",
      "http://a/path",
      "http://a?x",
      "http://a#x",
      "http://user:hunter2@a",
    ],
    says: /^(?!.*hunter2)the value is not allowed; it must be like http:\/\/127\.0\.0\.1:8080 or https:\/\/locks\.example, no path$/,
  },
};

for (const [name, { parse, taken, refused, says }] of Object.entries(CASES)) {
  describe(name, () => {
    for (const [typed, meaning] of taken) test(`takes ${typed}`, () => assert.deepEqual(parse(typed), meaning));
    for (const typed of refused) {
      test(`refuses ${JSON.stringify(typed)} and says what is allowed`, () => {
        assert.throws(() => parse(typed), { name: "Error", message: says });
      });
    }
  });
}
