/** Importing a person: profile, restrictions and what an import may not change. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { ImportedRestriction } from "../../src/domain/command.ts";
import { evolve } from "../../src/domain/evolve.ts";
import { EMPTY_PERSON } from "../../src/domain/user.ts";
import {
  ADMIN,
  after,
  BIRTH,
  created,
  DAY,
  HOUR,
  imported,
  NOW,
  ORGANIZATION_ID,
  refusalOf,
  say,
  step,
  USER_ID,
} from "./support/given.ts";
import { ALICE, known, ownEvent } from "./support/person.ts";
import { STATES_OF_A_USER } from "./support/states.ts";

describe("importing", () => {
  test("the user is dated as in the other system, the change now", () => {
    const { state } = after(undefined, [say.import({ creationTime: 5 }), NOW]);
    assert.deepEqual([state.creationTime, state.changeTime, state.sequence], [5, NOW, 1]);
    assert.equal(after(undefined, [say.import(), NOW]).state.creationTime, NOW);
  });

  test("a later import does not change the creation date", () => {
    const user = after(created(), [say.import({ ifExists: "update", creationTime: 5 }), NOW]);
    assert.equal(user.state.creationTime, BIRTH);
  });

  for (const [title, creationTime] of [
    ["in the future", NOW + 1],
    ["before 1970", -1],
  ] as const) {
    test(`a creation date ${title} is refused`, () => {
      const refusal = refusalOf(step(undefined, say.import({ creationTime }), NOW).decision);
      assert.equal(refusal.fields[0]?.field, "creation_date");
    });
  }

  test("an update merges: what the item does not name stays", () => {
    const item = say.import({ ifExists: "update", profile: { phone: "1" }, attributes: { crm: '{"b":2}' } });
    const user = after(known(), [say.ban(), NOW], [item, NOW]);
    assert.deepEqual(user.person, {
      profile: { ...ALICE, phone: "1" },
      attributes: { billing: '{"plan":"free"}', crm: '{"b":2}' },
    });
    assert.equal(user.state.restrictions.length, 1);
  });

  test("one event carries the whole item", () => {
    const restrictions = [
      imported({ id: "a", kind: "BAN", note: "spam", actor: "old-admin", reasonCode: "SPAM", startTime: NOW - DAY }),
      imported({ id: "b", cause: "POLICY", expiry: { kind: "for", durationMs: HOUR } }),
    ];
    const event = ownEvent(undefined, say.import({ restrictions, profile: { email: "e" } }));
    assert.ok(event.type === "UserImported");
    assert.deepEqual(event.personal, { "profile.email": "e", "note.a": "spam" });
    assert.equal(event.data.sessionsRevoked, true);
    const { state } = evolve(undefined, event, USER_ID, ORGANIZATION_ID);
    assert.equal(state.epoch, 2);
    assert.deepEqual(
      state.restrictions.map(({ id, actor, note, startTime, expireTime, started }) => [
        id,
        actor,
        note,
        startTime - NOW,
        expireTime === null ? null : expireTime - NOW,
        started,
      ]),
      [
        ["a", "old-admin", "spam", -DAY, null, true],
        ["b", ADMIN, "", 0, HOUR, true],
      ],
    );
  });

  test("a restriction that has ended is left out; one that ends a millisecond later is not", () => {
    const ending = (time: number) =>
      say.import({ restrictions: [imported({ startTime: 1, expiry: { kind: "at", time } })] });
    assert.equal(after(undefined, [ending(NOW), NOW]).state.restrictions.length, 0);
    assert.equal(after(undefined, [ending(NOW + 1), NOW]).state.restrictions.length, 1);
  });

  test("without a start, a restriction that has ended is left out and the rest of the item stays", () => {
    const until = (time: number) => [
      imported({ kind: "LOCK", expiry: { kind: "at", time } }),
      imported({ id: "b", kind: "BAN", reasonCode: "FRAUD" }),
    ];
    const item = (time: number) => say.import({ profile: { email: "e" }, restrictions: until(time) });
    for (const [time, kinds] of [
      [1, ["BAN"]],
      [NOW, ["BAN"]],
      [NOW + 1, ["LOCK", "BAN"]],
    ] as const) {
      const { state, person } = after(undefined, [item(time), NOW]);
      assert.deepEqual(
        state.restrictions.map(({ kind }) => kind),
        kinds,
      );
      assert.equal(person.profile.email, "e");
    }
  });

  test("a lock of the past without an end is over when the default is over", () => {
    const item = (startTime: number) =>
      say.import({ restrictions: [imported({ startTime, expiry: { kind: "default" } })] });
    assert.equal(after(undefined, [item(NOW - HOUR), NOW]).state.restrictions.length, 0);
    assert.equal(after(undefined, [item(NOW - HOUR + 1), NOW]).state.restrictions[0]?.expireTime, NOW + 1);
  });

  test("one that is left out lifts none that is there", () => {
    const over = imported({ kind: "BAN", startTime: 1, expiry: { kind: "at", time: 2 } });
    const user = after(STATES_OF_A_USER.banned, [say.import({ ifExists: "update", restrictions: [over] }), NOW]);
    assert.deepEqual(user.state.restrictions, STATES_OF_A_USER.banned.state.restrictions);
  });

  const bans: readonly (readonly [string, Partial<ImportedRestriction>, readonly [number, number | null]])[] = [
    ["one of a millisecond", { startTime: NOW, expiry: { kind: "at", time: NOW + 1 } }, [-DAY, 2 * DAY]],
    ["one of a millisecond for a reason", { expiry: { kind: "for", durationMs: 1 }, reasonCode: "R" }, [0, 2 * DAY]],
    ["a scheduled one", { startTime: NOW + DAY, expiry: { kind: "at", time: NOW + 3 * DAY } }, [-DAY, 3 * DAY]],
    ["one that is scheduled for later", { startTime: NOW + 5 * DAY }, [-DAY, null]],
    ["a longer one", { startTime: NOW - HOUR }, [-HOUR, null]],
    ["one without end", {}, [0, null]],
  ];
  for (const [title, ban, [start, end]] of bans) {
    for (const [kind, cause] of [
      ["BAN", "ADMIN"],
      ["LOCK", "POLICY"],
      ["DEACTIVATION", "DIRECTORY"],
    ] as const) {
      test(`${title} neither lifts nor shortens the ${kind} in force`, () => {
        const held = imported({ kind, cause, startTime: NOW - DAY, expiry: { kind: "at", time: NOW + 2 * DAY } });
        const before = after(undefined, [say.import({ restrictions: [held] }), NOW - HOUR]);
        const item = say.import({ ifExists: "update", restrictions: [imported({ id: "x", kind, cause, ...ban })] });
        const { state } = after(before, [item, NOW]);
        const [restriction, ...others] = state.restrictions;
        assert.deepEqual([restriction?.started, others], [true, []]);
        const expireTime = restriction?.expireTime ?? null;
        assert.deepEqual(
          [(restriction?.startTime ?? 0) - NOW, expireTime === null ? null : expireTime - NOW],
          [start, end],
        );
        const again = { ...item, restrictions: item.restrictions.map((each) => ({ ...each, id: "y" })) };
        assert.deepEqual(step({ state, person: EMPTY_PERSON }, again, NOW).events, [], "and once is enough");
      });
    }
  }

  test("one that is brought to a deleted user does not lift the ban that it kept", () => {
    const gone = after(STATES_OF_A_USER.banned, [say.delete(), NOW - 1]);
    const short = imported({ kind: "BAN", expiry: { kind: "for", durationMs: 1 } });
    const { state } = after(gone, [say.import({ restrictions: [short] }), NOW]);
    assert.deepEqual(
      state.restrictions.map(({ kind, started, expireTime }) => [kind, started, expireTime]),
      [["BAN", true, null]],
    );
  });

  test("one that does not touch the scheduled one is refused; one that does is joined with it", () => {
    const before = after(created(), [say.ban({ startTime: NOW + DAY, expiry: { kind: "never" } }), NOW - 1]);
    const item = (expiry: ImportedRestriction["expiry"]) =>
      say.import({ ifExists: "update", restrictions: [imported({ kind: "BAN", expiry })] });
    const refusal = refusalOf(step(before, item({ kind: "for", durationMs: HOUR }), NOW).decision);
    assert.deepEqual([refusal.reason, refusal.fields[0]?.field], ["FIELD_INVALID", "restrictions[0]"]);
    const { state } = after(before, [item({ kind: "for", durationMs: DAY }), NOW]);
    assert.deepEqual(
      state.restrictions.map(({ startTime, expireTime, started }) => [startTime, expireTime, started]),
      [[NOW, null, true]],
    );
    const skipped = { ...item({ kind: "for", durationMs: HOUR }), ifExists: "skip" } as const;
    assert.deepEqual(step(before, skipped, NOW).events, []);
  });

  test("a scheduled one is scheduled and ends no session yet", () => {
    const later = imported({ kind: "BAN", startTime: NOW + 1 });
    const { state } = after(undefined, [say.import({ restrictions: [later] }), NOW]);
    assert.deepEqual([state.epoch, state.restrictions[0]?.started], [1, false]);
  });

  const refused: readonly (readonly [string, ReturnType<typeof imported>[], string])[] = [
    ["two of one kind and cause", [imported(), imported({ id: "b" })], "restrictions[1]"],
    ["a duration of zero", [imported({ expiry: { kind: "for", durationMs: 0 } })], "restrictions[0].duration"],
    [
      "an end before the start",
      [imported({ startTime: 9, expiry: { kind: "at", time: 8 } })],
      "restrictions[0].expire_time",
    ],
    ["a start before 1970", [imported({ startTime: -1 })], "restrictions[0].start_time"],
    ["a start in year 10000", [imported({ startTime: 253_402_300_800_000 })], "restrictions[0].start_time"],
  ];
  for (const [title, restrictions, field] of refused) {
    test(`an item with ${title} is refused by the field`, () => {
      const refusal = refusalOf(step(undefined, say.import({ restrictions }), NOW).decision);
      assert.equal(refusal.reason, "FIELD_INVALID");
      assert.equal(refusal.fields[0]?.field, field);
    });
  }

  test("two of one kind and different causes are fine", () => {
    const both = [imported(), imported({ id: "b", cause: "POLICY" })];
    assert.equal(after(undefined, [say.import({ restrictions: both }), NOW]).state.restrictions.length, 2);
  });
});
