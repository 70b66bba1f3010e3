/** Measures how long a writer waits on PostgreSQL while users with many sessions, attempts and events are erased. */
import { setTimeout as sleep } from "node:timers/promises";
import { parseArgs } from "node:util";
import { openPostgresStore, type PostgresStore } from "../src/store/postgres/postgres-store.ts";
import { record } from "../test/store/support/attempts.ts";
import * as commands from "../test/store/support/commands.ts";
import { resourceOf } from "../test/store/support/outcomes.ts";
import { defer } from "../test/support/cleanup.ts";
import type { PostgresServer } from "../test/support/postgres.ts";
import { startServer as startPostgres } from "./postgres/server.ts";
import { type Sample, sampleOf } from "./support/load.ts";
import { spread } from "./support/report.ts";
import { conditionsOf, writeSection } from "./support/results.ts";
import { run, scope } from "./support/scope.ts";

const { values: flags } = parseArgs({
  options: {
    rounds: { type: "string", default: "3" },
    /** Of writing without an erasure, in each round. */
    seconds: { type: "string", default: "4" },
    /** Sessions, and attempts, that each erased user has, and changes of its history. */
    rows: { type: "string", default: "20000" },
    changes: { type: "string", default: "2000" },
    /** Users that are erased at a time. */
    users: { type: "string", default: "1" },
    /** Milliseconds between two changes of the writer. */
    every: { type: "string", default: "5" },
    write: { type: "boolean", default: false },
  },
});
const ROUNDS = Number(flags.rounds);
const SECONDS = Number(flags.seconds);
const ROWS = Number(flags.rows);
const CHANGES = Number(flags.changes);
const USERS = Number(flags.users);
const EVERY_MS = Number(flags.every);
const WRITTEN_USERS = 100;
const SETTLE_MS = 1_000;

/** A sample with its slowest call. */
type Waits = Sample & { readonly maxMs: number };

await run(main);

async function main(): Promise<void> {
  const server = await startPostgres(scope);
  const store = await openPostgresStore({
    url: server.url("postgres"),
    prepare: true,
    connections: 10,
    clock: Date.now,
  });
  defer(scope, () => store.close());
  await make(server, store);
  const rounds = { without: [] as Waits[], during: [] as Waits[], seconds: [] as number[] };
  for (let round = 0; round < ROUNDS; round++) {
    const end = performance.now() + SECONDS * 1_000;
    rounds.without.push(await write(store, () => performance.now() >= end));
    const began = performance.now();
    let isErased = false;
    const erasing = eraseAll(server, store, round).finally(() => {
      isErased = true;
    });
    rounds.during.push(await write(store, () => isErased));
    await erasing;
    rounds.seconds.push((performance.now() - began) / 1_000);
    await sleep(SETTLE_MS);
  }
  publish(rounds);
}

function erasedUser(round: number, index: number): string {
  return `erased-${round}-${index}`;
}

async function make(server: PostgresServer, store: PostgresStore): Promise<void> {
  const done = async (command: Parameters<typeof store.execute>[0]) => resourceOf(await store.execute(command));
  await done(commands.createOrganization());
  await Promise.all(Array.from({ length: WRITTEN_USERS }, (_, index) => done(commands.createUser(`user-${index}`))));
  for (let round = 0; round < ROUNDS; round++) {
    for (let index = 0; index < USERS; index++) await makeErased(store, erasedUser(round, index));
  }
  const more = (table: string, key: string) =>
    `INSERT INTO ${table} SELECT (jsonb_populate_record(t, jsonb_build_object('id', t.id || '-' || g${key}))).*
      FROM ${table} AS t, generate_series(2, ${ROWS}) AS g`;
  await server.query(more("sessions", ", 'token_hash', md5(t.id || ' ' || g)"));
  await server.query(more("attempts", ""));
  await server.query("VACUUM (ANALYZE)");
  await server.query("CHECKPOINT");
}

async function makeErased(store: PostgresStore, userId: string): Promise<void> {
  const note = "n".repeat(100);
  resourceOf(await store.execute(commands.createUser(userId, { note, profile: { username: userId } })));
  const changes = Array.from({ length: CHANGES / 2 }, () => [
    store.execute(commands.lockUser(userId, { note })),
    store.execute(commands.unlockUser(userId, { note })),
  ]);
  for (const outcome of await Promise.all(changes.flat())) resourceOf(outcome);
  const session = { sessionId: userId, tokenHash: userId, idleTimeoutMs: null, userId, attributes: {} } as const;
  const from = { userAgent: "Mozilla/5.0 (X11; Linux x86_64)", ip: "192.0.2.77", context: commands.context() } as const;
  resourceOf(await store.execute({ type: "CreateSession", ...session, ...from, expiry: { kind: "default" } }));
  resourceOf(await store.execute(record({ userId })));
}

async function eraseAll(server: PostgresServer, store: PostgresStore, round: number): Promise<void> {
  const ids = Array.from({ length: USERS }, (_, index) => erasedUser(round, index));
  const erased = ids.map((id) => store.execute(commands.deleteUser(id, { erase: true })));
  for (const outcome of await Promise.all(erased)) resourceOf(outcome);
  const open = "SELECT count(*)::int AS count FROM erasures WHERE end_time IS NULL";
  while ((await server.query<{ count: number }>(open))[0]?.count !== 0) await sleep(100);
}

/** One writer sends changes when they are due, whether or not earlier ones are answered: a wait behind a stall counts. */
async function write(store: PostgresStore, isOver: () => boolean): Promise<Waits> {
  const times: number[] = [];
  const sent: Promise<void>[] = [];
  const change = async (index: number, due: number): Promise<void> => {
    const command = commands.lockUser(`user-${index % WRITTEN_USERS}`, { ifAlready: "restart" });
    resourceOf(await store.execute(command));
    times.push(performance.now() - due);
  };
  const begin = performance.now();
  for (let due = begin; !isOver(); await sleep(1)) {
    for (; due <= performance.now(); due += EVERY_MS) sent.push(change(sent.length, due));
  }
  await Promise.all(sent);
  const sorted = Float64Array.from(times).sort();
  return { ...sampleOf(sorted, (performance.now() - begin) / 1_000), maxMs: sorted.at(-1) ?? 0 };
}

function publish({
  without,
  during,
  seconds,
}: {
  readonly without: readonly Waits[];
  readonly during: readonly Waits[];
  readonly seconds: readonly number[];
}): void {
  const row = (name: string, rounds: readonly Waits[]): readonly string[] => [
    name,
    ...(["p50Ms", "p99Ms", "maxMs"] as const).map((each) =>
      spread(
        rounds.map((round) => round[each]),
        1,
      ),
    ),
  ];
  const table = [
    [`a change each ${EVERY_MS} ms`, "p50 ms", "p99 ms", "longest ms"],
    ["---", "---", "---", "---"],
    row("without an erasure", without),
    row("during it (longest: aim 50)", during),
  ];
  const text = `## Erasure of ${USERS === 1 ? "a user" : `${USERS} users`}, PostgreSQL

Made by \`npm run bench -- erasure --write${USERS === 1 ? "" : ` --users ${USERS} --rows ${ROWS} --changes ${CHANGES}`}\` on ${conditionsOf()}.
${ROUNDS} rounds; a change each ${EVERY_MS} ms, first for ${SECONDS} s without an erasure, then while ${USERS === 1 ? "a user" : `${USERS} users`} with ${ROWS} sessions, ${ROWS} attempts
and ${CHANGES} changes ${USERS === 1 ? "is" : "each are"} erased, which takes ${spread(seconds, 1)} s. The store, the load and PostgreSQL share the machine.

${table.map((cells) => `| ${cells.join(" | ")} |`).join("\n")}
`;
  process.stdout.write(`\n${text}`);
  if (flags.write) writeSection(text);
}
