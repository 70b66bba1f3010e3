/** Measures PostgreSQL: durable changes against pgbench, and reads against SQLite, interleaved; writes bench/results.md. */
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { cpus, tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { UserService } from "../gen/lockkeeper/user/v1/user_service_pb.ts";
import { defer } from "../test/support/cleanup.ts";
import type { PostgresServer } from "../test/support/postgres.ts";
import { type Change, findPgbench, type PgbenchOptions, readChange, runPgbench } from "./postgres/pgbench.ts";
import { copyUsers, positionOf, SETTINGS, serverSeconds, startServer as startPostgres } from "./postgres/server.ts";
import { CHECKED_USER } from "./support/bundled-load.ts";
import { casesFor } from "./support/cases.ts";
import { cpuSeconds } from "./support/cpu-time.ts";
import { http1, lockMixLanes, openSession } from "./support/drives.ts";
import { connectGrpc, type Lanes } from "./support/lanes.ts";
import type { Sample } from "./support/load.ts";
import { checkSample, type Drive, runRound, warmUp } from "./support/load-tools.ts";
import { makeUsers } from "./support/make-users.ts";
import { spread } from "./support/report.ts";
import { writeSection } from "./support/results.ts";
import { run, scope } from "./support/scope.ts";
import { countRefusals, type Running, replicaOn, SERVERS, startServer } from "./support/servers.ts";

const { values: flags } = parseArgs({
  options: {
    users: { type: "string", default: "100000" },
    rounds: { type: "string", default: "5" },
    /** Of load in each round of each side; a whole number. */
    seconds: { type: "string", default: "3" },
    /** `writes`, `reads` or both; each writes its section of bench/results.md. */
    parts: { type: "string", default: "writes,reads" },
    replicas: { type: "string", default: "3" },
  },
});
const USERS = Number(flags.users);
const ROUNDS = Number(flags.rounds);
const SECONDS = Number(flags.seconds);
const REPLICAS = Number(flags.replicas);
const COLUMN = "whole machine";
/** Calls in flight. */
const IN_FLIGHT = [128, 64] as const;
/** As many connections as a replica has by default. */
const REPLICA_CONNECTIONS = 10;
const PGBENCH_CONNECTIONS = [1, 4, REPLICA_CONNECTIONS, 16, 64] as const;
/** Replicas get faster for so long: V8 compiles what runs often. */
const WARM_UP_SECONDS = 10;
/** The databases: that of the replicas, and a copy of it for pgbench. */
const [OURS, THEIRS] = ["lockkeeper", "pgbench"] as const;

/** One round of one side. */
interface Round {
  readonly perSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** Processor time of the replicas for each call, and of all processes of PostgreSQL. */
  readonly ownMicros: number;
  readonly serverMicros: number;
}

interface Side {
  readonly name: string;
  readonly rounds: Round[];
  readonly run: () => Promise<Round>;
  /** Whether it is PostgreSQL's own client, which costs nothing that is ours. */
  readonly isPgbench?: boolean;
}

/** A line of the report: what is divided by what, and the least that issue or docs promise. */
interface Ratio {
  readonly name: string;
  readonly subject: Side;
  readonly peer: Side;
  readonly atLeast?: number;
}

await run(main);

async function main(): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "lockkeeper-bench-"));
  defer(scope, () => rmSync(folder, { recursive: true }));
  const file = join(folder, "file");
  mkdirSync(file);
  await makeUsers(join(file, "lockkeeper.db"), USERS);
  const server = await startPostgres(scope);
  await copyUsers(server, OURS, join(file, "lockkeeper.db"));
  await server.query(`CREATE DATABASE ${THEIRS} TEMPLATE ${OURS}`);
  const parts = flags.parts.split(",");
  if (parts.includes("writes")) publish("changes", server, await measureWrites(server, folder));
  if (parts.includes("reads")) publish("reads", server, await measureReads(server, folder));
}

async function startReplicas(server: PostgresServer, folder: string, count: number): Promise<readonly Running[]> {
  const replicas: Running[] = [];
  for (let index = 0; index < count; index++) {
    const own = mkdtempSync(join(folder, "replica-"));
    const running = await startServer(replicaOn(server.url(OURS)), own, COLUMN);
    defer(scope, () => running.stop());
    replicas.push(running);
  }
  return replicas;
}

/** All replicas stay up for all rounds: one that has no load reads the head twenty times a second. */
async function measureWrites(server: PostgresServer, folder: string): Promise<string> {
  const replicas = await startReplicas(server, folder, REPLICAS);
  const [first] = replicas;
  if (first === undefined) throw new Error("there is no replica");
  const changes = await makeChanges(server, first);
  const program = await findPgbench();
  const pgbench: PgbenchOptions = { program, server, database: THEIRS, users: USERS, changes };
  const warm = lockMixLanes(urlsOf(replicas), USERS, IN_FLIGHT[0]);
  await warm.run(WARM_UP_SECONDS);
  warm.close();
  const counts = REPLICAS === 1 ? [1] : [1, REPLICAS];
  const ours = counts.flatMap((count) =>
    IN_FLIGHT.map((lanes) => {
      const used = replicas.slice(0, count);
      const name = `${count === 1 ? "one replica" : `${count} replicas`}, ${lanes} in flight`;
      return sideOfReplicas(name, server, used, lockMixLanes(urlsOf(used), USERS, lanes));
    }),
  );
  const theirs = PGBENCH_CONNECTIONS.map((connections): Side => {
    const run = (): Promise<Round> =>
      measured({ server, database: THEIRS, run: () => runPgbench(pgbench, connections, SECONDS) });
    return {
      name: `pgbench, ${connections} ${connections === 1 ? "connection" : "connections"}`,
      rounds: [],
      run,
      isPgbench: true,
    };
  });
  await runAll([...ours, ...theirs]);
  const best = theirs.toSorted((a, b) => medianOf(b) - medianOf(a))[0];
  const held = theirs[PGBENCH_CONNECTIONS.indexOf(REPLICA_CONNECTIONS)];
  const subjects = ours.filter(({ name }) => name.includes(`${IN_FLIGHT[0]} in flight`));
  const ratios = subjects.flatMap((subject): readonly Ratio[] =>
    best === undefined || held === undefined
      ? []
      : [
          { name: `÷ as many connections as a replica has (${REPLICA_CONNECTIONS})`, subject, peer: held, atLeast: 2 },
          { name: `÷ the best (${best.name})`, subject, peer: best, atLeast: 1 },
        ],
  );
  return report(
    "Durable LockUser and UnlockUser over gRPC, and the same statements in pgbench",
    [...ours, ...theirs],
    ratios,
  );
}

/** Locks and unlocks a user, and returns what each has left in the database. */
async function makeChanges(server: PostgresServer, { url }: Running): Promise<readonly Change[]> {
  const connections = connectGrpc(url, 1);
  const changes: Change[] = [];
  try {
    await connections.call(0, UserService.method.lockUser, { userId: CHECKED_USER });
    changes.push(await readChange(server, OURS));
    await connections.call(0, UserService.method.unlockUser, { userId: CHECKED_USER });
    changes.push(await readChange(server, OURS));
    return changes;
  } finally {
    connections.close();
  }
}

function sideOfReplicas(name: string, server: PostgresServer, replicas: readonly Running[], lanes: Lanes): Side {
  defer(scope, () => lanes.close());
  return {
    name,
    rounds: [],
    run: () => measured({ server, database: OURS, replicas, run: () => lanes.run(SECONDS) }),
  };
}

/** Reads of one replica against those of a service on SQLite with the same users. */
async function measureReads(server: PostgresServer, folder: string): Promise<string> {
  const onFile = await startServer(SERVERS.lockkeeper, join(folder, "file"), COLUMN);
  defer(scope, () => onFile.stop());
  const [replica] = await startReplicas(server, folder, 1);
  if (replica === undefined) throw new Error("there is no replica");
  const [ours, theirs] = [await readsOf(replica), await readsOf(onFile)];
  const pairs = ours.map(({ name, drive }, index) => {
    const subject = sideOfReads(`${name}, PostgreSQL`, replica, drive, server);
    const other = theirs[index]?.drive ?? drive;
    return { name, subject, peer: sideOfReads(`${name}, SQLite`, onFile, other, server) };
  });
  for (const [index, { drive }] of ours.entries()) {
    await checkSample(drive, replica.url);
    await checkSample(theirs[index]?.drive ?? drive, onFile.url);
    await warmUp(drive, replica.url, COLUMN);
    await warmUp(theirs[index]?.drive ?? drive, onFile.url, COLUMN);
  }
  const sides = pairs.flatMap(({ subject, peer }) => [subject, peer]);
  await runAll(sides);
  const ratios = pairs.map(({ name, subject, peer }): Ratio => {
    return { name: "÷ SQLite", subject, peer, ...(name.startsWith("CheckSignIn over gRPC") ? { atLeast: 0.6 } : {}) };
  });
  return report("Reads, 128 in flight over gRPC and 64 over HTTP/1.1", sides, ratios);
}

/** The loads of a server. Over gRPC h2load repeats one request; over HTTP/1.1 wrk asks for one user after another. */
async function readsOf({ url }: Running): Promise<readonly { readonly name: string; readonly drive: Drive }[]> {
  const cases = casesFor({ users: USERS, sessionToken: await openSession(url), column: COLUMN });
  const wanted = ["check-sign-in-grpc", "get-user-grpc", "verify-session-grpc"];
  const overGrpc = wanted.flatMap((name) => cases.find((each) => each.name === name) ?? []);
  return [
    ...overGrpc.map(({ what, subject }) => ({ name: what, drive: subject.drive })),
    {
      name: "CheckSignIn over Connect JSON",
      drive: http1(
        {
          path: "/lockkeeper.signin.v1.SignInService/CheckSignIn",
          method: "POST",
          body: '{"userId":"{user}"}',
          users: USERS,
        },
        { part: { decision: { allowed: true, state: "STATE_ACTIVE" } } },
      ),
    },
  ];
}

function sideOfReads(name: string, running: Running, drive: Drive, server: PostgresServer): Side {
  const run = (): Promise<Round> =>
    measured({ server, replicas: [running], run: () => runRound(drive, running.url, SECONDS, COLUMN) });
  return { name, rounds: [], run };
}

interface Measurement {
  readonly server: PostgresServer;
  /** Absent: pgbench is its own client. */
  readonly replicas?: readonly Running[];
  /** Where each call must leave one event; absent: none. */
  readonly database?: string;
  readonly run: () => Promise<Sample>;
}

/** Throws when a call was refused, or when the log does not have one event for each call. */
async function measured({ server, replicas = [], database, run }: Measurement): Promise<Round> {
  const state = async (): Promise<readonly number[]> => [
    database === undefined ? 0 : await positionOf(server, database),
    (await Promise.all(replicas.map(countRefusals))).reduce((sum, each) => sum + each, 0),
    replicas.reduce((sum, { pid }) => sum + cpuSeconds(pid), 0),
    serverSeconds(server),
  ];
  const before = await state();
  const { calls, seconds, p50Ms, p99Ms } = await run();
  const after = await state();
  const [events = 0, refusals = 0, own = 0, ofServer = 0] = after.map((each, index) => each - (before[index] ?? 0));
  if (refusals > 0) throw new Error(`${refusals} calls were refused`);
  if (database !== undefined && events !== calls) throw new Error(`${calls} calls have left ${events} events`);
  const perCall = (total: number): number => (total / calls) * 1e6;
  return { perSecond: calls / seconds, p50Ms, p99Ms, ownMicros: perCall(own), serverMicros: perCall(ofServer) };
}

/** The first round of each side is not counted. */
async function runAll(sides: readonly Side[]): Promise<void> {
  for (let round = 0; round <= ROUNDS; round++) {
    for (const side of sides) {
      const measuredRound = await side.run();
      if (round > 0) side.rounds.push(measuredRound);
    }
  }
}

function urlsOf(replicas: readonly Running[]): readonly string[] {
  return replicas.map(({ url }) => url);
}

function medianOf({ rounds }: Side): number {
  return rounds.map(({ perSecond }) => perSecond).sort((a, b) => a - b)[Math.floor((rounds.length - 1) / 2)] ?? 0;
}

function publish(part: string, server: PostgresServer, tables: string): void {
  const [cpu] = cpus();
  const settings = Object.entries(SETTINGS).map(([name, value]) => `${name} = ${value}`);
  const text = `## PostgreSQL: ${part}

Made by \`npm run bench -- postgres\` on ${new Date().toISOString().slice(0, 10)}: Node ${process.version}, PostgreSQL ${server.version}, ${cpus().length} × ${cpu?.model ?? "unknown processor"}.
${ROUNDS} rounds of ${SECONDS} s for each side, one side after the other; ${USERS} users. Each cell: median (least to most). Replicas, the load and
PostgreSQL share the machine. Settings: ${settings.join(", ")}.
${tables}`;
  process.stdout.write(`\n${text}`);
  writeSection(text);
}

function report(what: string, sides: readonly Side[], ratios: readonly Ratio[]): string {
  const of = ({ rounds }: Side, name: keyof Round, digits: number): string =>
    spread(
      rounds.map((round) => round[name]),
      digits,
    );
  const rows = sides.map((side) => [
    side.name,
    of(side, "perSecond", 0),
    of(side, "p50Ms", 1),
    of(side, "p99Ms", 1),
    side.isPgbench === true ? "" : of(side, "ownMicros", 0),
    of(side, "serverMicros", 0),
  ]);
  const lines = ratios.map(({ name, subject, peer, atLeast }) => {
    const each = subject.rounds.map(
      ({ perSecond }, index) => perSecond / (peer.rounds[index]?.perSecond ?? Number.NaN),
    );
    return [subject.name, name, `**${spread(each, 2)}**`, atLeast === undefined ? "" : atLeast.toFixed(1)];
  });
  return `\n${what}:\n\n${[
    ...tableOf(["", "calls/s", "p50 ms", "p99 ms", "CPU µs a call, lockkeeper", "CPU µs a call, PostgreSQL"], rows),
    "",
    ...tableOf(["", "ratio", "rounds next to each other", "aim"], lines),
  ].join("\n")}\n`;
}

function tableOf(heads: readonly string[], rows: readonly (readonly string[])[]): readonly string[] {
  return [heads, heads.map(() => "---"), ...rows].map((row) => `| ${row.join(" | ")} |`);
}
