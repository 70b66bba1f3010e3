/** The events of commands: what each records, and who and when. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { ADMIN, after, BIRTH, created, DAY, HOUR, NOW, say, step } from "./support/given.ts";
import { STATES_OF_A_USER } from "./support/states.ts";

describe("events", () => {
  test("an imposing event carries the whole restriction, who did it and the note as a personal value", () => {
    const command = say.ban({
      restrictionId: "r1",
      reasonCode: "SPAM",
      note: "third time",
      startTime: NOW + HOUR,
      expiry: { kind: "for", durationMs: DAY },
    });
    const { events } = step(created(), command, NOW);
    const restriction = {
      id: "r1",
      kind: "BAN",
      cause: "ADMIN",
      reasonCode: "SPAM",
      startTime: NOW + HOUR,
      expireTime: NOW + HOUR + DAY,
      started: false,
      revokeSessions: true,
    };
    assert.deepEqual(events, [
      {
        type: "UserBanned",
        time: NOW,
        actor: ADMIN,
        data: { restriction, sessionsRevoked: false },
        personal: { note: "third time" },
      },
    ]);
  });

  test("a restart names the restriction whose place it takes and leaves one of its kind and cause", () => {
    const { events, user } = step(STATES_OF_A_USER.banned, say.ban({ ifAlready: "restart" }), NOW);
    const [event] = events;
    assert.ok(event?.type === "UserBanned");
    assert.equal(event.data.replacedId, "ban");
    assert.deepEqual(
      user?.state.restrictions.map((r) => r.id),
      ["new"],
    );
  });

  test("a lifting event names every restriction it lifts and why", () => {
    const { events } = step(STATES_OF_A_USER["twice-locked"], say.unlock({ reasonCode: "APPEAL", note: "ok" }), NOW);
    assert.deepEqual(events, [
      {
        type: "UserUnlocked",
        time: NOW,
        actor: ADMIN,
        data: { restrictionIds: ["lock", "policy"], reasonCode: "APPEAL" },
        personal: { note: "ok" },
      },
    ]);
  });

  test("the settled events come first, dated when they were due", () => {
    const locked = after(created(), [say.lock({ expiry: { kind: "for", durationMs: HOUR } }), NOW]);
    const { events } = step(locked, say.lock(), NOW + DAY);
    assert.deepEqual(
      events.map(({ type, time, actor }) => [type, time, actor]),
      [
        ["RestrictionExpired", NOW + HOUR, "system"],
        ["UserLocked", NOW + DAY, ADMIN],
      ],
    );
  });

  test("a deletion keeps sequence and epoch, and re-creation continues both and gives the user a new creation date", () => {
    const deleted = after(created(), [say.ban(), BIRTH + 1], [say.unban(), BIRTH + 2], [say.delete(), BIRTH + 3]);
    assert.deepEqual([deleted.state.sequence, deleted.state.epoch], [4, 3]);
    const { state } = after(deleted, [say.create(), NOW]);
    assert.deepEqual([state.sequence, state.epoch, state.deleted, state.creationTime], [5, 3, false, NOW]);
  });

  test("P10 a ban in the very millisecond of the creation raises the epoch: the clock does not decide", () => {
    const user = created();
    const banned = after(user, [say.ban(), BIRTH]);
    assert.equal(banned.state.changeTime, user.state.changeTime);
    assert.equal(banned.state.epoch, user.state.epoch + 1);
  });

  test("P11 neither unban nor reactivation nor unlock takes the epoch back", () => {
    const before = STATES_OF_A_USER.everything;
    const user = after(before, [say.unlock(), NOW], [say.unban(), NOW], [say.reactivate(), NOW]);
    assert.equal(user.state.epoch, before.state.epoch);
  });
});
