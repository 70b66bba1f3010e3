/** What the store measures: the queue, the batches, the lag of the sweeper and the files. */
import assert from "node:assert/strict";
import { statSync } from "node:fs";
import { describe, it } from "node:test";
import type { BatchMetric } from "../../../src/observability/metrics.ts";
import { context, createUser, lockUser, ORGANIZATION_ID } from "../support/commands.ts";
import { resourceOf } from "../support/outcomes.ts";
import { SIGNING } from "../support/signing.ts";
import { engineMetric, openFixture } from "../support/sqlite-fixture.ts";

const RESERVATION_MS = 30_000;

describe("stats", () => {
  it("reports what waits, and for each batch its number of commands and the duration of its commit", async (t) => {
    const batches: BatchMetric[] = [];
    const commits: number[] = [];
    const { store } = await openFixture(t, {
      onBatch: (batch) => batches.push(batch),
      onCommit: (durationMs) => commits.push(durationMs),
      limits: { batchMs: 60_000 },
    });
    const before = batches.length;
    const answers = Array.from({ length: 100 }, (_, index) => store.execute(createUser(`u${index}`)));
    const waiting = store.stats();
    assert.equal(waiting.waitingCommands, 100);
    assert.ok(waiting.waitingBytes > 100 * 10);
    await Promise.all(answers);
    assert.deepEqual(
      batches.slice(before).map(({ commands }) => commands),
      [64, 36],
    );
    assert.equal(commits.length, batches.length);
    const total = batches.reduce((sum, { durationMs }) => sum + durationMs, 0);
    const committing = commits.reduce((sum, durationMs) => sum + durationMs, 0);
    assert.ok(committing > 0 && committing < total, `${committing} of ${total} ms`);
    assert.equal(committing, store.spentMs.commit);
    const rest = store.stats();
    assert.deepEqual([rest.waitingCommands, rest.waitingBytes], [0, 0]);
  });

  it("counts commands that were dropped and those that a full queue refused", async (t) => {
    const { store } = await openFixture(t, { limits: { queueCommands: 2 } });
    const late = store.execute(createUser("late"), { deadlineTime: Date.now() - 1 });
    const others = ["a", "b", "c"].map((userId) => store.execute(createUser(userId)));
    const outcomes = await Promise.all([late, ...others]);
    assert.deepEqual(
      outcomes.map((outcome) => (outcome.ok ? "ok" : outcome.refusal.reason)),
      ["DEADLINE_PASSED", "ok", "QUEUE_FULL", "QUEUE_FULL"],
    );
    const { droppedCommands, refusedCommands } = store.stats();
    assert.deepEqual([droppedCommands, refusedCommands], [1, 2]);
  });

  it("reports how long the oldest change by the clock has waited for the sweeper", async (t) => {
    const { store, clock } = await openFixture(t);
    const lag = (): number => store.stats().sweepLagMs;
    for (const [userId, durationMs] of [
      ["a", 1000],
      ["b", 5000],
    ] as const) {
      resourceOf(await store.execute(createUser(userId)));
      resourceOf(await store.execute(lockUser(userId, { expiry: { kind: "for", durationMs } })));
    }
    assert.equal(lag(), 0);
    clock.time += 1000;
    assert.equal(lag(), 0);
    clock.time += 7000;
    assert.equal(lag(), 7000);
    await store.sweep();
    assert.equal(lag(), 0);
  });

  it("reports the age of the newest checkpoint while events came after it, and the erasures that are left", async (t) => {
    const { store, clock, connect } = await openFixture(t, SIGNING);
    const work = (): readonly number[] => [store.stats().checkpointAgeMs, store.stats().openErasures];
    clock.time += 2000;
    assert.deepEqual(work(), [2000, 0], "nothing is covered yet");
    await store.sweep();
    clock.time += 3000;
    assert.deepEqual(work(), [0, 0]);
    resourceOf(await store.execute(createUser("u")));
    connect().exec("INSERT INTO erasures (user_id, sequence, epoch, time) VALUES ('u', 0, 0, 0)");
    assert.deepEqual(work(), [3000, 1]);
    await store.sweep();
    assert.deepEqual(work(), [0, 0]);
    const { store: silent } = await openFixture(t);
    assert.equal(silent.stats().checkpointAgeMs, 0, "nobody signs");
  });

  it("counts attempts that ran out of time in that lag", async (t) => {
    const { store, clock } = await openFixture(t);
    resourceOf(await store.execute(createUser("u")));
    resourceOf(
      await store.execute({
        type: "BeginAttempt",
        attemptId: "attempt-1",
        subject: { userId: "u" },
        organizationId: ORGANIZATION_ID,
        factor: "PASSWORD",
        ip: "",
        userAgent: "",
        restrictionId: "lock-1",
        context: context(),
      }),
    );
    clock.time += RESERVATION_MS + 1500;
    assert.equal(store.stats().sweepLagMs, 1500);
    await store.sweep();
    assert.equal(store.stats().sweepLagMs, 0);
  });

  it("finds the oldest by an index alone, whatever the number of users", async (t) => {
    const { connect } = await openFixture(t);
    const database = connect({ readonly: true });
    for (const table of ["user_state", "attempt_places"]) {
      const plan = database.prepare(`EXPLAIN QUERY PLAN SELECT min(next_due) FROM ${table} WHERE next_due <= ?`).all(1);
      assert.match((plan[0] as { detail: string }).detail, /^SEARCH \w+ USING COVERING INDEX \w+_due \(next_due<\?\)$/);
    }
  });

  it("reports the sizes of the files, and the part of the log that is not moved yet", async (t) => {
    const { store, path, connect } = await openFixture(t);
    await Promise.all(Array.from({ length: 500 }, (_, index) => store.execute(createUser(`u${index}`))));
    const read = () => ({
      database: engineMetric(store, "lockkeeper_database_bytes"),
      wal: engineMetric(store, "lockkeeper_wal_bytes"),
      pending: engineMetric(store, "lockkeeper_wal_pending_bytes"),
    });
    const full = read();
    assert.equal(full.database, statSync(path).size);
    assert.equal(full.wal, statSync(`${path}-wal`).size);
    assert.ok(full.pending > 0 && full.pending <= full.wal);
    connect().pragma("wal_checkpoint(PASSIVE)");
    const moved = read();
    assert.equal(moved.pending, 0);
    assert.equal(moved.wal, full.wal);
    assert.ok(moved.database > full.database);
  });

  it("reports whether a backup is under way", async (t) => {
    const { store } = await openFixture(t);
    assert.equal(engineMetric(store, "lockkeeper_backups_under_way"), 0);
    const backup = await store.createBackup();
    assert.equal(engineMetric(store, "lockkeeper_backups_under_way"), 1);
    backup.close();
    assert.equal(engineMetric(store, "lockkeeper_backups_under_way"), 0);
  });
});
