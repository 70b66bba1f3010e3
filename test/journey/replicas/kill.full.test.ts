/** Replicas that are killed with -9 at random moments under load, and start again: the log is one, and watched whole. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { type Seen, WATCHES, watchWithKills } from "../../service/support/watchers.ts";
import { startBalancer } from "../../support/balancer.ts";
import { answersOf, assertLogged, changeUsers, newLedger } from "../../support/ledger.ts";
import { noPostgres, sharedPostgres } from "../../support/postgres.ts";
import { assertWholeHistory } from "../../support/postgres-history.ts";
import { seededRandom } from "../../support/random.ts";
import { scaled } from "../../support/scale.ts";
import { ADMIN_KEY, type Child, clientsOf, ended, spawnService } from "../../support/service.ts";

const REPLICAS = 3;
const KILLS = scaled({ quick: 4, full: 6, soak: 300 });
/** Callers of each of so many connections. */
const CONNECTIONS = 4;
const CALLERS = 8;
const ANSWERS_MAX = 600;
/** Messages that a watcher gets before its connection is broken. */
const MESSAGES_MAX = 30;
/** The last event of all is the creation of this user. */
const LAST = "last";

const isDone = (seen: readonly Seen[]): boolean => seen.at(-1)?.userId === LAST;

describe("replicas that are killed", { skip: (await noPostgres()) ?? false }, () => {
  test(`P30 lose, double and invent nothing in ${KILLS} kills, nor does a watcher of any of them`, async (t) => {
    const random = seededRandom(t);
    const path = await (await sharedPostgres()).createDatabase(t);
    const start = (): Promise<Child> =>
      spawnService(t, { path, environment: { LOCKKEEPER_DATABASE_CONNECTIONS: "5" } });
    const replicas = await Promise.all(Array.from({ length: REPLICAS }, start));
    const balancer = await startBalancer(
      t,
      replicas.map(({ url }) => url),
    );
    let lives = 0;
    // Each life is at the next replica.
    const urlOf = (life: number): string => {
      lives++;
      return replicas[life % REPLICAS]?.url ?? assert.fail();
    };
    const kills = { isDone, killAfter: () => random.below(MESSAGES_MAX), mayBreak: true };
    const watching = Promise.all(Object.values(WATCHES).map((watch) => watchWithKills(watch, urlOf, ADMIN_KEY, kills)));
    // Awaited at the end.
    watching.catch(() => undefined);
    const ledger = newLedger();
    const stop = new AbortController();
    const load = Array.from({ length: CONNECTIONS }, () => clientsOf(balancer.url, ADMIN_KEY)).flatMap((clients) =>
      Array.from({ length: CALLERS }, () => changeUsers(clients, ledger, stop.signal, { random, repeats: true })),
    );
    for (let kill = 0; kill < KILLS; kill++) {
      const before = answersOf(ledger);
      const answers = random.below(ANSWERS_MAX);
      while (answersOf(ledger) - before < answers) await delay(1);
      const index = random.below(REPLICAS);
      const killed = replicas[index] ?? assert.fail();
      killed.process.kill("SIGKILL");
      assert.equal(await ended(killed), "SIGKILL", killed.stderr());
      // While the others go on.
      const replica = await start();
      replicas[index] = replica;
      balancer.use(replicas.map(({ url }) => url));
    }
    stop.abort();
    await Promise.all(load);
    for (const { process, stderr } of replicas) assert.equal(process.exitCode, null, stderr());
    await clientsOf(balancer.url, ADMIN_KEY).users.createUser({ userId: LAST });
    const history = await assertWholeHistory(path);
    assertLogged(
      history.filter(({ user_id }) => user_id !== LAST),
      ledger,
    );
    const ofUsers = history.map(({ user_id, sequence }) => `${user_id} ${sequence}`);
    assert.equal(ofUsers.at(-1), `${LAST} 1`);
    for (const [index, seen] of (await watching).entries()) {
      const shown = seen.filter(({ userId }) => userId !== "").map(({ userId, sequence }) => `${userId} ${sequence}`);
      assert.deepEqual(shown, ofUsers, Object.keys(WATCHES)[index]);
    }
    t.diagnostic(
      `${ofUsers.length} events of users, seen by each of ${Object.keys(WATCHES).length} watchers in ${lives} lives`,
    );
    const { acknowledged, refused, unknown } = ledger;
    t.diagnostic(`${acknowledged.size} acknowledged, ${refused.size} refused, ${unknown.size} unknown at the end`);
    assert.ok(acknowledged.size > KILLS * 10, "the load wrote too little to show anything");
  });
});
