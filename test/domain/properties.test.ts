/** Properties of every history: random commands, conditions and waits, with the test's own clock. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { decide } from "../../src/domain/decide.ts";
import { evolve, evolveState } from "../../src/domain/evolve.ts";
import type { Restriction } from "../../src/domain/restriction.ts";
import { settle } from "../../src/domain/settle.ts";
import type { User, UserState } from "../../src/domain/user.ts";
import { BIRTH, DAY, HOUR, ORGANIZATION_ID, USER_ID } from "./support/given.ts";
import { eventsOf, keptOf, live, type Passage, plans } from "./support/histories.ts";
import { runs } from "./support/soak.ts";

/** Checks every passage of random histories. */
function always(numRuns: number, check: (passages: readonly Passage[]) => void): void {
  fc.assert(
    fc.property(plans, (history) => check(live(history))),
    runs(numRuns),
  );
}

function replay(passages: readonly Passage[]): User | undefined {
  return eventsOf(passages).reduce<User | undefined>(
    (user, event) => evolve(user, event, USER_ID, ORGANIZATION_ID),
    undefined,
  );
}

function deepFreeze<T>(value: T): T {
  if (typeof value === "object" && value !== null) {
    for (const inner of Object.values(value)) deepFreeze(inner);
    Object.freeze(value);
  }
  return value;
}

const named = ({ kind, cause }: Pick<Restriction, "kind" | "cause">): string => `${kind}/${cause}`;

test("the histories tried are worth trying: every event and every reason occurs", () => {
  const seen = new Set<string>();
  for (const history of fc.sample(plans, { numRuns: 500, seed: 1 })) {
    for (const { decision, events } of live(history)) {
      for (const event of events) seen.add(event.type);
      if (!decision.ok) seen.add(decision.refusal.reason);
    }
  }
  assert.deepEqual(
    [...seen].sort(),
    [
      "FIELD_INVALID",
      "RestrictionExpired",
      "RestrictionStarted",
      "SEQUENCE_MISMATCH",
      "USER_ALREADY_BANNED",
      "USER_ALREADY_DEACTIVATED",
      "USER_ALREADY_EXISTS",
      "USER_ALREADY_LOCKED",
      "USER_NOT_BANNED",
      "USER_NOT_DEACTIVATED",
      "USER_NOT_FOUND",
      "USER_NOT_LOCKED",
      "USER_STATE_MISMATCH",
      "UserBanned",
      "UserCreated",
      "UserDeactivated",
      "UserDeleted",
      "UserImported",
      "UserLocked",
      "UserReactivated",
      "UserSessionsRevoked",
      "UserUnbanned",
      "UserUnlocked",
      "UserUpdated",
    ].sort(),
  );
});

test("P21 the replay of a user's events is the user that was kept step by step", () => {
  always(400, (passages) => assert.deepEqual(replay(passages), keptOf(passages)));
});

test("the narrow state alone evolves as the whole user does", () => {
  always(200, (passages) => {
    let state: UserState | undefined;
    for (const event of eventsOf(passages)) state = evolveState(state, event, USER_ID, ORGANIZATION_ID);
    assert.deepEqual(state, keptOf(passages)?.state);
  });
});

test("each event adds one to the sequence and no event takes the epoch back", () => {
  always(300, (passages) => {
    let user: User | undefined;
    for (const event of eventsOf(passages)) {
      const next: User = evolve(user, event, USER_ID, ORGANIZATION_ID);
      assert.equal(next.state.sequence, (user?.state.sequence ?? 0) + 1);
      const grown = next.state.epoch - (user?.state.epoch ?? 1);
      const isPlain = event.type === "UserDeleted" || event.type === "UserSessionsRevoked";
      const ends = isPlain || ("sessionsRevoked" in event.data && event.data.sessionsRevoked) ? 1 : 0;
      assert.equal(grown, ends, event.type);
      user = next;
    }
  });
});

test("events are in the order of their times, and none lies after the command that wrote it", () => {
  always(300, (passages) => {
    let latest = 0;
    for (const { events, now } of passages) {
      for (const { time } of events) {
        assert.ok(time >= latest && time <= now, `${time} after ${latest}, now ${now}`);
        latest = time;
      }
    }
  });
});

test("what holds is lifted by the commands that lift it alone, and an import ends nothing sooner", () => {
  always(300, (passages) => {
    for (const { decision, before, user, command, now } of passages) {
      if (!decision.ok || before === undefined || user === undefined) continue;
      if (command.type.startsWith("Un") || command.type === "ReactivateUser" || command.type === "DeleteUser") continue;
      for (const held of settle(before.state, now).state.restrictions.filter(({ started }) => started)) {
        const later: Restriction | undefined = user.state.restrictions.find((each) => named(each) === named(held));
        assert.equal(later?.started, true, `${command.type} lifted ${named(held)}`);
        if (command.type !== "ImportUser") continue;
        const [end, laterEnd] = [held, later].map(({ expireTime }) => expireTime ?? Number.POSITIVE_INFINITY);
        assert.ok((laterEnd ?? 0) >= (end ?? 0), `${named(held)} ended at ${end}, and now at ${laterEnd}`);
      }
    }
  });
});

test("a refused command yields no event, changes nothing and is refused again", () => {
  always(200, (passages) => {
    for (const { decision, events, before, user, command, now } of passages) {
      if (decision.ok) continue;
      assert.deepEqual(events, []);
      assert.deepEqual(user?.state, before === undefined ? undefined : settle(before.state, now).state);
      assert.deepEqual(decide(user, command, { now, defaultLockDurationMs: HOUR }), decision);
    }
  });
});

test("decide and settle are pure: frozen inputs, the same answer twice", () => {
  always(200, (passages) => {
    for (const { before, command, now } of passages) {
      const user = deepFreeze(structuredClone(before));
      const state = user === undefined ? undefined : deepFreeze(settle(user.state, now)).state;
      const settled = user === undefined || state === undefined ? undefined : deepFreeze({ ...user, state });
      const context = deepFreeze({ now, defaultLockDurationMs: HOUR });
      const frozen = deepFreeze(structuredClone(command));
      assert.deepEqual(decide(settled, frozen, context), decide(settled, frozen, context));
    }
  });
});

test("commands, events and refusals survive structured cloning, so they may cross threads", () => {
  always(100, (passages) => {
    for (const { command, decision, events } of passages) {
      const said = { command, decision, events };
      assert.deepEqual(structuredClone(said), said);
      assert.deepEqual(JSON.parse(JSON.stringify(events)), events);
    }
  });
});

test("P23 settle of a settled state does nothing, at any moment", () => {
  fc.assert(
    fc.property(plans, fc.integer({ min: 0, max: 60 * DAY }), (history, waitMs) => {
      const passages = live(history);
      const user = keptOf(passages);
      assert.ok(user !== undefined);
      const now = BIRTH + waitMs;
      const once = settle(user.state, now);
      assert.deepEqual(settle(once.state, now), { state: once.state, events: [] });
      assert.equal(once.state.sequence, user.state.sequence + once.events.length);
    }),
    runs(300),
  );
});

test("P23 the history is the same however often somebody looks in between", () => {
  fc.assert(
    fc.property(plans, fc.array(fc.nat({ max: 20 * DAY }), { maxLength: 20 }), (history, looks) => {
      const user = keptOf(live(history));
      assert.ok(user !== undefined);
      const end = user.state.changeTime + 30 * DAY;
      const once = settle(user.state, end);
      let state = user.state;
      const events = [];
      for (const offset of looks.sort((a, b) => a - b)) {
        const settled = settle(state, user.state.changeTime + offset);
        events.push(...settled.events);
        ({ state } = settled);
      }
      const last = settle(state, end);
      assert.deepEqual([...events, ...last.events], once.events);
      assert.deepEqual(last.state, once.state);
    }),
    runs(300),
  );
});

test("at most one restriction per kind and cause, each with its own id and an end after its start", () => {
  always(300, (passages) => {
    for (const { user } of passages) {
      const restrictions = user?.state.restrictions ?? [];
      assert.equal(new Set(restrictions.map(named)).size, restrictions.length);
      assert.equal(new Set(restrictions.map(({ id }) => id)).size, restrictions.length);
      for (const { startTime, expireTime } of restrictions) assert.ok(expireTime === null || expireTime > startTime);
    }
  });
});

const LIFTS: Readonly<Record<string, string>> = {
  UnlockUser: "LOCK",
  UnbanUser: "BAN",
  ReactivateUser: "DEACTIVATION",
};

test("P18 unlock, unban and reactivation touch no restriction of another kind", () => {
  always(300, (passages) => {
    for (const { command, before, user, now } of passages) {
      const kind = LIFTS[command.type];
      if (kind === undefined || before === undefined || user === undefined) continue;
      const others = (state: UserState): readonly Restriction[] => state.restrictions.filter((r) => r.kind !== kind);
      assert.deepEqual(others(user.state), others(settle(before.state, now).state));
    }
  });
});

/** Changes by a directory or the clock, without an administrator. */
function isAutomatic({ command }: Passage): boolean {
  if (command.type === "DeactivateUser" || command.type === "ReactivateUser") return command.cause === "DIRECTORY";
  if (command.type === "ImportUser") return !command.restrictions.some((r) => r.cause === "ADMIN");
  return command.type === "SettleUser" || command.type === "UpdateUser" || command.type === "CreateUser";
}

test("P18 nothing automatic lifts an administrator's restriction before its own end", () => {
  always(400, (passages) => {
    for (const passage of passages) {
      const { before, user, now } = passage;
      if (!isAutomatic(passage) || before === undefined) continue;
      for (const restriction of before.state.restrictions) {
        const { cause, expireTime, startTime } = restriction;
        if (cause !== "ADMIN" || (expireTime !== null && expireTime <= now)) continue;
        const expected = { ...restriction, started: startTime <= now };
        assert.deepEqual(
          user?.state.restrictions.find((r) => r.id === restriction.id),
          expected,
        );
      }
    }
  });
});

test("erased personal values never let older ones show through", () => {
  fc.assert(
    fc.property(plans, fc.infiniteStream(fc.boolean()), (history, coins) => {
      const events = eventsOf(live(history));
      let whole: User | undefined;
      let erased: User | undefined;
      for (const event of events) {
        const kept = Object.entries(event.personal).filter(() => coins.next().value === true);
        whole = evolve(whole, event, USER_ID, ORGANIZATION_ID);
        erased = evolve(erased, { ...event, personal: Object.fromEntries(kept) }, USER_ID, ORGANIZATION_ID);
        for (const [field, value] of Object.entries(erased.person.profile)) {
          assert.equal(whole.person.profile[field as "email"], value);
        }
        for (const [namespace, value] of Object.entries(erased.person.attributes)) {
          assert.equal(whole.person.attributes[namespace], value);
        }
        const withoutNotes = (state: UserState) => ({
          ...state,
          restrictions: state.restrictions.map((r) => ({ ...r, note: "" })),
        });
        assert.deepEqual(withoutNotes(erased.state), withoutNotes(whole.state));
      }
    }),
    runs(200),
  );
});
