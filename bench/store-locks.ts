/** Measures durable locks per second of the store alone: random users of a large database, no wire. */
import { constants, copyFileSync, existsSync, mkdirSync, renameSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import type { CommandContext, LockUser } from "../src/domain/command.ts";
import { openSqliteStore, type SqliteStore } from "../src/store/sqlite/sqlite-store.ts";
import { makeUsers, userIdOf } from "./support/make-users.ts";

const { values: flags } = parseArgs({
  options: {
    /** How many users the database has. */
    users: { type: "string", default: "10000000" },
    /** Where databases are kept between runs; about 0.9 GB per million users. */
    folder: { type: "string", default: "/tmp/lockkeeper-bench" },
    rounds: { type: "string", default: "7" },
    /** Locks per round. */
    locks: { type: "string", default: "100000" },
    /** Commands in flight, each waiting for its own outcome. */
    inflight: { type: "string", default: "1024" },
    /** Commands in one commit at most. */
    batch: { type: "string", default: "64" },
    /** Chooses the users; the same seed chooses the same. */
    seed: { type: "string", default: `${Date.now() % 1_000_000}` },
    /** Ends after the database is made. */
    "make-only": { type: "boolean", default: false },
  },
});

const CONTEXT: CommandContext = { actor: "key:bench", via: "bench", scope: null, validateOnly: false };

interface Round {
  readonly locksPerSecond: number;
  readonly ok: number;
  /** Processor time of the main thread: other work on the machine does not change it much. */
  readonly cpuMicros: number;
}

const users = Number(flags.users);
const folder = join(flags.folder, `${users}`);
const made = join(folder, "made.db");
const path = join(folder, "run", "lockkeeper.db");
await makeOnce();
if (!flags["make-only"]) await measure();

/** A database that was cut off while it was made does not count: it gets its name at the end. */
async function makeOnce(): Promise<void> {
  if (existsSync(made)) return;
  const making = `${folder}.making`;
  rmSync(making, { recursive: true, force: true });
  mkdirSync(making, { recursive: true });
  const begin = performance.now();
  await makeUsers(join(making, "made.db"), users);
  renameSync(making, folder);
  console.log(`made ${users} users in ${((performance.now() - begin) / 1000).toFixed(0)} s`);
}

async function measure(): Promise<void> {
  const perRound = Number(flags.locks);
  const inflight = Number(flags.inflight);
  const random = randomFrom(Number(flags.seed));
  copyMade();
  console.log(
    `${path}: ${(statSync(path).size / 1e9).toFixed(2)} GB, ${users} users, ${inflight} in flight, seed ${flags.seed}, node ${process.version}`,
  );
  const store = await openSqliteStore({
    path,
    clock: Date.now,
    limits: { batchCommands: Number(flags.batch) },
    // Nothing but the locks is measured.
    sweepIntervalMs: 3_600_000,
    onTrouble: (error) => console.error(error),
  });
  const rounds: Round[] = [];
  let id = Date.now() * 1_000_000;
  for (let number = 1; number <= Number(flags.rounds); number++) {
    const before = { ...store.counts };
    const spentBefore = store.spentMs;
    let walMax = 0;
    const watch = setInterval(() => {
      walMax = Math.max(walMax, statSync(`${path}-wal`, { throwIfNoEntry: false })?.size ?? 0);
    }, 100);
    const round = await runRound(store, perRound, inflight, () =>
      lockUser(userIdOf(Math.floor(random() * users)), id++),
    );
    clearInterval(watch);
    rounds.push(round);
    const batches = store.counts.batches - before.batches;
    const commitMs = store.spentMs.commit - spentBefore.commit;
    const walWaitMs = store.spentMs.walWait - spentBefore.walWait;
    console.log(
      `round ${number}: ${round.locksPerSecond.toFixed(0)} locks/s, ${round.ok} OK, ${(perRound / batches).toFixed(1)} per batch, ` +
        `${round.cpuMicros.toFixed(1)} µs of the main thread each, ${(commitMs / batches).toFixed(2)} ms per commit, ` +
        `${walWaitMs.toFixed(0)} ms waited for the WAL of ${(walMax / 2 ** 20).toFixed(0)} MiB`,
    );
  }
  await store.close();
  rmSync(join(folder, "run"), { recursive: true, force: true });
  report(rounds, perRound);
}

/**
 * Each run begins with the same users, none of them locked. The copy is also in the page cache, like the file of a
 * service that has run for a while.
 */
function copyMade(): void {
  rmSync(join(folder, "run"), { recursive: true, force: true });
  mkdirSync(join(folder, "run"));
  copyFileSync(made, path, constants.COPYFILE_FICLONE);
}

async function runRound(store: SqliteStore, count: number, inflight: number, next: () => LockUser): Promise<Round> {
  let left = count;
  let ok = 0;
  const cpu = process.threadCpuUsage();
  const begin = performance.now();
  const caller = async (): Promise<void> => {
    while (left > 0) {
      left--;
      const outcome = await store.execute(next());
      if (outcome.ok) ok++;
      else throw new Error(`${outcome.refusal.reason}: ${outcome.refusal.message}`);
    }
  };
  await Promise.all(Array.from({ length: inflight }, caller));
  const seconds = (performance.now() - begin) / 1000;
  const { user, system } = process.threadCpuUsage(cpu);
  return { locksPerSecond: ok / seconds, ok, cpuMicros: (user + system) / ok };
}

function lockUser(userId: string, id: number): LockUser {
  return {
    type: "LockUser",
    userId,
    restrictionId: `${id}`,
    // A user may be drawn twice; then it is locked again, which writes as much.
    ifAlready: "restart",
    expiry: { kind: "for", durationMs: 30 * 86_400_000 },
    revokeSessions: false,
    reasonCode: "bench",
    note: "",
    context: CONTEXT,
  };
}

function report(rounds: readonly Round[], perRound: number): void {
  const sorted = rounds.map(({ locksPerSecond }) => locksPerSecond).sort((a, b) => a - b);
  const [lowest = 0] = sorted;
  const highest = sorted.at(-1) ?? 0;
  const median = sorted[Math.floor(sorted.length / 2)] ?? 0;
  console.log(`median ${median.toFixed(0)} locks/s, from ${lowest.toFixed(0)} to ${highest.toFixed(0)}`);
  const wrong = rounds.filter(({ ok }) => ok !== perRound);
  if (wrong.length > 0) throw new Error(`${wrong.length} rounds did not count ${perRound} OK`);
}

/** mulberry32. */
function randomFrom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}
