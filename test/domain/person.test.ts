/** Creating, importing, changing and forgetting who a user is. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { ImportedRestriction } from "../../src/domain/command.ts";
import type { UserEvent } from "../../src/domain/event.ts";
import { evolve } from "../../src/domain/evolve.ts";
import { EMPTY_PERSON, type User } from "../../src/domain/user.ts";
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
import { STATES_OF_A_USER } from "./support/states.ts";

const ALICE = { username: "alice", email: "alice@acme.example", locale: "de-CH", emailVerified: true } as const;
const known = (): User => created({ profile: ALICE, attributes: { billing: '{"plan":"free"}', crm: "{}" } });

function ownEvent(before: User | undefined, command: Parameters<typeof step>[1], now = NOW): UserEvent {
  const { decision } = step(before, command, now);
  if (!decision.ok) throw new Error(decision.refusal.message);
  const [event, ...more] = decision.events;
  assert.ok(event !== undefined && more.length === 0, `${decision.events.length} events`);
  return event;
}

describe("creating", () => {
  test("personal values travel under their names, what is not personal in the data", () => {
    const event = ownEvent(undefined, say.create({ profile: ALICE, attributes: { crm: "{}" }, note: "hello" }));
    assert.deepEqual(event, {
      type: "UserCreated",
      time: NOW,
      actor: ADMIN,
      data: {
        set: ["attributes.crm", "profile.email", "profile.username"],
        cleared: [],
        emailVerified: true,
        locale: "de-CH",
        recreated: false,
        reasonCode: "",
      },
      personal: {
        "attributes.crm": "{}",
        "profile.email": "alice@acme.example",
        "profile.username": "alice",
        note: "hello",
      },
    });
  });

  test("the user is what was given and nothing else", () => {
    assert.deepEqual(known().person, {
      profile: ALICE,
      attributes: { billing: '{"plan":"free"}', crm: "{}" },
    });
    assert.deepEqual(created().person, EMPTY_PERSON);
  });

  test("re-creation knows nothing of who the user was before", () => {
    const again = after(known(), [say.delete(), NOW], [say.create({ profile: { phone: "1" } }), NOW]);
    assert.deepEqual(again.person, { profile: { phone: "1" }, attributes: {} });
  });

  test("a namespace named like a member of every object is data like any other", () => {
    const attributes = Object.fromEntries([
      ["__proto__", '{"a":1}'],
      ["constructor", "{}"],
    ]);
    const user = created({ attributes });
    assert.deepEqual(Object.entries(user.person.attributes), Object.entries(attributes));
    const again = after(user, [say.update({ namespaces: ["__proto__", "toString"] }), NOW]);
    assert.deepEqual(Object.keys(again.person.attributes), ["constructor"]);
  });
});

describe("updating", () => {
  type Case = readonly [title: string, command: ReturnType<typeof say.update>, set: string[], cleared: string[]];
  const cases: readonly Case[] = [
    [
      "a field named and given is set",
      say.update({ fields: ["phone"], profile: { phone: "1" } }),
      ["profile.phone"],
      [],
    ],
    ["a field given but not named stays", say.update({ fields: ["phone"], profile: { email: "b" } }), [], []],
    ["a field named and not given is removed", say.update({ fields: ["email"] }), [], ["profile.email"]],
    ["a value that is there already is not written", say.update({ fields: ["email"], profile: ALICE }), [], []],
    ["what is not there is not removed", say.update({ fields: ["phone"] }), [], []],
    [
      "a namespace named and given is set",
      say.update({ namespaces: ["crm"], attributes: { crm: '{"a":1}', billing: "{}" } }),
      ["attributes.crm"],
      [],
    ],
    ["a namespace named and not given is removed", say.update({ namespaces: ["crm"] }), [], ["attributes.crm"]],
    [
      "all: namespaces given are set, the others removed",
      say.update({ namespaces: "all", attributes: { acme: "{}" } }),
      ["attributes.acme"],
      ["attributes.billing", "attributes.crm"],
    ],
    [
      "names are sorted",
      say.update({ fields: ["username", "displayName"], profile: { username: "b", displayName: "c" } }),
      ["profile.displayName", "profile.username"],
      [],
    ],
  ];
  for (const [title, command, set, cleared] of cases) {
    test(title, () => {
      const { decision } = step(known(), command, NOW);
      assert.ok(decision.ok);
      const [event] = decision.events;
      if (set.length + cleared.length === 0) assert.equal(event, undefined);
      else {
        assert.ok(event?.type === "UserUpdated");
        assert.deepEqual([event.data.set, event.data.cleared], [set, cleared]);
        assert.deepEqual(Object.keys(event.personal).sort(), set);
      }
    });
  }

  test("locale and the verification of the email address are set and cleared by name alone", () => {
    const both = ["locale", "emailVerified"] as const;
    const cleared = after(known(), [say.update({ fields: both }), NOW]);
    assert.deepEqual(cleared.person.profile, { username: "alice", email: "alice@acme.example" });
    const set = after(cleared, [say.update({ fields: both, profile: { locale: "fr", emailVerified: true } }), NOW]);
    assert.deepEqual(set.person.profile, { ...ALICE, locale: "fr" });
    assert.equal(after(set, [say.update({ profile: { locale: "it" } }), NOW]).person.profile.locale, "fr");
  });

  test("an update that changes nothing writes nothing, not even its note", () => {
    const user = known();
    const { decision, user: next } = step(user, say.update({ fields: ["email"], profile: ALICE, note: "n" }), NOW);
    assert.deepEqual(decision, { ok: true, events: [] });
    assert.deepEqual(next, user);
  });

  test("P18 a change of the profile touches no restriction and no session", () => {
    const before = STATES_OF_A_USER.everything;
    const { state } = after(before, [say.update({ fields: ["email"], profile: { email: "new" } }), NOW]);
    assert.deepEqual(state.restrictions, before.state.restrictions);
    assert.equal(state.epoch, before.state.epoch);
  });
});

describe("importing", () => {
  test("the user is dated as in the other system, the change now", () => {
    const { state } = after(undefined, [say.import({ creationTime: 5 }), NOW]);
    assert.deepEqual([state.creationTime, state.changeTime, state.sequence], [5, NOW, 1]);
    assert.equal(after(undefined, [say.import(), NOW]).state.creationTime, NOW);
  });

  test("a later import does not date the user anew", () => {
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

describe("erasure", () => {
  const forget = (event: UserEvent, ...names: readonly string[]): UserEvent => ({
    ...event,
    personal: Object.fromEntries(Object.entries(event.personal).filter(([name]) => !names.includes(name))),
  });
  const replay = (events: readonly UserEvent[]): User | undefined =>
    events.reduce<User | undefined>((user, event) => evolve(user, event, USER_ID, ORGANIZATION_ID), undefined);

  test("an erased value lets no earlier one show through", () => {
    const first = ownEvent(undefined, say.create({ profile: { email: "old" }, attributes: { crm: "{}" } }));
    const before = evolve(undefined, first, USER_ID, ORGANIZATION_ID);
    const update = say.update({
      fields: ["email"],
      profile: { email: "new" },
      namespaces: "all",
      attributes: { crm: '{"a":1}' },
    });
    const second = ownEvent(before, update);
    assert.deepEqual(replay([first, second])?.person, {
      profile: { email: "new" },
      attributes: { crm: '{"a":1}' },
    });
    assert.deepEqual(replay([first, forget(second, "profile.email", "attributes.crm")])?.person, EMPTY_PERSON);
  });

  test("an erased note leaves its restriction with an empty one", () => {
    const event = ownEvent(created(), say.ban({ note: "secret" }));
    const user = evolve(created(), forget(event, "note"), USER_ID, ORGANIZATION_ID);
    assert.equal(user.state.restrictions[0]?.note, "");
    const moved = ownEvent(undefined, say.import({ restrictions: [imported({ id: "a", note: "secret" })] }));
    assert.equal(replay([forget(moved, "note.a")])?.state.restrictions[0]?.note, "");
  });

  test("erasure changes neither state nor sequence nor epoch", () => {
    const event = ownEvent(undefined, say.import({ profile: ALICE, restrictions: [imported({ kind: "BAN" })] }));
    const whole = replay([event])?.state;
    assert.deepEqual(replay([{ ...event, personal: {} }])?.state, whole);
  });
});
