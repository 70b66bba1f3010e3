/** The contract of group commit: many commands at once, each with its own outcome. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { createUser, lockUser, unlockUser } from "../support/commands.ts";
import { reasonOf, resourceOf, tally } from "../support/outcomes.ts";
import type { OpenStore } from "./contract.ts";

export function describeBatches(engine: string, open: OpenStore): void {
  describe(`${engine}: batches`, () => {
    it("lets one of 1,000 concurrent locks of one user succeed", async (t) => {
      const { store } = await open(t);
      await store.execute(createUser("u"));
      const outcomes = await Promise.all(Array.from({ length: 1_000 }, () => store.execute(lockUser("u"))));
      assert.deepEqual(tally(outcomes), { OK: 1, USER_ALREADY_LOCKED: 999 });
      const { items } = await store.listUserEvents({ userId: "u", order: "newest_first", pageSize: 10 });
      assert.deepEqual(
        items.map(({ event }) => event.type),
        ["UserLocked", "UserCreated"],
      );
    });

    it("lets commands of one batch see what the ones before them did", async (t) => {
      const { store } = await open(t);
      const outcomes = await Promise.all([
        store.execute(createUser("u", { profile: { username: "ada" } })),
        store.execute(lockUser("u")),
        store.execute(lockUser("u")),
        store.execute(unlockUser("u")),
        store.execute(lockUser("u", { expectedSequence: 3 })),
        store.execute(lockUser("u", { expectedSequence: 3, ifAlready: "restart" })),
      ]);
      assert.deepEqual(
        outcomes.map((outcome) => (outcome.ok ? outcome.resource.state.sequence : outcome.refusal.reason)),
        [1, 2, "USER_ALREADY_LOCKED", 3, 4, "SEQUENCE_MISMATCH"],
      );
      assert.equal(outcomes[4]?.ok && outcomes[4].resource.person.profile.username, "ada");
    });

    it("refuses what does not fit into the queue at once, and does the rest", async (t) => {
      const { store } = await open(t, { limits: { queueCommands: 10 } });
      await store.execute(createUser("u"));
      const outcomes = await Promise.all(
        Array.from({ length: 50 }, () => store.execute(lockUser("u", { ifAlready: "restart" }))),
      );
      assert.deepEqual(tally(outcomes), { OK: 10, QUEUE_FULL: 40 });
      const full = outcomes.find((outcome) => !outcome.ok);
      assert.ok(full?.ok === false && (full.refusal.retryAfterMs ?? 0) > 0);
      assert.equal(full.refusal.metadata.outcome, "NOT_APPLIED");
      resourceOf(await store.execute(unlockUser("u")));
    });

    it("counts the queue in bytes too", async (t) => {
      const { store } = await open(t, { limits: { queueBytes: 10_000 } });
      await store.execute(createUser("u"));
      const long = { note: "n".repeat(3_000), ifAlready: "restart" } as const;
      const outcomes = await Promise.all([1, 2, 3].map(() => store.execute(lockUser("u", long))));
      assert.deepEqual(tally(outcomes), { OK: 1, QUEUE_FULL: 2 });
    });

    it("drops a command whose deadline passed before its batch began", async (t) => {
      const { store } = await open(t);
      await store.execute(createUser("u"));
      const [late, timely] = await Promise.all([
        store.execute(lockUser("u"), { deadlineTime: Date.now() - 1 }),
        store.execute(lockUser("u"), { deadlineTime: Date.now() + 60_000 }),
      ]);
      assert.equal(reasonOf(late), "DEADLINE_PASSED");
      assert.equal(!late.ok && late.refusal.metadata.outcome, "NOT_APPLIED");
      resourceOf(timely);
    });
  });
}
