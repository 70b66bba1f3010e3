/** kill -9 at random moments under load: what was acknowledged is there, what was refused is not, nothing is half. */
import assert from "node:assert/strict";
import { copyFile, readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { toJsonString } from "@bufbuild/protobuf";
import Database from "better-sqlite3";
import { type Event, EventSchema } from "../../gen/lockkeeper/event/v1/event_pb.ts";
import { verifyChain } from "../../src/store/log/verify-chain.ts";
import { chainOf } from "../../src/store/sqlite/offline/chain-rows.ts";
import { verifyFile } from "../../src/store/sqlite/offline/verify-database.ts";
import { verifyUserRows } from "../store/support/verify-rows.ts";
import { answersOf, assertLogged, changeUsers, type Ledger, type LoggedRequest, newLedger } from "../support/ledger.ts";
import { type Random, seededRandom } from "../support/random.ts";
import { assertRefused } from "../support/refusals.ts";
import { scaled } from "../support/scale.ts";
import { ADMIN_KEY, type Child, clientsOf, ended, spawnService, temporaryFolder } from "../support/service.ts";
import { until } from "../support/until.ts";

const KILLS = scaled({ quick: 10, soak: 200 });
const CONCURRENT_CALLS = 32;
const ANSWERS_MAX = 800;
/** Makes each step of the eraser end after a few rows: four steps come before the answer. */
const FAST_CLOCK = `data:text/javascript,let ahead = 0;
  const { performance: clock } = globalThis;
  const now = clock.now.bind(clock);
  clock.now = () => now() + (ahead += 5);`;
const SECRET = "Lovelace";

test(`P21 every acknowledged change survives ${KILLS} kills, no refused one does, and none is half`, async (t) => {
  const random = seededRandom(t);
  const path = join(await temporaryFolder(t), "lockkeeper.db");
  const ledger = newLedger();
  for (let kill = 0; kill < KILLS; kill++) {
    const child = await spawnService(t, { path });
    await killUnderLoad(child, random, ledger);
    await assertWhole(path, ledger);
  }
  t.diagnostic(
    `${KILLS} kills: ${ledger.acknowledged.size} acknowledged, ${ledger.refused.size} refused, ${ledger.unknown.size} cut off`,
  );
  assert.ok(ledger.acknowledged.size > KILLS, "the load wrote too little to show anything");
  assert.ok(ledger.unknown.size > 0, "no kill met a call under way");
});

async function killUnderLoad(child: Child, random: Random, ledger: Ledger): Promise<void> {
  const clients = clientsOf(child.url, ADMIN_KEY);
  const killed = new AbortController();
  const callers = Array.from({ length: CONCURRENT_CALLS }, () =>
    changeUsers(clients, ledger, killed.signal, { random }),
  );
  // The first calls of a process are slow: the moment is drawn in answers, then in milliseconds.
  const answersBefore = answersOf(ledger);
  const answers = random.below(ANSWERS_MAX);
  while (answersOf(ledger) - answersBefore < answers) await delay(1);
  await delay(random.below(20));
  child.process.kill("SIGKILL");
  killed.abort();
  assert.equal(await ended(child), "SIGKILL", child.stderr());
  await Promise.all(callers);
}

/** Looks at the file itself, as the next start will find it. */
async function assertWhole(path: string, ledger: Ledger): Promise<void> {
  // A copy: opening the file itself would leave the next start no log to recover.
  const copy = `${path}.copy`;
  for (const suffix of ["", "-wal"]) await copyFile(path + suffix, copy + suffix);
  const database = new Database(copy);
  try {
    assert.deepEqual((await verifyChain(chainOf(database))).faults, []);
    assert.deepEqual((await verifyUserRows(database)).faults, []);
    const rows = database
      .prepare<[], LoggedRequest>(
        "SELECT user_id, sequence, request_id FROM events WHERE user_id IS NOT NULL ORDER BY position",
      )
      .all();
    assertLogged(rows, ledger);
  } finally {
    database.close();
  }
}

test("a log that is deleted under the service makes it not ready, and kill -9 loses nothing", async (t) => {
  const path = join(await temporaryFolder(t), "lockkeeper.db");
  const child = await spawnService(t, { path });
  const { users } = clientsOf(child.url, ADMIN_KEY);
  for (let index = 0; index < 20; index++) await users.createUser({ userId: `user-${index}` });
  await rm(`${path}-wal`);
  await until(async () => (await fetch(`${child.url}/readyz`)).status === 503, "a service that is not ready");
  // While a checkpoint runs the log cannot be saved: the service says "put it back", and tries again at each call.
  const saved = "every acknowledged change is in the database file: restart the service";
  await until(async () => {
    await assertRefused(users.lockUser({ userId: "user-1" }), "Unavailable", "STORE_UNAVAILABLE");
    return (child.stdout() + child.stderr()).includes(saved);
  }, "the log in the database file");
  child.process.kill("SIGKILL");
  await ended(child);
  const again = await spawnService(t, { path });
  const { users: after } = clientsOf(again.url, ADMIN_KEY);
  const left = await allPages(async (pageToken) => {
    const { users: page, nextPageToken } = await after.listUsers({ pageToken });
    return { rows: page, nextPageToken };
  });
  assert.equal(left.length, 20);
  again.process.kill("SIGTERM");
  await ended(again);
});

test("an erasure of a long history that kill -9 interrupts goes on after the next start", async (t) => {
  const path = join(await temporaryFolder(t), "lockkeeper.db");
  const child = await spawnService(t, { path, nodeArguments: ["--import", FAST_CLOCK] });
  const { users } = clientsOf(child.url, ADMIN_KEY);
  const userId = "ann";
  await users.createUser({ userId, profile: { displayName: SECRET } });
  const updateMask = { paths: ["profile.display_name"] };
  const changes = Array.from({ length: 300 }, (_, index) =>
    users.updateUser({ userId, profile: { displayName: `${SECRET} ${index}` }, updateMask }),
  );
  await Promise.all(changes);
  await users.deleteUser({ userId, erase: true });
  child.process.kill("SIGKILL");
  await ended(child);
  assert.ok(valuesIn(path) > 0, "the kill came in the middle");
  const again = await spawnService(t, { path });
  const events: readonly Event[] = await allPages(async (pageToken) => {
    const asked = { userId, pageSize: 1000, pageToken, showDeleted: true };
    const page = await clientsOf(again.url, ADMIN_KEY).users.listUserEvents(asked);
    return { rows: page.events, nextPageToken: page.nextPageToken };
  });
  assert.deepEqual(
    [events.length, events.some((event) => toJsonString(EventSchema, event).includes(SECRET))],
    [302, false],
  );
  await until(() => valuesIn(path) === 0, "the end of the erasure");
  again.process.kill("SIGTERM");
  await ended(again);
  const verified = await verifyFile(path);
  assert.deepEqual([verified.users, (await readFile(path, "latin1")).includes(SECRET)], [1, false]);
});

interface ReadPage<R> {
  readonly rows: readonly R[];
  readonly nextPageToken: string;
}

/** Reads a list to its end: a service that has just begun on a busy machine answers a part of it. */
async function allPages<R>(read: (pageToken: string) => Promise<ReadPage<R>>): Promise<readonly R[]> {
  const { rows, nextPageToken } = await read("");
  let [all, token] = [rows, nextPageToken];
  while (token !== "") {
    const page = await read(token);
    all = [...all, ...page.rows];
    token = page.nextPageToken;
  }
  return all;
}

/** Returns how many events of a database have personal values. */
function valuesIn(path: string): number {
  const database = new Database(path, { readonly: true });
  const count = database.prepare<[], number>("SELECT count(*) FROM event_private").pluck().get() ?? 0;
  database.close();
  return count;
}
