/** The contract of RevokeSession: the session's row and an event of its user, in one transaction. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { CommandContext } from "../../../src/domain/command.ts";
import type { CreateSession, RevokeSession } from "../../../src/domain/session.ts";
import { context, createUser, deleteUser, lockUser, requestContext } from "../support/commands.ts";
import { reasonOf, resourceOf } from "../support/outcomes.ts";
import type { ContractStore, OpenStore } from "./contract.ts";

const HOUR_MS = 3_600_000;

function createSession(sessionId: string): CreateSession {
  return {
    type: "CreateSession",
    ...{ sessionId, tokenHash: `token of ${sessionId}`, idleTimeoutMs: null, userId: "u" },
    ...{ expiry: { kind: "default" }, userAgent: "", ip: "", attributes: {}, context: context() },
  };
}

function revoke(sessionId: string, more: Partial<RevokeSession> & { context?: CommandContext } = {}): RevokeSession {
  return { type: "RevokeSession", sessionId, ifAlready: "refuse", context: context(), ...more };
}

async function withSessions(opened: ContractStore, ...ids: readonly string[]): Promise<ContractStore["store"]> {
  const { store } = opened;
  resourceOf(await store.execute(createUser("u", { profile: { username: "ada" } })));
  for (const id of ids) resourceOf(await store.execute(createSession(id)));
  return store;
}

/** The events of the user, the oldest first. */
async function eventsOf({ store }: Pick<ContractStore, "store">) {
  return (await store.listUserEvents({ userId: "u", order: "oldest_first", pageSize: 100 })).items;
}

async function statusOf({ store }: Pick<ContractStore, "store">, id: string): Promise<string | undefined> {
  return (await store.readSession({ id, scope: null }, { touch: false }))?.status;
}

export function describeRevokedSessions(engine: string, open: OpenStore): void {
  describe(`${engine}: revoked sessions`, () => {
    it("are an event of the user, linked and counted like any other, and leave the user as it is", async (t) => {
      const opened = await open(t);
      const store = await withSessions(opened, "s", "other");
      const before = await store.readUser("u");
      opened.clock.time += 5;
      const outcome = await store.execute(revoke("s", { byPerson: true }));
      assert.deepEqual([outcome.ok && outcome.written, resourceOf(outcome).revokeTime], [1, opened.clock.time]);
      const [created, revoked] = await eventsOf(opened);
      const { type, actor, data } = revoked?.event ?? assert.fail();
      assert.deepEqual([type, actor, data], ["SessionRevoked", "key:test", { sessionId: "s", byPerson: true }]);
      assert.deepEqual([revoked?.sequence, revoked?.previousPosition], [2, created?.position]);
      assert.deepEqual(await store.readUser("u"), {
        ...before,
        state: { ...before?.state, sequence: 2, changeTime: opened.clock.time },
      });
      assert.deepEqual([await statusOf(opened, "s"), await statusOf(opened, "other")], ["REVOKED", "ACTIVE"]);
    });

    it("come after what the clock has made due", async (t) => {
      const opened = await open(t);
      const store = await withSessions(opened, "s");
      resourceOf(await store.execute(lockUser("u")));
      opened.clock.time += 2 * HOUR_MS;
      resourceOf(await store.execute(revoke("s")));
      const events = await eventsOf(opened);
      assert.deepEqual(
        events.map(({ event, sequence, via }) => [event.type, sequence, via]),
        [
          ["UserCreated", 1, "test"],
          ["UserLocked", 2, "test"],
          ["RestrictionExpired", 3, "clock"],
          ["SessionRevoked", 4, "test"],
        ],
      );
      assert.deepEqual((await store.readUser("u"))?.state.restrictions, []);
    });

    it("are seen by the commands of the same batch, which count their event", async (t) => {
      const opened = await open(t);
      const store = await withSessions(opened, "a", "b");
      const outcomes = await Promise.all([
        store.execute(revoke("a")),
        store.execute(revoke("a")),
        store.execute(revoke("a", { ifAlready: "succeed" })),
        store.execute(lockUser("u", { expectedSequence: 1 })),
        store.execute(revoke("b")),
        store.execute(lockUser("u", { expectedSequence: 3 })),
      ]);
      assert.deepEqual(
        outcomes.map((outcome) => (outcome.ok ? outcome.written : outcome.refusal.reason)),
        [1, "SESSION_ENDED", 0, "SEQUENCE_MISMATCH", 1, 1],
      );
      const events = await eventsOf(opened);
      assert.deepEqual(
        events.map(({ event }) => event.type),
        ["UserCreated", "SessionRevoked", "SessionRevoked", "UserLocked"],
      );
      for (const [index, { previousPosition }] of events.entries()) {
        assert.equal(previousPosition, events[index - 1]?.position ?? null);
      }
    });

    it("answer a repeated request with the session as it was, whatever came after", async (t) => {
      const opened = await open(t);
      const store = await withSessions(opened, "s");
      const once = revoke("s", { context: requestContext("once") });
      const [first, twin] = await Promise.all([store.execute(once), store.execute(once)]);
      assert.deepEqual(twin, { ...first, written: 0, replayed: true });
      opened.clock.time += 10;
      resourceOf(await store.execute(deleteUser("u")));
      assert.deepEqual(await store.execute(once), { ...first, written: 0, replayed: true });
      const reused = await store.execute(revoke("s", { context: requestContext("once", "other") }));
      assert.equal(reasonOf(reused), "REQUEST_ID_REUSED");
      assert.equal((await eventsOf(opened)).length, 3);
    });

    it("that are only tried out leave nothing", async (t) => {
      const opened = await open(t);
      const store = await withSessions(opened, "s");
      const outcome = await store.execute(revoke("s", { context: context({ validateOnly: true }) }));
      assert.deepEqual([outcome.ok && outcome.written, resourceOf(outcome).sequence], [0, 2]);
      assert.deepEqual([await statusOf(opened, "s"), (await eventsOf(opened)).length], ["ACTIVE", 1]);
    });
  });
}
