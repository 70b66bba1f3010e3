/** The simulator itself: bounded, one simulation at a time, and other work runs in between. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { Attempt } from "../../../src/domain/attempt.ts";
import { BUILT_IN_POLICY } from "../../../src/domain/policy.ts";
import { PolicySimulator, type SimulationOptions } from "../../../src/service/operations/policy-simulator.ts";
import type { AttemptQuery, Page } from "../../../src/store/queries.ts";
import { threadCpuMs } from "../../support/cpu-time.ts";
import { HOUR_MS, MINUTE_MS } from "../support/sign-ins.ts";

/**
 * A store of failed attempts 2 ms apart, each open for 10 minutes, of 50 users; none of the organization `nowhere`.
 * `asked` is called with each query.
 */
function storeOf(count: number, asked: (query: AttemptQuery) => void = () => undefined) {
  const attempts = Array.from({ length: count }, (_, i): Attempt => {
    const user = {
      subject: { userId: `user-${i % 50}` },
      organizationId: "default",
      factor: "PASSWORD",
      life: 0,
    } as const;
    const times = { beginTime: 2 * i, endTime: 2 * i + 10 * MINUTE_MS, settleTime: 2 * i + 10 * MINUTE_MS };
    return { id: `${i}`, ...user, ...times, outcome: "FAILED", ip: "", userAgent: "", createdBy: "" };
  });
  return {
    now: async () => HOUR_MS,
    async listAttempts(query: AttemptQuery): Promise<Page<Attempt>> {
      const { organizationId, pageSize, after = "0" } = query;
      asked(query);
      if (organizationId === "nowhere") return { items: [] };
      const end = Number(after) + pageSize;
      return { items: attempts.slice(Number(after), end), ...(end < count ? { next: `${end}` } : {}) };
    },
  };
}

/** `attemptsMax` 0: nothing is refused, so that every attempt is open for its 10 minutes. */
function simulateStore(
  store: ReturnType<typeof storeOf>,
  attemptsMax: number,
  more: Partial<SimulationOptions> = {},
  simulator: PolicySimulator = new PolicySimulator(store),
) {
  const policy = { ...BUILT_IN_POLICY, attemptsMax: { ...BUILT_IN_POLICY.attemptsMax, PASSWORD: attemptsMax } };
  const query = { organizationId: null, startTime: 0, endTime: HOUR_MS };
  return simulator.simulate({ query, policyOf: async () => policy, maxMs: 600_000, ...more });
}

describe("a simulation", () => {
  test("takes seconds for 100,000 attempts at the same time, and lets others have their turn", async () => {
    for (const attemptsMax of [0, 100]) {
      const done = new AbortController();
      let turns = 0;
      let longestMs = 0;
      let last = threadCpuMs();
      const turn = (): void => {
        const now = threadCpuMs();
        longestMs = Math.max(longestMs, now - last);
        last = now;
        turns++;
        if (!done.signal.aborted) setImmediate(turn);
      };
      const store = storeOf(100_000);
      const start = threadCpuMs();
      last = start;
      setImmediate(turn);
      const { attemptCount, lockCount, refusedCount } = await simulateStore(store, attemptsMax);
      done.abort();
      const tookMs = threadCpuMs() - start;
      assert.equal(attemptCount, 100_000);
      // 100 places of each of the 50 fill and lock; all the others would have waited or come too late.
      assert.deepEqual([lockCount, refusedCount], attemptsMax === 0 ? [0, 0] : [50, 95_000]);
      assert.ok(tookMs < 5_000, `it took ${tookMs} ms`);
      assert.ok(turns > tookMs / 50 && longestMs < 250, `${turns} turns in ${tookMs} ms, the longest ${longestMs} ms`);
    }
  });

  test("ends with a refusal when it takes too long, also while it reads attempts that it does not replay", async () => {
    const { listAttempts, now } = storeOf(0);
    const endless = {
      now,
      listAttempts: async (query: AttemptQuery) => ({ ...(await listAttempts(query)), next: "0" }),
    };
    await assert.rejects(simulateStore(endless, 10, { maxMs: 20 }), /the simulation took too long/);
    assert.equal((await simulateStore(storeOf(10), 0)).attemptCount, 10);
  });

  test("is one at a time, in the order of asking; one that fails or that nobody waits for holds up none", async () => {
    const order: string[] = [];
    const gone = AbortSignal.abort(new Error("the caller is gone"));
    const store = storeOf(3_000, ({ organizationId }) => order.push(organizationId ?? ""));
    const simulator = new PolicySimulator(store);
    const ask = (organizationId: string, signal?: AbortSignal) => {
      const query = { organizationId, startTime: 0, endTime: HOUR_MS };
      return simulateStore(store, 10, { query, signal }, simulator).catch((error: unknown) => String(error));
    };
    const answers = await Promise.all([ask("a"), ask("b", gone), ask("c")]);
    assert.deepEqual(order, ["a", "a", "a", "c", "c", "c"]);
    assert.equal(answers[1], "Error: the caller is gone");
    assert.deepEqual(answers[2], answers[0]);
    const large = storeOf(200_001);
    const ofLarge = new PolicySimulator(large);
    const broad = assert.rejects(simulateStore(large, 0, {}, ofLarge), /more than 200000 attempts/);
    const empty = { query: { organizationId: "nowhere", startTime: 0, endTime: HOUR_MS } };
    const { attemptCount } = await simulateStore(large, 0, empty, ofLarge);
    await broad;
    assert.equal(attemptCount, 0);
  });
});
