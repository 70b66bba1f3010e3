/** The filter language of events: what it takes, what it refuses and where, and which events match. */
import assert from "node:assert/strict";
import { test } from "node:test";
import {
  type EventFilter,
  type FilteredEvent,
  isEmpty,
  keyOfFilter,
  matches,
  narrow,
} from "../../src/domain/event-filter.ts";
import { FILTER_CHARS_MAX, parseEventFilter } from "../../src/domain/event-filter-text.ts";
import { EVENT_TYPES } from "../../src/domain/event-type.ts";
import { RefusalError } from "../../src/domain/refusal.ts";
import { seededRandom } from "../support/random.ts";

const TAKEN: readonly (readonly [text: string, filter: EventFilter])[] = [
  ["", {}],
  [" \t\r\n ", {}],
  ["type = UserLocked", { type: ["UserLocked"] }],
  ["type=UserLocked", { type: ["UserLocked"] }],
  ["(type = UserLocked OR type = UserBanned)", { type: ["UserBanned", "UserLocked"] }],
  ["(user = b OR user = a OR user = b)", { user: ["a", "b"] }],
  ["user = a AND user = b", { user: [] }],
  ["(user = a OR user = b) AND user = b", { user: ["b"] }],
  ['user = "a \\"b\\" \\\\ c"', { user: ['a "b" \\ c'] }],
  ['user = "AND" AND actor = key:018f-2b', { user: ["AND"], actor: ["key:018f-2b"] }],
  ["user = jörg!x AND organization = 東京", { user: ["jörg!x"], organization: ["東京"] }],
  ['organization = ""', { organization: [""] }],
  ["initiator = POLICY", { initiator: ["POLICY"] }],
  ["time >= 1970-01-01T00:00:01Z AND time < 1970-01-01T01:00:03+01:00", { from: 1000, before: 3000 }],
  ["time >= 1970-01-01T00:00:01.000000001Z", { from: 1001 }],
  ["time < 1970-01-01t00:00:02.5z AND time < 1970-01-01T00:00:09Z", { before: 2500 }],
  ["time >= 1970-01-01T00:00:01Z AND time >= 1970-01-01T00:00:09Z", { from: 9000 }],
  ["time < 2024-02-29T00:00:00Z", { before: Date.UTC(2024, 1, 29) }],
];

test("a filter is read as written, with or without spaces, quotes and offsets", () => {
  for (const [text, filter] of TAKEN) assert.deepEqual(parseEventFilter(text), filter, text);
});

const REFUSED: readonly (readonly [text: string, column: number, found: string, allowed: RegExp])[] = [
  ["typ = UserLocked", 1, '"typ"', /one of type, user, organization, actor, initiator, time$/],
  ["Type = UserLocked", 1, '"Type"', /one of type/],
  ["type : UserLocked", 6, '":"', /must be =$/],
  ["type != UserLocked", 6, '"!="', /must be =$/],
  ["type == UserLocked", 6, '"=="', /must be =$/],
  ["type = UserLoked", 8, '"UserLoked"', /one of UserCreated, .*GenerationRaised$/],
  ["initiator = admin", 13, '"admin"', /one of ADMIN, POLICY, SYSTEM, PERSON$/],
  ["user = a user = b", 10, '"user"', /AND or the end/],
  ["user = a OR user = b", 10, '"OR"', /AND or the end of the filter; OR stands in parentheses/],
  ["user = a and user = b", 10, '"and"', /AND or the end/],
  ["user = a AND", 13, "the end of the filter", /one of type/],
  ["user =", 7, "the end of the filter", /a value/],
  ["user = AND", 8, '"AND"', /double quotes/],
  ["user = (a OR b)", 8, '"("', /a value/],
  ['user = "a', 8, '"\\"a"', /a text in double quotes/],
  ['user = "a\\n"', 8, '"\\"a\\\\n\\""', /a text in double quotes/],
  ['user = "a\u0000"', 8, '"\\"a\\u0000\\""', /without control characters/],
  ["user = a\u0000", 9, '"\\u0000"', /AND or the end/],
  ["user = 😀😀 x", 11, '"x"', /AND or the end/],
  ["(user = a", 10, "the end of the filter", /OR or \)/],
  ["(user = a AND user = b)", 11, '"AND"', /OR or \)/],
  ["(user = a OR type = UserLocked)", 14, '"type"', /must be user/],
  ["((user = a))", 2, '"("', /one of type/],
  ["()", 2, '")"', /one of type/],
  ["user = a)", 9, '")"', /AND or the end/],
  ["(time >= 1970-01-01T00:00:01Z)", 2, '"time"', /initiator$/],
  ["time = 1970-01-01T00:00:01Z", 6, '"="', />= or </],
  ["time <= 1970-01-01T00:00:01Z", 6, '"<="', />= or </],
  ["time < 2023-02-29T00:00:00Z", 8, '"2023-02-29T00:00:00Z"', /an instant such as/],
  ["time < 1970-01-01T24:00:00Z", 8, '"1970-01-01T24:00:00Z"', /an instant/],
  ["time < 1970-01-01", 8, '"1970-01-01"', /an instant/],
  ["time < 1969-12-31T23:59:59Z", 8, '"1969-12-31T23:59:59Z"', /an instant/],
  ["time < 9999-12-31T23:59:59.9999Z", 8, '"9999-12-31T23:59:59.9999Z"', /an instant/],
  ["time < now", 8, '"now"', /an instant/],
];

test("a fault names the column, what stands there and what is allowed", () => {
  for (const [text, column, found, allowed] of REFUSED) {
    const message = refusalOf(text);
    assert.ok(
      message.startsWith(`filter: column ${column}: ${found} is not allowed; it must be `),
      `${text}: ${message}`,
    );
    assert.match(message, allowed, text);
  }
});

test("length and comparisons are bounded, and hostile texts are refused with one short sentence", () => {
  const fifty = Array.from({ length: 50 }, (_, i) => `user = ${i % 10}`).join(" AND ");
  assert.deepEqual(parseEventFilter(fifty), { user: [] });
  assert.match(refusalOf(`${fifty} AND user = 0`), /at most 50 comparisons/);
  assert.match(refusalOf("x".repeat(FILTER_CHARS_MAX + 1)), /2001 characters are not allowed/);
  const hostile = ["(", '"', "\\", "!", "=", "<", "a=", '"\\', "(type=", "\u0000", "\ud800", " ", "AND ", '"a"', "a!"];
  for (const part of hostile) {
    const text = part.repeat(FILTER_CHARS_MAX / part.length);
    if (text.trim() !== "") assert.ok(refusalOf(text).length < 800, part);
  }
});

test("any text is either a filter or a refusal", (t) => {
  const random = seededRandom(t);
  const parts = [
    "type",
    "user",
    "time",
    "=",
    ">=",
    "<",
    "(",
    ")",
    " ",
    "AND",
    "OR",
    "UserLocked",
    '"',
    "\\",
    "a",
    "é",
    "!",
  ];
  for (let i = 0; i < 2_000; i++) {
    const text = Array.from({ length: random.below(12) }, () => random.pick(parts)).join("");
    try {
      parseEventFilter(text);
    } catch (error) {
      assert.ok(error instanceof RefusalError, text);
    }
  }
});

test("an event matches by type, user, organization, actor, who started it, and record time", () => {
  const event: FilteredEvent = {
    organizationId: null,
    userId: "alice",
    recordTime: 5_000,
    event: { type: "UserLocked", actor: "system", data: {} },
  };
  const cases: readonly (readonly [filter: EventFilter, isMatch: boolean])[] = [
    [{}, true],
    [{ type: ["UserBanned", "UserLocked"], user: ["alice"], organization: [""], actor: ["system"] }, true],
    [{ initiator: ["POLICY"] }, true],
    [{ initiator: ["ADMIN", "SYSTEM"] }, false],
    [{ type: ["UserBanned"] }, false],
    [{ user: [] }, false],
    [{ organization: ["a"] }, false],
    [{ from: 5_000, before: 5_001 }, true],
    [{ from: 5_001 }, false],
    [{ before: 5_000 }, false],
  ];
  for (const [filter, isMatch] of cases) assert.equal(matches(filter, event), isMatch, keyOfFilter(filter));
});

test("a filter narrows, and knows when nothing can match", () => {
  assert.deepEqual(narrow({ organization: ["a", "b"] }, "organization", ["b", "c"]), { organization: ["b"] });
  assert.equal(isEmpty(narrow({ organization: ["a"] }, "organization", ["b"])), true);
  assert.equal(isEmpty({ from: 2, before: 2 }), true);
  assert.equal(isEmpty({ type: [...EVENT_TYPES], from: 1 }), false);
  assert.equal(keyOfFilter({ user: ["a"], from: 1 }), keyOfFilter({ from: 1, user: ["a"] }));
  assert.notEqual(keyOfFilter({ user: ["a"] }), keyOfFilter({ actor: ["a"] }));
});

function refusalOf(text: string): string {
  try {
    parseEventFilter(text);
  } catch (error) {
    assert.ok(error instanceof RefusalError);
    assert.equal(error.refusal.reason, "FIELD_INVALID");
    return error.refusal.message;
  }
  assert.fail(`${JSON.stringify(text)} is taken`);
}
