/** What the tables leave out: conditions, the order of refusal, and what events and refusals say. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { UserCommand } from "../../src/domain/command.ts";
import { decide } from "../../src/domain/decide.ts";
import { STATES, stateOf, type User } from "../../src/domain/user.ts";
import { ADMIN, after, CONTEXT, created, DAY, HOUR, NOW, refusalOf, SECOND, say, step } from "./support/given.ts";
import { ABSENT, PRESENT, STATES_OF_A_USER } from "./support/states.ts";
import { outcomeOf } from "./support/table.ts";

type Conditional = Extract<UserCommand, { readonly onlyFrom?: unknown; readonly expectedSequence?: unknown }>;

const CONDITIONAL: readonly Conditional[] = [
  say.update({ profile: { username: "alice" }, fields: ["username"] }),
  say.delete(),
  say.lock(),
  say.unlock(),
  say.ban(),
  say.unban(),
  say.deactivate(),
  say.reactivate(),
];

const userOf = (state: (typeof PRESENT)[number]): User => {
  const user: User | undefined = STATES_OF_A_USER[state];
  if (user === undefined) throw new Error(`${state} is not a user`);
  return user;
};

describe("clears", () => {
  const held = { attributes: { "one.flag": "{}", two: '{"a":1}' } };
  const commands = [
    [say.lock(), say.unlock({ clears: ["one.flag", "three"] })],
    [say.ban(), say.unban({ clears: ["one.flag", "three"] })],
    [say.deactivate(), say.reactivate({ clears: ["one.flag", "three"] })],
  ] as const;
  for (const [imposing, lifting] of commands) {
    test(`${lifting.type} takes the namespaces along that the user has, in an event of its own`, () => {
      const restricted = after(created(held), [imposing, NOW - HOUR / 2]);
      const { events, user } = step(restricted, lifting, NOW);
      assert.deepEqual(events.slice(-1)[0], {
        type: "UserUpdated",
        time: NOW,
        actor: ADMIN,
        data: { set: [], cleared: ["attributes.one.flag"], reasonCode: "" },
        personal: {},
      });
      assert.deepEqual(user?.person.attributes, { two: '{"a":1}' });
      assert.equal(user?.state.sequence, 4);
    });

    test(`${lifting.type} that lifts nothing clears nothing`, () => {
      const { events } = step(created(held), { ...lifting, ifAlready: "succeed" }, NOW);
      assert.deepEqual(events, []);
    });
  }
});

describe("restart", () => {
  const lockFor = (ms: number, time: number): [UserCommand, number] => [
    say.lock({ expiry: { kind: "for", durationMs: ms } }),
    time,
  ];
  const endAfter = (user: User, command: UserCommand): number | null | undefined =>
    step(user, command, NOW).user?.state.restrictions[0]?.expireTime;

  test("P13 by the default never ends sooner, and restarts a shorter one", () => {
    const restart = say.lock({ ifAlready: "restart" });
    assert.equal(endAfter(after(created(), lockFor(30 * DAY, NOW - HOUR)), restart), NOW - HOUR + 30 * DAY);
    assert.equal(endAfter(after(created(), lockFor(HOUR, NOW - HOUR / 2)), restart), NOW + HOUR);
  });

  test("by an end that the caller names ends then, sooner or later", () => {
    const restart = say.lock({ ifAlready: "restart", expiry: { kind: "for", durationMs: SECOND } });
    assert.equal(endAfter(after(created(), lockFor(30 * DAY, NOW - HOUR)), restart), NOW + SECOND);
  });
});

describe("onlyFrom", () => {
  for (const command of CONDITIONAL) {
    test(`${command.type} is refused from every state that onlyFrom does not name, and from no other`, () => {
      for (const name of PRESENT) {
        const user = userOf(name);
        const state = stateOf(user.state);
        for (const allowed of STATES) {
          const expected = allowed === state ? outcomeOf(command, user) : "USER_STATE_MISMATCH";
          assert.equal(outcomeOf({ ...command, onlyFrom: [allowed] }, user), expected, `${name}, only from ${allowed}`);
        }
        assert.equal(outcomeOf({ ...command, onlyFrom: STATES }, user), outcomeOf(command, user), name);
      }
    });
  }

  test("the refusal names the state and those allowed", () => {
    const { decision } = step(userOf("banned"), say.lock({ onlyFrom: ["ACTIVE", "LOCKED"] }), NOW);
    const { message, metadata } = refusalOf(decision);
    assert.equal(message, 'the user "alice" is BANNED; the command is allowed from ACTIVE, LOCKED');
    assert.deepEqual(metadata, { userId: "alice", state: "BANNED" });
  });
});

describe("expectedSequence", () => {
  for (const command of CONDITIONAL) {
    test(`P19 ${command.type} is refused at every sequence but the expected one`, () => {
      for (const name of PRESENT) {
        const user = userOf(name);
        const { sequence } = user.state;
        assert.equal(outcomeOf({ ...command, expectedSequence: sequence }, user), outcomeOf(command, user), name);
        for (const wrong of [0, sequence - 1, sequence + 1, Number.MAX_SAFE_INTEGER, 2 ** 64]) {
          assert.equal(outcomeOf({ ...command, expectedSequence: wrong }, user), "SEQUENCE_MISMATCH", name);
        }
      }
    });
  }

  test("P19 of two administrators with the same expected sequence one is refused with both numbers", () => {
    const expectedSequence = 1;
    const first = step(created(), say.lock({ expectedSequence }), NOW);
    assert.equal(first.decision.ok, true);
    const second = step(first.user, say.ban({ expectedSequence }), NOW);
    const { reason, message, metadata } = refusalOf(second.decision);
    assert.equal(reason, "SEQUENCE_MISMATCH");
    assert.match(message, /expected_sequence is 1, the user "alice" is at 2/);
    assert.deepEqual(metadata, { userId: "alice", expectedSequence: "1", sequence: "2" });
  });

  test("the sequence compared is the settled one: what is due counts as if it were written", () => {
    const locked = after(created(), [say.lock({ expiry: { kind: "for", durationMs: HOUR } }), NOW]);
    const { decision } = step(locked, say.ban({ expectedSequence: 2 }), NOW + HOUR);
    assert.equal(refusalOf(decision).metadata.sequence, "3");
    assert.equal(step(locked, say.ban({ expectedSequence: 3 }), NOW + HOUR).decision.ok, true);
  });
});

describe("the order of refusal", () => {
  const zero = { kind: "for", durationMs: 0 } as const;
  const invalid = [say.lock({ expiry: zero }), say.ban({ expiry: zero })];

  test("what is invalid comes before whether the user exists, so that the answer tells nothing of it", () => {
    for (const state of ABSENT) {
      for (const command of invalid) assert.equal(outcomeOf(command, STATES_OF_A_USER[state]), "FIELD_INVALID", state);
    }
  });

  test("what is invalid comes before sequence and state", () => {
    for (const command of invalid) {
      const wrong = { ...command, expectedSequence: 99, onlyFrom: [] };
      assert.equal(outcomeOf(wrong, STATES_OF_A_USER.everything), "FIELD_INVALID");
    }
  });

  test("existence comes before the sequence, the sequence before the state, onlyFrom before what is there already", () => {
    const command = say.ban({ expectedSequence: 99, onlyFrom: ["ACTIVE"] });
    for (const state of ABSENT) assert.equal(outcomeOf(command, STATES_OF_A_USER[state]), "USER_NOT_FOUND", state);
    assert.equal(outcomeOf(command, STATES_OF_A_USER.banned), "SEQUENCE_MISMATCH");
    const { expectedSequence: _, ...unordered } = command;
    assert.equal(outcomeOf(unordered, STATES_OF_A_USER.banned), "USER_STATE_MISMATCH");
    assert.equal(outcomeOf({ ...unordered, ifAlready: "succeed" }, STATES_OF_A_USER.banned), "USER_STATE_MISMATCH");
  });

  test("a user who never was, one who is deleted and one of another organization get the very same answer", () => {
    for (const command of CONDITIONAL) {
      const expected = refusalOf(step(undefined, command, NOW).decision);
      for (const state of ABSENT) {
        assert.deepEqual(refusalOf(step(STATES_OF_A_USER[state], command, NOW).decision), expected, state);
      }
    }
  });

  test("a taken id is refused in the same way for every owner, and without naming the owner", () => {
    for (const command of [say.create(), say.import(), say.import({ ifExists: "update" })]) {
      const own = refusalOf(step(STATES_OF_A_USER.active, say.create(), NOW).decision);
      for (const state of ["foreign", "foreign-deleted"] as const) {
        const refusal = refusalOf(step(STATES_OF_A_USER[state], command, NOW).decision);
        assert.deepEqual(refusal, own);
        assert.ok(!JSON.stringify(refusal).includes("other"));
      }
    }
  });

  test("a caller of the whole instance acts on users of every organization", () => {
    const context = { ...CONTEXT, scope: null };
    assert.equal(outcomeOf(say.lock({ context }), STATES_OF_A_USER.foreign), "UserLocked | LOCKED L");
  });
});

test("an absent note is not a personal value", () => {
  const notes = CONDITIONAL.map((command) => step(STATES_OF_A_USER.active, command, NOW).events);
  for (const events of notes) for (const event of events) assert.ok(!Object.hasOwn(event.personal, "note"));
});

describe("refusals", () => {
  test("an existing restriction is reported with start, end and id", () => {
    const start = NOW;
    const locked = after(created(), [
      say.lock({ expiry: { kind: "at", time: start + HOUR }, restrictionId: "r1" }),
      start,
    ]);
    const { message, metadata } = refusalOf(step(locked, say.lock(), start + SECOND).decision);
    assert.equal(
      message,
      'the user "alice" is locked already, since 2026-01-02T00:00:00.000Z, until 2026-01-02T01:00:00.000Z',
    );
    assert.deepEqual(metadata, {
      userId: "alice",
      restrictionId: "r1",
      startTime: "2026-01-02T00:00:00.000Z",
      expireTime: "2026-01-02T01:00:00.000Z",
    });
  });

  test("a scheduled one is reported as scheduled, one without end as permanent", () => {
    const { message } = refusalOf(step(STATES_OF_A_USER["ban-scheduled"], say.ban(), NOW).decision);
    assert.equal(
      message,
      'the user "alice" is banned already, as scheduled from 2026-01-31T00:00:00.000Z, without expiry',
    );
  });

  test("a missing restriction is reported with the state; a deactivation with its cause", () => {
    assert.equal(
      refusalOf(step(STATES_OF_A_USER.banned, say.unlock(), NOW).decision).message,
      'the user "alice" is not locked; its state is BANNED',
    );
    assert.equal(
      refusalOf(step(STATES_OF_A_USER.off, say.reactivate({ cause: "DIRECTORY" }), NOW).decision).message,
      'the user "alice" is not deactivated for the cause DIRECTORY; its state is INACTIVE',
    );
  });

  test("a refused command leaves the user as the clock left it", () => {
    const user = created();
    const context = { now: NOW, defaultLockDurationMs: HOUR };
    const before = structuredClone(user);
    assert.equal(decide(user, say.unlock(), context).ok, false);
    assert.deepEqual(user, before);
  });
});
