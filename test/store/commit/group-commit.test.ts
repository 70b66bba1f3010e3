/** Group commit over an engine that only records the commands that it gets. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { Command, Lane, Outcome } from "../../../src/store/commands.ts";
import {
  BatchPartError,
  GroupCommit,
  type GroupCommitLimits,
  type RunBatch,
} from "../../../src/store/commit/group-commit.ts";
import { StoreUnavailableError } from "../../../src/store/errors.ts";
import { settleUser } from "../support/commands.ts";
import { tally } from "../support/outcomes.ts";

const LIMITS: GroupCommitLimits = { queueCommands: 1_000, queueBytes: 1e9, batchCommands: 64, batchMs: 1_000 };

function idOf(command: Command): string {
  return "userId" in command ? command.userId : "";
}

function accepted(command: Command): Outcome {
  // Only the id is looked at.
  return { ok: true, resource: { state: { id: idOf(command) } }, written: 1, replayed: false } as Outcome;
}

interface Recorder {
  readonly commits: GroupCommit;
  readonly batches: string[][];
  readonly troubles: unknown[];
  submit(id: string, lane?: Lane, deadlineTime?: number): Promise<Outcome>;
}

function record(
  limits: Partial<GroupCommitLimits> = {},
  fail: (ids: readonly string[]) => void = () => undefined,
): Recorder {
  const batches: string[][] = [];
  const troubles: unknown[] = [];
  const run: RunBatch = async (take) => {
    const outcomes: Outcome[] = [];
    const ids: string[] = [];
    for (let command = take(); command !== undefined; command = take()) {
      ids.push(idOf(command));
      outcomes.push(accepted(command));
    }
    batches.push(ids);
    fail(ids);
    return outcomes;
  };
  const commits = new GroupCommit({
    run,
    limits: { ...LIMITS, ...limits },
    wallClock: () => 1_000,
    onTrouble: (error) => troubles.push(error),
  });
  const submit = (id: string, lane: Lane = "interactive", deadlineTime?: number): Promise<Outcome> =>
    commits.submit(settleUser(id), { lane, deadlineTime });
  return { commits, batches, troubles, submit };
}

function names(prefix: string, count: number): string[] {
  return Array.from({ length: count }, (_, index) => `${prefix}${index}`);
}

describe("group commit", () => {
  it("collects the commands of one round of the event loop, at most 64 a batch, in order", async () => {
    const { batches, submit } = record();
    const ids = names("u", 150);
    await Promise.all(ids.map((id) => submit(id)));
    assert.deepEqual(
      batches.map((batch) => batch.length),
      [64, 64, 22],
    );
    assert.deepEqual(batches.flat(), ids);
  });

  it("ends a batch that has taken its time", async () => {
    const { batches, submit } = record({ batchMs: 0 });
    await Promise.all(names("u", 3).map((id) => submit(id)));
    assert.deepEqual(
      batches.map((batch) => batch.length),
      [1, 1, 1],
    );
  });

  it("gives the bulk lane a quarter of each batch while interactive commands wait, and all of it otherwise", async () => {
    const { batches, submit } = record();
    await Promise.all([...names("b", 200).map((id) => submit(id, "bulk")), ...names("i", 100).map((id) => submit(id))]);
    const bulk = batches.map((batch) => batch.filter((id) => id.startsWith("b")).length);
    // 48 interactive commands in each of the first two batches, the other 4 in the third.
    assert.deepEqual(bulk, [16, 16, 60, 64, 44]);
    assert.equal(batches.flat().length, 300);
  });

  it("lets bulk work fill half of the queue and interactive commands all of it", async () => {
    const { submit } = record({ queueCommands: 20 });
    const bulk = names("b", 15).map((id) => submit(id, "bulk"));
    const interactive = names("i", 15).map((id) => submit(id));
    assert.deepEqual(tally(await Promise.all(bulk)), { OK: 10, QUEUE_FULL: 5 });
    assert.deepEqual(tally(await Promise.all(interactive)), { OK: 10, QUEUE_FULL: 5 });
  });

  it("drops commands past their deadline without giving them to the engine", async () => {
    const { batches, commits, submit } = record();
    const outcomes = await Promise.all([
      submit("late", "interactive", 999),
      submit("at", "interactive", 1_000),
      submit("in", "bulk", 1_001),
    ]);
    assert.deepEqual(tally(outcomes), { DEADLINE_PASSED: 2, OK: 1 });
    assert.deepEqual(batches, [["in"]]);
    assert.equal(commits.counts.dropped, 2);
  });

  it("halves a failed batch until the command at fault is alone, so that only that one is refused", async () => {
    const { batches, submit, troubles } = record({}, (ids) => {
      if (ids.includes("bad")) throw new TypeError("of its own making");
    });
    const outcomes = await Promise.all(["a", "bad", "b"].map((id) => submit(id)));
    assert.deepEqual(tally(outcomes), { OK: 2, STORE_REJECTED: 1 });
    assert.deepEqual(batches, [["a", "bad", "b"], ["a", "bad"], ["a"], ["bad"], ["b"]]);
    assert.equal(troubles.length, 1);
  });

  it("answers the commands that are durable when the others of the batch are not, and runs none of them again", async () => {
    const met: string[][] = [];
    const commits = new GroupCommit({
      run: async (take) => {
        const ids: string[] = [];
        const outcomes: Outcome[] = [];
        for (let command = take(); command !== undefined; command = take()) {
          ids.push(idOf(command));
          outcomes.push(accepted(command));
        }
        met.push(ids);
        const at = ids.indexOf("bad");
        if (at < 0) return outcomes;
        if (at === 0) throw new TypeError("of its own making");
        throw new BatchPartError(outcomes.slice(0, at), new TypeError("of its own making"));
      },
      limits: LIMITS,
      wallClock: Date.now,
      onTrouble: () => undefined,
    });
    const outcomes = await Promise.all(["a", "b", "bad", "c"].map((id) => commits.submit(settleUser(id))));
    assert.deepEqual(tally(outcomes), { OK: 3, STORE_REJECTED: 1 });
    assert.deepEqual(met, [["a", "b", "bad", "c"], ["bad"], ["c"]]);
  });

  it("reports a storage failure to the whole batch, and goes on with the next", async () => {
    const { submit } = record({}, (ids) => {
      if (ids.includes("a")) throw new StoreUnavailableError("disk", "UNKNOWN");
    });
    const results = await Promise.allSettled(["a", "b"].map((id) => submit(id)));
    for (const result of results) {
      assert.ok(result.status === "rejected");
      assert.ok(result.reason instanceof StoreUnavailableError && result.reason.outcome === "UNKNOWN");
    }
    assert.ok((await submit("c")).ok);
  });

  it("rejects the waiting commands when the engine fails before it takes any", async () => {
    const commits = new GroupCommit({
      run: async () => {
        throw new StoreUnavailableError("cannot begin", "NOT_APPLIED");
      },
      limits: LIMITS,
      wallClock: Date.now,
      onTrouble: () => undefined,
    });
    const results = await Promise.allSettled(names("u", 100).map((id) => commits.submit(settleUser(id))));
    assert.ok(results.every(({ status }) => status === "rejected"));
  });

  it("finishes what it accepted before it closes, and refuses the rest", async () => {
    const { commits, submit } = record();
    const waiting = names("u", 100).map((id) => submit(id));
    const closed = commits.close();
    await assert.rejects(submit("late"), { name: "StoreUnavailableError", outcome: "NOT_APPLIED" });
    await closed;
    assert.deepEqual(tally(await Promise.all(waiting)), { OK: 100 });
  });

  describe("while the engine waits for room", () => {
    /** An engine that cannot begin before it is let, and then fails or goes on. */
    function held(now: () => number, fail?: Error) {
      let letGo = (): void => undefined;
      const room = new Promise<void>((resolve) => {
        letGo = resolve;
      });
      const run: RunBatch = async (take) => {
        await room;
        if (fail !== undefined) throw fail;
        const outcomes: Outcome[] = [];
        for (let command = take(); command !== undefined; command = take()) outcomes.push(accepted(command));
        return outcomes;
      };
      const limits = { ...LIMITS, batchMs: 1 };
      const commits = new GroupCommit({ run, limits, wallClock: now, onTrouble: () => undefined });
      return { commits, letGo: () => letGo() };
    }

    it("rejects all that waited at once when there is none", async () => {
      const { commits, letGo } = held(() => 0, new StoreUnavailableError("full", "NOT_APPLIED"));
      const waiting = names("u", 300).map((id) => commits.submit(settleUser(id)));
      setTimeout(letGo, 20);
      const results = await Promise.allSettled(waiting);
      assert.ok(results.every((result) => result.status === "rejected"));
    });

    it("drops a command whose deadline passes meanwhile, and takes a full batch of the others", async () => {
      let now = 0;
      const { commits, letGo } = held(() => now);
      const late = commits.submit(settleUser("late"), { deadlineTime: 500 });
      const others = names("u", 60).map((id) => commits.submit(settleUser(id), { deadlineTime: 5_000 }));
      setTimeout(() => {
        now = 1_000;
        letGo();
      }, 20);
      const outcome = await late;
      assert.ok(!outcome.ok && outcome.refusal.reason === "DEADLINE_PASSED");
      await Promise.all(others);
      // A batch lasts 1 ms of real time: would it have begun with the waiting, each command had one of its own.
      assert.ok(commits.counts.batches < 20, `${commits.counts.batches} batches`);
    });
  });
});
