/** Measures what the summaries of the log, which are written behind the writer, cost a durable mix of locks and unlocks. */
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import Database from "better-sqlite3";
import { openPostgresStore } from "../src/store/postgres/postgres-store.ts";
import { openSqliteStore } from "../src/store/sqlite/sqlite-store.ts";
import type { Store } from "../src/store/store.ts";
import { SWEEP_INTERVAL_MS } from "../src/store/upkeep/sweeper.ts";
import * as commands from "../test/store/support/commands.ts";
import { resourceOf } from "../test/store/support/outcomes.ts";
import { defer } from "../test/support/cleanup.ts";
import { copyUsers, startServer } from "./postgres/server.ts";
import { createLanes, type Lanes } from "./support/lanes.ts";
import type { Sample } from "./support/load.ts";
import { makeUsers, userIdOf } from "./support/make-users.ts";
import { spread } from "./support/report.ts";
import { conditionsOf, writeSection } from "./support/results.ts";
import { run, scope } from "./support/scope.ts";

const { values: flags } = parseArgs({
  options: {
    users: { type: "string", default: "100000" },
    rounds: { type: "string", default: "3" },
    /** Of load in each round of each side. */
    seconds: { type: "string", default: "5" },
    /** On a PostgreSQL that is started; else on SQLite. */
    postgres: { type: "boolean", default: false },
    write: { type: "boolean", default: false },
  },
});
const USERS = Number(flags.users);
const SECONDS = Number(flags.seconds);
const LANES = 128;
const WARM_UP_SECONDS = 3;
/** The sweeper writes the summaries. Nothing else is due here, so without it there is all but them. */
const NEVER_MS = 3_600_000;

interface Side {
  readonly lanes: Lanes;
  readonly rounds: Sample[];
  /** Counts the summaries that are written. */
  readonly count: () => Promise<number>;
}

await run(main);

async function main(): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "lockkeeper-bench-"));
  defer(scope, () => rmSync(folder, { recursive: true }));
  const open = flags.postgres ? await onPostgres(folder) : await onSqlite(folder);
  const beside = await open("beside", SWEEP_INTERVAL_MS);
  const without = await open("without", NEVER_MS);
  for (const { lanes } of [beside, without]) await lanes.run(WARM_UP_SECONDS);
  for (let round = 0; round < Number(flags.rounds); round++) {
    // Each is first in every other round.
    const order = round % 2 === 0 ? [beside, without] : [without, beside];
    for (const side of order) side.rounds.push(await side.lanes.run(SECONDS));
  }
  publish(beside, without, [await beside.count(), await without.count()]);
}

type Open = (name: string, sweepIntervalMs: number) => Promise<Side>;

async function onSqlite(folder: string): Promise<Open> {
  return async (name, sweepIntervalMs) => {
    const path = join(folder, name, "lockkeeper.db");
    mkdirSync(join(folder, name));
    await makeUsers(path, USERS);
    const store = await openSqliteStore({ path, clock: Date.now, sweepIntervalMs });
    return sideOf(store, async () => {
      const database = new Database(path, { readonly: true });
      const count = database.prepare<[], number>("SELECT count(*) FROM event_summaries").pluck().get() ?? 0;
      database.close();
      return count;
    });
  };
}

async function onPostgres(folder: string): Promise<Open> {
  const server = await startServer(scope);
  const path = join(folder, "lockkeeper.db");
  await makeUsers(path, USERS);
  return async (name, sweepIntervalMs) => {
    await copyUsers(server, name, path);
    const url = server.url(name);
    const store = await openPostgresStore({ url, prepare: true, connections: 10, clock: Date.now, sweepIntervalMs });
    return sideOf(store, async () => {
      const rows = await server.query<{ count: number }>("SELECT count(*)::int AS count FROM event_summaries", name);
      return rows[0]?.count ?? 0;
    });
  };
}

function sideOf(store: Store, count: Side["count"]): Side {
  defer(scope, () => store.close());
  const step = async (lane: number, index: number): Promise<void> => {
    const userId = userIdOf((lane + LANES * (index >> 1)) % USERS);
    const command = index % 2 === 0 ? commands.lockUser(userId) : commands.unlockUser(userId);
    resourceOf(await store.execute(command));
  };
  return { lanes: createLanes(LANES, step, () => undefined), rounds: [], count };
}

function publish(beside: Side, without: Side, [written, other]: readonly [number, number]): void {
  const rates = ({ rounds }: Side): readonly number[] => rounds.map(({ calls, seconds }) => calls / seconds);
  const ratios = rates(beside).map((rate, index) => rate / (rates(without)[index] ?? Number.NaN));
  const p99 = ({ rounds }: Side): string =>
    spread(
      rounds.map(({ p99Ms }) => p99Ms),
      1,
    );
  const rows = [
    ["", "median (least to most)", "aim"],
    ["---", "---", "---"],
    ["changes/s without summaries", spread(rates(without), 0), ""],
    ["changes/s with them", spread(rates(beside), 0), ""],
    ["÷", `**${spread(ratios, 2)}**`, "0.95"],
    ["p99 without them, ms", p99(without), ""],
    ["p99 with them, ms", p99(beside), ""],
  ];
  const text = `## Summaries of the log, ${flags.postgres ? "PostgreSQL" : "SQLite"}

Made by \`npm run bench -- summaries --write${flags.postgres ? " --postgres" : ""}\` on ${conditionsOf()}.
${flags.rounds} rounds of ${SECONDS} s for each side, one side after the other, on databases of their own with ${USERS} users; ${LANES} locks and unlocks in flight, on
the store without a wire. The sweeper, which writes the summaries, wrote ${written} on one side, of 1,024 events each, and does not run on the other (${other}).

${rows.map((row) => `| ${row.join(" | ")} |`).join("\n")}
`;
  process.stdout.write(`\n${text}`);
  if (flags.write) writeSection(text);
}
