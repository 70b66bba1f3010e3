/** Compares lockkeeper with what users would pick instead, interleaved in one run; writes bench/results.md and results.svg. */
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { SessionService } from "../gen/lockkeeper/session/v1/session_service_pb.ts";
import { UserService } from "../gen/lockkeeper/user/v1/user_service_pb.ts";
import { type Case, casesFor, type ServerName } from "./support/cases.ts";
import { cpuSeconds, residentMib } from "./support/cpu-time.ts";
import { connectGrpc } from "./support/lanes.ts";
import type { Sample } from "./support/load.ts";
import { type Drive, missingTools, pinLoad, runRound, warmUp } from "./support/load-tools.ts";
import { makeUsers, userIdOf } from "./support/make-users.ts";
import { type CaseResult, type Measured, writeResults } from "./support/results.ts";
import { type Column, canPin, type Running, SERVERS, startServer } from "./support/servers.ts";
import { ADMIN_KEY } from "./support/service.ts";

const { values: flags, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    rounds: { type: "string", default: "10" },
    /** Of load in each round. */
    seconds: { type: "string", default: "3" },
    users: { type: "string", default: "20000" },
    /** `one`, `whole` or both. */
    columns: { type: "string", default: "one,whole" },
  },
});
const [filter = ""] = positionals;
const ROUNDS = Number(flags.rounds);
const SECONDS = Number(flags.seconds);
const USERS = Number(flags.users);

const missing = missingTools();
if (missing.length > 0) {
  const names = missing.join(" and ");
  process.stderr.write(
    `${names} not found: this process makes the load, which costs more (Debian: nghttp2-client, wrk)\n`,
  );
}

const folder = mkdtempSync(join(tmpdir(), "lockkeeper-bench-"));
const results: CaseResult[] = [];
try {
  for (const column of columns()) {
    pinLoad(column);
    const servers = new Map<ServerName, Running>();
    try {
      await startLockkeeper(servers, column);
      const sessionToken = await fill(runningOf(servers, "lockkeeper"));
      const cases = casesFor({ users: USERS, sessionToken, column }).filter(({ name }) => name.includes(filter));
      for (const each of cases) {
        for (const { server } of [each.subject, each.peer]) await ensureStarted(servers, server, column);
        results.push(await compare(each, servers, column));
      }
    } finally {
      for (const running of servers.values()) await running.stop();
    }
  }
  if (results.length === 0) throw new Error(`no case has ${JSON.stringify(filter)} in its name`);
  writeResults(results, { rounds: ROUNDS, seconds: SECONDS, users: USERS, isWhole: filter === "" });
} finally {
  rmSync(folder, { recursive: true });
}

function columns(): readonly Column[] {
  const wanted: Column[] = [];
  if (flags.columns.includes("one")) {
    if (canPin()) wanted.push("one core");
    else process.stderr.write("one core: left out, as it needs taskset and two cores\n");
  }
  if (flags.columns.includes("whole")) wanted.push("whole machine");
  return wanted;
}

async function startLockkeeper(servers: Map<ServerName, Running>, column: Column): Promise<void> {
  const own = join(folder, `lockkeeper ${column}`);
  mkdirSync(own);
  await makeUsers(join(own, "lockkeeper.db"), USERS);
  servers.set("lockkeeper", await startServer(SERVERS.lockkeeper, own, column));
}

async function ensureStarted(servers: Map<ServerName, Running>, name: ServerName, column: Column): Promise<void> {
  if (servers.has(name)) return;
  const own = join(folder, `${name} ${column}`);
  mkdirSync(own);
  servers.set(name, await startServer(SERVERS[name], own, column));
}

function runningOf(servers: ReadonlyMap<ServerName, Running>, name: ServerName): Running {
  const running = servers.get(name);
  if (running === undefined) throw new Error(`${name} is not started`);
  return running;
}

/** Opens the session that VerifySession asks for, and sees that a call answers what it should. */
async function fill({ url }: Running): Promise<string> {
  const connections = connectGrpc(url, 1);
  try {
    const userId = userIdOf(1);
    const { user } = await connections.call(0, UserService.method.getUser, { userId });
    if (user?.userId !== userId) throw new Error(`GetUser answers ${user?.userId}, not ${userId}`);
    return (await connections.call(0, SessionService.method.createSession, { userId })).token;
  } finally {
    connections.close();
  }
}

/** Interleaves the two sides, so that whatever else the machine does meets both. */
async function compare(each: Case, servers: ReadonlyMap<ServerName, Running>, column: Column): Promise<CaseResult> {
  const sides = [each.subject, each.peer].map(({ server, drive }) => ({
    running: runningOf(servers, server),
    drive,
    isOurs: server === "lockkeeper",
    rounds: [] as Measured[],
  }));
  for (const { drive, running } of sides) await warmUp(drive, running.url, column);
  for (let round = 0; round < ROUNDS; round++) {
    for (const side of sides) side.rounds.push(await measured(side.drive, side.running, column, side.isOurs));
  }
  const [subject, peer] = sides;
  if (subject === undefined || peer === undefined) throw new Error("a case has two sides");
  const result: CaseResult = {
    name: each.name,
    what: each.what,
    column,
    peerName: SERVERS[each.peer.server].name,
    subjectName: SERVERS[each.subject.server].name,
    subject: subject.rounds,
    peer: peer.rounds,
    atLeast: each.atLeast,
    residentMib: residentMib(subject.running.pid),
  };
  process.stdout.write(`${column}: ${each.what}: ${ratioLine(result)}\n`);
  return result;
}

async function measured(drive: Drive, running: Running, column: Column, isOurs: boolean): Promise<Measured> {
  const [refusedBefore, cpuBefore] = [await refused(running, isOurs), cpuSeconds(running.pid)];
  const sample: Sample = await runRound(drive, running.url, SECONDS, column);
  const cpuMicros = ((cpuSeconds(running.pid) - cpuBefore) / sample.calls) * 1e6;
  // Load tools take every answer of HTTP status 200 for a success; gRPC puts its own status behind it.
  const refusals = (await refused(running, isOurs)) - refusedBefore;
  if (refusals > 0) throw new Error(`${refusals} calls were refused`);
  return { callsPerSecond: sample.calls / sample.seconds, p50Ms: sample.p50Ms, p99Ms: sample.p99Ms, cpuMicros };
}

/** Returns how many calls lockkeeper has refused so far, by its own metrics. */
async function refused({ url }: Running, isOurs: boolean): Promise<number> {
  if (!isOurs) return 0;
  const answer = await fetch(`${url}/metrics`, { headers: { authorization: `Bearer ${ADMIN_KEY}` } });
  const text = await answer.text();
  if (!answer.ok) throw new Error(`GET /metrics answers ${answer.status}`);
  const counts = text.matchAll(/^lockkeeper_refusals_total\{[^}]*\} (\d+)$/gm);
  return [...counts].reduce((sum, [, count]) => sum + Number(count), 0);
}

function ratioLine({ subject, peer }: CaseResult): string {
  const ratios = subject.map((each, i) => each.callsPerSecond / (peer[i]?.callsPerSecond ?? Number.NaN)).sort();
  return `${ratios[Math.floor((ratios.length - 1) / 2)]?.toFixed(2)} (${ratios.at(0)?.toFixed(2)} to ${ratios.at(-1)?.toFixed(2)})`;
}
