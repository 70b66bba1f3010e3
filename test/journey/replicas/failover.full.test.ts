/** The primary dies under load, and its synchronous standby takes its place: replicas find it, and nothing is lost. */
import { describe, type TestContext, test } from "node:test";
import { assertLogged, changeUsers, newLedger } from "../../support/ledger.ts";
import { noPostgres, type PostgresServer, startPostgres } from "../../support/postgres.ts";
import { assertWholeHistory } from "../../support/postgres-history.ts";
import { type Random, seededRandom } from "../../support/random.ts";
import { scaled } from "../../support/scale.ts";
import { startReplicas } from "../../support/service.ts";
import { until } from "../../support/until.ts";

const ROUNDS = scaled({ quick: 1, full: 2, soak: 20 });
const REPLICAS = 3;
/** Callers of each replica, which stay with it. */
const CALLERS = 8;
/** Changes before the primary is killed, and after the failover, at least. */
const CHANGES = { least: 100, random: 400 } as const;

interface Pair {
  readonly primary: PostgresServer;
  readonly standby: PostgresServer;
  /** Of the database, on whichever host takes writes. */
  readonly url: string;
}

/** A primary that acknowledges nothing that its standby does not have on disk. */
async function startPair(t: TestContext): Promise<Pair> {
  const primary = await startPostgres(t);
  const database = await primary.createDatabase(t);
  const standby = await startPostgres(t, { standbyOf: primary, standbyName: "second" });
  await primary.configure({ synchronous_standby_names: "second" });
  await until(
    async () => (await primary.query("SELECT 1 FROM pg_stat_replication WHERE sync_state = 'sync'")).length === 1,
    "a synchronous standby",
  );
  return {
    primary,
    standby,
    url: database.replace(`:${primary.port}/`, `:${primary.port},127.0.0.1:${standby.port}/`),
  };
}

interface Round {
  /** The longest time without an acknowledged change. */
  readonly pause: string;
  readonly changes: number;
}

/** Kills the primary under load and promotes the standby; asserts that the history is what the callers got. */
async function failOver(t: TestContext, random: Random): Promise<Round> {
  const { primary, standby, url } = await startPair(t);
  const { replicas } = await startReplicas(t, REPLICAS, { path: url });
  const ledger = newLedger();
  const stop = new AbortController();
  const load = replicas.flatMap((replica) =>
    Array.from({ length: CALLERS }, () => changeUsers(replica, ledger, stop.signal, { random, repeats: true })),
  );
  const moreChanges = (count: number): Promise<void> => {
    const { size } = ledger.acknowledged;
    return until(() => ledger.acknowledged.size - size >= count, `${count} changes`);
  };
  await moreChanges(CHANGES.least + random.below(CHANGES.random));
  await primary.kill();
  await standby.promote();
  await moreChanges(CHANGES.least);
  stop.abort();
  await Promise.all(load);
  for (const { url: replica, log } of replicas) {
    await until(async () => (await fetch(`${replica}/readyz`)).status === 200, `a replica that is ready:\n${log()}`);
  }
  assertLogged(await assertWholeHistory(url), ledger);
  for (const replica of replicas) await replica.stop();
  await standby.stop("immediate");
  return { pause: ledger.pauses.longest(), changes: ledger.acknowledged.size };
}

describe("a failover", { skip: (await noPostgres()) ?? false }, () => {
  test(`loses and doubles nothing, in ${ROUNDS} rounds`, async (t) => {
    const random = seededRandom(t);
    for (let round = 1; round <= ROUNDS; round++) {
      const { pause, changes } = await failOver(t, random);
      t.diagnostic(`round ${round}: ${changes} changes acknowledged, ${pause} without one`);
    }
  });
});
