/** Creating, importing, changing and forgetting who a user is. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { UserEvent } from "../../src/domain/event.ts";
import { evolve } from "../../src/domain/evolve.ts";
import { EMPTY_PERSON, type User } from "../../src/domain/user.ts";
import { ADMIN, after, created, imported, NOW, ORGANIZATION_ID, say, step, USER_ID } from "./support/given.ts";
import { ALICE, known, ownEvent } from "./support/person.ts";
import { STATES_OF_A_USER } from "./support/states.ts";

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
