/** Compares lockkeeper with what users would pick instead, interleaved in one run; writes bench/results.md and results.svg. */
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { type Case, casesFor, type ServerName } from "./support/cases.ts";
import { cpuSeconds, residentMib } from "./support/cpu-time.ts";
import { openSession } from "./support/drives.ts";
import type { Sample } from "./support/load.ts";
import { checkSample, type Drive, missingTools, pinLoad, runRound, settle, warmUp } from "./support/load-tools.ts";
import { makeUsers } from "./support/make-users.ts";
import { spread } from "./support/report.ts";
import { type CaseResult, type Measured, ratiosOf, writeResults } from "./support/results.ts";
import { type Column, canPin, countRefusals, type Running, SERVERS, startServer } from "./support/servers.ts";

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
      await ensureStarted(servers, "lockkeeper", column);
      const sessionToken = await openSession(runningOf(servers, "lockkeeper").url);
      const cases = casesFor({ users: USERS, sessionToken, column }).filter(({ name }) => name.includes(filter));
      for (const each of cases) {
        for (const { server } of [each.subject, each.peer]) await ensureStarted(servers, server, column);
        // The other cases are of use without this one; the files stay as they are.
        await compare(each, servers, column).then(
          (result) => results.push(result),
          (error: unknown) => {
            process.exitCode = 1;
            process.stderr.write(`${column}: ${each.what}: ${String(error)}\n`);
          },
        );
      }
    } finally {
      for (const running of servers.values()) await running.stop();
    }
  }
  if (results.length === 0) throw new Error(`no case has ${JSON.stringify(filter)} in its name`);
  writeResults(results, {
    rounds: ROUNDS,
    seconds: SECONDS,
    users: USERS,
    isWhole: filter === "" && process.exitCode === undefined,
  });
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

async function ensureStarted(servers: Map<ServerName, Running>, name: ServerName, column: Column): Promise<void> {
  if (servers.has(name)) return;
  const own = join(folder, `${name} ${column}`);
  mkdirSync(own);
  if (SERVERS[name].isLockkeeper) await makeUsers(join(own, "lockkeeper.db"), USERS);
  servers.set(name, await startServer(SERVERS[name], own, column));
}

function runningOf(servers: ReadonlyMap<ServerName, Running>, name: ServerName): Running {
  const running = servers.get(name);
  if (running === undefined) throw new Error(`${name} is not started`);
  return running;
}

/** Interleaves the two sides, so that whatever else the machine does meets both. */
async function compare(each: Case, servers: ReadonlyMap<ServerName, Running>, column: Column): Promise<CaseResult> {
  const sides = [each.subject, each.peer].map(({ server, drive }) => ({
    running: runningOf(servers, server),
    drive,
    isOurs: SERVERS[server].isLockkeeper,
    rounds: [] as Measured[],
  }));
  for (const { drive, running } of sides) {
    await checkSample(drive, running.url);
    await warmUp(drive, running.url, column);
  }
  for (let round = 0; round < ROUNDS; round++) {
    for (const side of sides) side.rounds.push(await measured(side.drive, side.running, column, side.isOurs));
  }
  for (const { drive, running } of sides) await checkSample(drive, running.url);
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
  process.stdout.write(`${column}: ${each.what}: ${spread(ratiosOf(result), 2)}\n`);
  return result;
}

async function measured(drive: Drive, running: Running, column: Column, isOurs: boolean): Promise<Measured> {
  const refused = async (): Promise<number> => (isOurs ? await countRefusals(running) : 0);
  const [refusedBefore, cpuBefore] = [await refused(), cpuSeconds(running.pid)];
  const sample: Sample = await runRound(drive, running.url, SECONDS, column);
  const cpuMicros = ((cpuSeconds(running.pid) - cpuBefore) / sample.calls) * 1e6;
  // The sample that is checked before and after the rounds does not show a call that is refused in between.
  const refusals = (await refused()) - refusedBefore;
  if (refusals > 0) throw new Error(`${refusals} calls were refused`);
  await settle(drive, running.url, sample);
  return { callsPerSecond: sample.calls / sample.seconds, p50Ms: sample.p50Ms, p99Ms: sample.p99Ms, cpuMicros };
}
