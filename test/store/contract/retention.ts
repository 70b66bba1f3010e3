/** The contract of what is deleted and erased because it is old: exactly after the time that the settings say. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { SYSTEM_ACTOR } from "../../../src/domain/event.ts";
import { DAY_MS, HOUR_MS, kept, record } from "../support/attempts.ts";
import * as commands from "../support/commands.ts";
import { resourceOf } from "../support/outcomes.ts";
import { START_TIME } from "../support/sqlite-fixture.ts";
import type { ContractStore, OpenStore } from "./contract.ts";
import { assertReplays, eventsOf, redact, seen, tells, withPerson } from "./erased-person.ts";

async function assertKept(opened: ContractStore, days: number): Promise<void> {
  const { store, clock } = opened;
  resourceOf(await store.execute(commands.createUser("u")));
  resourceOf(await store.execute(record({ userId: "u" })));
  const expiry = { kind: "for", durationMs: HOUR_MS } as const;
  resourceOf(await store.execute(commands.createSession("s1", "u", { expiry })));
  // Revoked long before its own end.
  const years = { kind: "for", durationMs: 3_650 * DAY_MS } as const;
  resourceOf(await store.execute(commands.createSession("s2", "u", { tokenHash: "another", expiry: years })));
  resourceOf(
    await store.execute({ type: "RevokeSession", sessionId: "s2", ifAlready: "refuse", context: commands.context() }),
  );
  const counts = async (): Promise<readonly number[]> => {
    await store.sweep();
    const sessions = await store.listSessions({ organizationId: null, activeOnly: false, pageSize: 10 });
    return [(await kept(opened)).length, sessions.items.length];
  };
  const due = START_TIME + days * DAY_MS;
  for (const [time, expected] of [
    [due, [1, 2]],
    [due + 1, [0, 1]],
    [due + HOUR_MS, [0, 1]],
    [due + HOUR_MS + 1, [0, 0]],
  ] as const) {
    clock.time = time;
    assert.deepEqual(await counts(), expected, `${days} days, ${time - due} ms`);
  }
}

async function createAndDelete(store: ContractStore["store"], ids: readonly string[]): Promise<void> {
  const created = await Promise.all(ids.map((id) => store.execute(commands.createUser(id, { note: "came" }))));
  const deleted = await Promise.all(ids.map((id) => store.execute(commands.deleteUser(id, { note: "left" }))));
  for (const outcome of [...created, ...deleted]) resourceOf(outcome);
}

export function describeRetention(engine: string, open: OpenStore): void {
  describe(`${engine}: retention`, () => {
    it("keeps attempts and ended sessions as long as the settings say, 30 days without", async (t) => {
      for (const days of [1, 90]) {
        const limits = { attemptKeptMs: days * DAY_MS, sessionKeptMs: days * DAY_MS };
        await assertKept(await open(t, { limits }), days);
      }
      await assertKept(await open(t), 30);
    });

    it("erases users when they were deleted long enough ago, once, and nobody who came after", async (t) => {
      const opened = await open(t, { limits: { deletedKeptMs: 10 * DAY_MS } });
      const { clock } = opened;
      const store = await withPerson(opened);
      const many = Array.from({ length: 20 }, (_, index) => `user-${index}`);
      const deletedAt = clock.time;
      resourceOf(await store.execute(commands.deleteUser("u", { note: "left" })));
      await createAndDelete(store, [...many, "back", "twice", "by-hand"]);
      resourceOf(await store.execute(commands.deleteUser("by-hand", { erase: true })));
      resourceOf(await redact(opened, 1, ["note"], { note: "late" }));
      for (const id of ["back", "twice"]) resourceOf(await store.execute(commands.createUser(id, { note: "anew" })));
      clock.time = deletedAt + 5 * DAY_MS;
      resourceOf(await store.execute(commands.deleteUser("twice")));
      const lengths = async (): Promise<readonly number[]> => {
        const lists = ["u", ...many, "back", "twice", "by-hand"].map((id) => eventsOf(opened, id));
        return (await Promise.all(lists)).map(({ length }) => length);
      };
      const before = await lengths();
      clock.time = deletedAt + 10 * DAY_MS;
      await store.sweep();
      assert.deepEqual(await lengths(), before);
      clock.time += HOUR_MS;
      await store.sweep();
      await store.sweep();
      const after = await lengths();
      assert.deepEqual(
        after.map((length, index) => length - (before[index] ?? 0)),
        [1, ...many.map(() => 1), 0, 0, 0],
      );
      assert.equal(tells(await seen(opened)), false);
      const { event, via } = (await eventsOf(opened)).at(-1) ?? assert.fail();
      assert.deepEqual(
        [event.actor, via, event.data, event.personal],
        [SYSTEM_ACTOR, "sweeper", { reasonCode: "RETENTION_ENDED", erased: true }, {}],
      );
      assert.equal((await eventsOf(opened, "back"))[2]?.event.personal.note, "anew");
      await assertReplays(opened);
      clock.time = deletedAt + 15 * DAY_MS + HOUR_MS;
      await store.sweep();
      const noteOfTwice = (await eventsOf(opened, "twice"))[2]?.event.personal.note;
      assert.deepEqual([await lengths(), noteOfTwice], [after.with(-2, (after.at(-2) ?? 0) + 1), undefined]);
    });

    it("erases nobody unless a setting says so", async (t) => {
      const opened = await open(t);
      await createAndDelete(opened.store, ["u"]);
      opened.clock.time += 10_000 * DAY_MS;
      await opened.store.sweep();
      const notes = (await eventsOf(opened)).map(({ event }) => event.personal.note);
      assert.deepEqual(notes, ["came", "left"]);
    });
  });
}
