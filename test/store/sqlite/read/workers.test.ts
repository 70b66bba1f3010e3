/** The worker threads: a reader that crashes or hangs, and a write-ahead log that stays within its bound. */

import assert from "node:assert/strict";
import { statSync } from "node:fs";
import { describe, it } from "node:test";
import { verifyChain } from "../../../../src/store/log/verify-chain.ts";
import { chainOf } from "../../../../src/store/sqlite/offline/chain-rows.ts";
import { WorkerLink } from "../../../../src/store/sqlite/worker-link.ts";
import { until } from "../../../support/until.ts";
import { createUser, lockUser } from "../../support/commands.ts";
import { resourceOf } from "../../support/outcomes.ts";
import { openFixture } from "../../support/sqlite-fixture.ts";

const UNAVAILABLE = { name: "StoreUnavailableError" };

function linkTo(script: string, callMs = 5_000) {
  const troubles: unknown[] = [];
  const link = new WorkerLink<string>({
    name: "test worker",
    url: new URL(`../../support/${script}`, import.meta.url),
    workerData: null,
    callMs,
    onTrouble: (error) => troubles.push(error),
  });
  return { link, troubles };
}

describe("workers", () => {
  it("that crash fail their calls and are started again", async (t) => {
    const { link, troubles } = linkTo("odd-worker.ts");
    t.after(() => link.close());
    assert.equal(await link.call("echo"), "echo");
    // The answer may be lost with the thread.
    await Promise.allSettled([link.call("crash")]);
    await until(() => troubles.length > 0, "the trouble");
    assert.equal(await link.call("echo"), "echo");
    await assert.rejects(link.call("exit"), UNAVAILABLE);
    assert.equal(await link.call("echo"), "echo");
  });

  it("that hang fail one question; those that had not begun run on a new thread", async (t) => {
    const { link, troubles } = linkTo("odd-worker.ts", 1_500);
    t.after(() => link.close());
    assert.equal(await link.call("echo"), "echo");
    const spun = assert.rejects(link.call("hang"), {
      name: "ReadGivenUpError",
      message: "the test worker took longer than 1500 ms for one question and was ended",
    });
    assert.deepEqual(await Promise.all(["1", "2", "3"].map((question) => link.call(question))), ["1", "2", "3"]);
    await spun;
    assert.equal(troubles.length, 1);
  });

  it("that exit fail only the current question", async (t) => {
    const { link } = linkTo("odd-worker.ts");
    t.after(() => link.close());
    assert.equal(await link.call("echo"), "echo");
    const exited = assert.rejects(link.call("exit"), UNAVAILABLE);
    assert.equal(await link.call("echo"), "echo");
    await exited;
  });

  it("that cannot start fail all waiting questions at once", async (t) => {
    const { link, troubles } = linkTo("no-such-worker.ts");
    t.after(() => link.close());
    const results = await Promise.allSettled(Array.from({ length: 100 }, () => link.call("echo")));
    assert.equal(results.filter(({ status }) => status === "rejected").length, 100);
    assert.equal(troubles.length, 1);
  });

  it("that are busy answer all waiting questions, however long they wait", async (t) => {
    const { link, troubles } = linkTo("odd-worker.ts", 1_500);
    t.after(() => link.close());
    assert.equal(await link.call("echo"), "echo");
    const answers = await Promise.all(Array.from({ length: 8 }, () => link.call("slow")));
    assert.deepEqual([answers.length, troubles], [8, []]);
  });

  it("refuse more questions while 1,000 wait", async (t) => {
    const { link } = linkTo("odd-worker.ts");
    t.after(() => link.close());
    const results = await Promise.allSettled(Array.from({ length: 1_100 }, () => link.call("echo")));
    assert.equal(results.filter((result) => result.status === "fulfilled").length, 1_000);
  });

  it("let the event loop run while the sweeper deletes old requests", async (t) => {
    const { store, connect } = await openFixture(t);
    const insert = connect().prepare(
      "INSERT INTO requests (actor, scope, rpc, request_id, content, resource_id, position, time) VALUES (?, '', ?, ?, ?, ?, 0, 0)",
    );
    for (let i = 0; i < 3_000; i++) insert.run("a", "r", `${i}`, Buffer.from("c"), "u");
    let turns = 0;
    const over = new AbortController();
    const turn = (): void => {
      turns++;
      if (!over.signal.aborted) setImmediate(turn);
    };
    setImmediate(turn);
    await store.sweep();
    over.abort();
    assert.equal(connect().prepare("SELECT count(*) FROM requests").pluck().get(), 0);
    assert.ok(turns >= 6, `${turns} turns in 6 steps`);
  });

  it("answer errors as errors and continue", async (t) => {
    const { link, troubles } = linkTo("odd-worker.ts");
    t.after(() => link.close());
    await assert.rejects(link.call("throw"), /test worker: thrown/);
    assert.equal(await link.call("echo"), "echo");
    assert.deepEqual(troubles, []);
  });

  it("checkpoint, so that the write-ahead log stays within its bound under load", async (t) => {
    const walBytesMax = 2 * 2 ** 20;
    const { store, path, connect, troubles } = await openFixture(t, { limits: { walBytesMax } });
    let largest = 0;
    for (let round = 0; round < 40; round++) {
      const ids = Array.from({ length: 256 }, (_, index) => `u${round}-${index}`);
      await Promise.all(ids.map((id) => store.execute(createUser(id, { note: "n".repeat(500) }))));
      largest = Math.max(largest, statSync(`${path}-wal`).size);
    }
    assert.ok(largest <= walBytesMax, `the log grew to ${largest} bytes`);
    assert.ok(statSync(path).size > 2 * walBytesMax, "far more was written than the log may hold");
    assert.deepEqual((await verifyChain(chainOf(connect({ readonly: true })))).faults, []);
    assert.deepEqual(troubles, []);
  });

  it("leave no log when the store is closed", async (t) => {
    const { store, path } = await openFixture(t);
    await store.execute(createUser("u"));
    assert.ok(statSync(`${path}-wal`).size > 0);
    await store.close();
    assert.equal(statSync(`${path}-wal`, { throwIfNoEntry: false }), undefined);
  });
});

describe("the sweeper", () => {
  it("writes due changes by itself, once, for more users than one round takes", async (t) => {
    const { store, clock } = await openFixture(t, { sweepIntervalMs: 10, limits: { sweepUsers: 10 } });
    const ids = Array.from({ length: 45 }, (_, index) => `u${index}`);
    await Promise.all(ids.map((id) => store.execute(createUser(id))));
    await Promise.all(ids.map((id) => store.execute(lockUser(id))));
    clock.time += 3_600_000;
    const countOf = async (id: string) =>
      (await store.listUserEvents({ userId: id, order: "newest_first", pageSize: 10 })).items.length;
    const isDone = async () => (await Promise.all(ids.map(countOf))).every((count) => count === 3);
    await until(isDone, "all that is due");
    await store.sweep();
    assert.ok(await isDone());
    const user = resourceOf(await store.execute(lockUser("u0")));
    assert.equal(user.state.sequence, 4);
  });
});
