/** Mixed load over three replicas for as long as the scale says: memory and latency stay flat. */
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { describe, type TestContext, test } from "node:test";
import { Factor } from "../../../gen/lockkeeper/resource/v1/factor_pb.ts";
import { AttemptOutcome } from "../../../gen/lockkeeper/signin/v1/sign_in_service_pb.ts";
import { startBalancer } from "../../support/balancer.ts";
import { noPostgres, startPostgres } from "../../support/postgres.ts";
import { assertWholeHistory } from "../../support/postgres-history.ts";
import { type Random, seededRandom } from "../../support/random.ts";
import { residentMb } from "../../support/resident.ts";
import { SCALE, scaled } from "../../support/scale.ts";
import { ADMIN_KEY, clientsOf, spawnService } from "../../support/service.ts";

const SECONDS = scaled({ quick: 4, full: 6, soak: 600 });
const REPLICAS = 3;
const CONNECTIONS = 6;
const CALLERS = 4;
/** Windows that are compared, from the end of the second one on: caches fill before. */
const WINDOWS = 6;
const GROWTH_MB_MAX = 96;
/** The 99th percentile of the last window may be so many times that of the second one. */
const LATENCY_RATIO_MAX = 2;

type Clients = ReturnType<typeof clientsOf>;

/** What an application does: most of it asks, some of it changes. */
function nextCall({ users, sessions, signIns }: Clients, random: Random, tokens: string[]): () => Promise<unknown> {
  const userId = `user-${random.below(1_000)}`;
  const die = random.below(100);
  if (die < 40) return () => signIns.checkSignIn({ userId, factor: Factor.PASSWORD });
  if (die < 70 && tokens.length > 0) {
    return () => sessions.verifySession({ key: { case: "token", value: random.pick(tokens) } });
  }
  if (die < 80) {
    return async () => {
      const { token } = await sessions.createSession({ userId });
      if (tokens.length < 1_000) tokens.push(token);
      else tokens[random.below(tokens.length)] = token;
    };
  }
  if (die < 88) {
    return async () => {
      const attemptId = randomUUID();
      const subject = { subject: { case: "userId", value: userId } } as const;
      const { admitted } = await signIns.beginAttempt({ attemptId, subject, factor: Factor.PASSWORD });
      const outcome = random.below(4) === 0 ? AttemptOutcome.FAILED : AttemptOutcome.SUCCEEDED;
      if (admitted) await signIns.completeAttempt({ attemptId, outcome });
    };
  }
  if (die < 92) return () => users.listUsers({ pageSize: 20 });
  if (die < 96) return () => users.lockUser({ userId, expiry: { case: "duration", value: { seconds: 1n, nanos: 0 } } });
  return () => users.unlockUser({ userId });
}

async function run(t: TestContext, path: string): Promise<void> {
  const random = seededRandom(t);
  const replicas = await Promise.all(Array.from({ length: REPLICAS }, () => spawnService(t, { path })));
  const { url } = await startBalancer(
    t,
    replicas.map((replica) => replica.url),
  );
  const [first, ...others] = Array.from({ length: CONNECTIONS }, () => clientsOf(url, ADMIN_KEY));
  assert.ok(first !== undefined);
  const ids = Array.from({ length: 1_000 }, (_, index) => `user-${index}`);
  await Promise.all(ids.map((userId) => first.users.createUser({ userId })));
  const begin = performance.now();
  const windowMs = (SECONDS * 1_000) / WINDOWS;
  const latencies: number[][] = Array.from({ length: WINDOWS }, () => []);
  const tokens: string[] = [];
  const faults = new Map<string, number>();
  const call = async (clients: Clients): Promise<void> => {
    for (;;) {
      const at = performance.now();
      const window = latencies[Math.floor((at - begin) / windowMs)];
      if (window === undefined) return;
      // Refusals are part of the load; the service's own faults are none.
      await nextCall(clients, random, tokens)().catch((error: unknown) => {
        const text = String(error);
        if (/\[(?:unavailable|internal|unknown|deadline_exceeded|data_loss)\]/.test(text)) {
          faults.set(text, (faults.get(text) ?? 0) + 1);
        }
      });
      window.push(performance.now() - at);
    }
  };
  const load = [first, ...others].flatMap((clients) => Array.from({ length: CALLERS }, () => call(clients)));
  const memory: (readonly (number | undefined)[])[] = [];
  const timer = setInterval(() => memory.push(replicas.map(residentMb)), windowMs);
  await Promise.all(load);
  clearInterval(timer);
  memory.push(replicas.map(residentMb));
  const figures = latencies.map((window) => ({
    calls: window.length,
    p50: quantile(window, 0.5),
    p99: quantile(window, 0.99),
  }));
  for (const [index, { calls, p50, p99 }] of figures.entries()) {
    const perSecond = Math.round((calls * 1_000) / windowMs);
    const held = (memory[index] ?? memory.at(-1) ?? []).join(", ");
    t.diagnostic(`${index + 1}/${WINDOWS}: ${perSecond} calls/s, p50 ${p50} ms, p99 ${p99} ms, ${held} MB`);
  }
  assert.deepEqual([...faults], []);
  for (const { stderr } of replicas) assert.doesNotMatch(stderr(), / error /);
  // A short run ends before caches are full, so that its figures say nothing.
  if (SCALE !== "soak") return;
  const [warm, end] = [memory[1] ?? [], memory.at(-1) ?? []];
  for (const [index, mb] of end.entries()) {
    assert.ok((mb ?? 0) - (warm[index] ?? 0) < GROWTH_MB_MAX, `memory grew from ${warm} to ${end} MB`);
  }
  const [before, after] = [figures[1]?.p99 ?? 0, figures.at(-1)?.p99 ?? 0];
  assert.ok(after <= before * LATENCY_RATIO_MAX, `the 99th percentile grew from ${before} to ${after} ms`);
}

function quantile(values: readonly number[], part: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return Math.round((sorted[Math.floor(sorted.length * part)] ?? 0) * 10) / 10;
}

describe("a mixed load over three replicas", { skip: (await noPostgres()) ?? false }, () => {
  test(`stays as it is for ${SECONDS} s`, async (t) => {
    const server = await startPostgres(t);
    const path = await server.createDatabase(t);
    await run(t, path);
    await assertWholeHistory(path);
  });
});
