/** The changes that the clock makes: when, in which order, and once. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { UserEvent } from "../../src/domain/event.ts";
import { LATEST_TIME } from "../../src/domain/restriction.ts";
import { settle } from "../../src/domain/settle.ts";
import { nextDue, stateOf, type User, type UserState } from "../../src/domain/user.ts";
import { after, BIRTH, created, DAY, HOUR, imported, letterOf, NOW, say, step } from "./support/given.ts";

const END = NOW + HOUR;
const until = (time: number) => ({ kind: "at", time }) as const;

/** Locked, banned and deactivated, scheduled as said: every kind and cause there is, by import. */
function withAll(startTime: number, expireTime: number): User {
  const span = { startTime, expiry: until(expireTime) } as const;
  return after(created(), [
    say.import({
      ifExists: "update",
      restrictions: [
        imported({ ...span, id: "R", kind: "DEACTIVATION", cause: "DIRECTORY" }),
        imported({ ...span, id: "D", kind: "DEACTIVATION", cause: "ADMIN" }),
        imported({ ...span, id: "P", kind: "LOCK", cause: "POLICY" }),
        imported({ ...span, id: "B", kind: "BAN", cause: "ADMIN" }),
        imported({ ...span, id: "L", kind: "LOCK", cause: "ADMIN" }),
      ],
    }),
    BIRTH,
  ]);
}

function told(events: readonly UserEvent[]): readonly string[] {
  return events.map(({ type, time, data }) => {
    const id = "restrictionId" in data ? data.restrictionId : "";
    return `${type === "RestrictionStarted" ? "start" : type === "RestrictionExpired" ? "end" : type} ${id} ${time - NOW}`;
  });
}

function summary(state: UserState): string {
  return [stateOf(state), ...state.restrictions.map(letterOf)].join(" ");
}

describe("the interval [start, end)", () => {
  const scheduled = after(created(), [
    say.ban({ restrictionId: "B", startTime: NOW, expiry: until(END) }),
    BIRTH + 1,
  ]).state;
  const moments: readonly (readonly [title: string, now: number, expected: string, events: readonly string[]])[] = [
    ["a millisecond before the start it does not hold", NOW - 1, "ACTIVE ~B", []],
    ["at the start it holds", NOW, "BANNED B", ["start B 0"]],
    ["a millisecond before the end it holds", END - 1, "BANNED B", ["start B 0"]],
    ["P14 at exactly the end it holds no more", END, "ACTIVE", ["start B 0", `end B ${HOUR}`]],
    ["a millisecond after the end it holds no more", END + 1, "ACTIVE", ["start B 0", `end B ${HOUR}`]],
    ["at the end of time it holds no more", LATEST_TIME, "ACTIVE", ["start B 0", `end B ${HOUR}`]],
  ];
  for (const [title, now, expected, events] of moments) {
    test(title, () => {
      const settled = settle(scheduled, now);
      assert.equal(summary(settled.state), expected);
      assert.deepEqual(told(settled.events), events);
    });
  }

  test("P23 sequence, epoch and change date are what they are once written, before anything is written", () => {
    const { state } = settle(scheduled, END + DAY);
    assert.deepEqual(
      [state.sequence, state.epoch, state.changeTime],
      [scheduled.sequence + 2, scheduled.epoch + 1, END],
    );
    const begun = settle(scheduled, NOW).state;
    assert.deepEqual(
      [begun.sequence, begun.epoch, begun.changeTime],
      [scheduled.sequence + 1, scheduled.epoch + 1, NOW],
    );
  });
});

describe("the order", () => {
  test("what is due at one instant comes by kind: locks, bans, deactivations, and by cause among these", () => {
    const { events } = settle(withAll(NOW, END).state, NOW);
    assert.deepEqual(told(events), ["start L 0", "start P 0", "start B 0", "start D 0", "start R 0"]);
  });

  test("the order of the restrictions in the state does not matter", () => {
    const { state } = withAll(NOW, END);
    const reversed = { ...state, restrictions: state.restrictions.toReversed() };
    assert.deepEqual(settle(reversed, END).events, settle(state, END).events);
  });

  test("time comes before kind: an earlier end of a ban comes before a later start of a lock", () => {
    const { state } = after(
      created(),
      [say.ban({ restrictionId: "B", expiry: until(NOW) }), BIRTH + 1],
      [say.lock({ restrictionId: "L", startTime: NOW + 1, expiry: until(NOW + 3) }), BIRTH + 2],
      [say.deactivate({ restrictionId: "D" }), BIRTH + 3],
    );
    assert.deepEqual(told(settle(state, END).events), ["end B 0", "start L 1", "end L 3"]);
  });

  test("starts and ends of one instant come by kind too", () => {
    const { state } = after(
      created(),
      [say.ban({ restrictionId: "B", expiry: until(NOW) }), BIRTH + 1],
      [say.lock({ restrictionId: "L", startTime: NOW, expiry: until(END) }), BIRTH + 2],
    );
    assert.deepEqual(told(settle(state, NOW).events), ["start L 0", "end B 0"]);
  });

  test("P23 after years without a look every start and end is there once, dated when it was due", () => {
    const { state, events } = settle(withAll(NOW, END).state, LATEST_TIME);
    const ids = ["L", "P", "B", "D", "R"];
    assert.deepEqual(told(events), [...ids.map((id) => `start ${id} 0`), ...ids.map((id) => `end ${id} ${HOUR}`)]);
    assert.equal(summary(state), "ACTIVE");
    assert.equal(nextDue(state), null);
  });
});

describe("once and for all", () => {
  test("P23 settling a settled state does nothing and hands the very same state back", () => {
    const once = settle(withAll(NOW, END).state, NOW).state;
    const twice = settle(once, NOW);
    assert.equal(twice.state, once);
    assert.deepEqual(twice.events, []);
  });

  test("P14 a clock that steps back revives nothing that has ended and undoes nothing that has begun", () => {
    const ended = settle(withAll(NOW, END).state, END).state;
    assert.equal(settle(ended, NOW).state, ended);
    const begun = settle(withAll(NOW, END).state, NOW).state;
    assert.equal(settle(begun, NOW - DAY).state, begun);
  });

  test("P14 a lock whose end has passed does not stop the next one, even if nobody has read the user since", () => {
    const locked = after(created(), [say.lock({ expiry: until(END) }), NOW]);
    assert.equal(step(locked, say.lock(), END - 1).decision.ok, false);
    assert.equal(step(locked, say.lock(), END).decision.ok, true);
  });

  test("a lock ends sessions when it starts only where it was told to", () => {
    for (const revokeSessions of [true, false]) {
      const { state } = after(created(), [say.lock({ startTime: NOW, revokeSessions }), BIRTH + 1]);
      assert.equal(state.epoch, 1);
      assert.equal(settle(state, NOW).state.epoch, revokeSessions ? 2 : 1);
    }
  });

  test("a ban that is scheduled survives deletion and starts on the tombstone", () => {
    const { state } = after(created(), [say.ban({ startTime: NOW }), BIRTH + 1], [say.delete(), BIRTH + 2]);
    const settled = settle(state, NOW);
    assert.deepEqual([stateOf(settled.state), settled.state.restrictions.map(letterOf)], ["DELETED", ["B"]]);
    const again = after({ ...created(), state: settled.state }, [say.create(), END]);
    assert.equal(summary(again.state), "BANNED B");
  });

  test("the next due instant is the earliest start or end; without one it is never", () => {
    assert.equal(nextDue(created().state), null);
    assert.equal(nextDue(after(created(), [say.ban(), NOW]).state), null);
    assert.equal(nextDue(withAll(NOW, END).state), NOW);
    assert.equal(nextDue(settle(withAll(NOW, END).state, NOW).state), END);
  });
});
