/** Imports that break off: killed, interrupted, or left alone by a service that dies. Nothing is doubled, nothing lost. */

import assert from "node:assert/strict";
import { type ChildProcessWithoutNullStreams, spawn } from "node:child_process";
import { once } from "node:events";
import { createWriteStream, existsSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import Database from "better-sqlite3";
import type { Summary } from "../../../src/cli/import/run-import.ts";
import { defer } from "../../support/cleanup.ts";
import { type Random, seededRandom } from "../../support/random.ts";
import { scaled } from "../../support/scale.ts";
import { ADMIN_KEY, type Child, spawnService, temporaryFolder } from "../../support/service.ts";
import { startStopwatch } from "../../support/stopwatch.ts";
import { MAIN } from "../support/cli.ts";

const ROWS = scaled({ quick: 8_000, soak: 1_000_000 });
const KILLS = scaled({ quick: 2, soak: 5 });
const BAD_EVERY = 1000;
/** Memory may not grow with the file. */
const PEAK_MIB_MAX = 400;

/** What the file says of a row: every hundredth is banned, every fiftieth locked, every thousandth is not a user. */
function rowOf(index: number): string {
  if (isBad(index)) return `bad-${index} ,,,,,,`;
  const lock = index % 50 === 7 ? "true,2090-01-01T00:00:00Z" : ",";
  return `user-${index},name${index},name${index}@example.com,true,Ann,${index % 100 === 0},${lock}`;
}

function isBad(index: number): boolean {
  return index % BAD_EVERY === 501;
}

async function writeRows(path: string, rows: number): Promise<void> {
  const file = createWriteStream(path);
  file.write("user_id,username,email,email_verified,given_name,banned,locked,lock_expires\n");
  for (let index = 0; index < rows; index++) {
    if (!file.write(`${isBad(index) ? `${rowOf(index)},` : rowOf(index)}\n`)) await once(file, "drain");
  }
  file.end();
  await once(file, "close");
}

interface Ended {
  readonly code: number | NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
  readonly peakMiB: number;
  readonly cpuSeconds: number;
}

/** An import under way. */
function startImport(t: TestContext, url: string, file: string, ...flags: string[]) {
  const environment = { ...process.env, LOCKKEEPER_SERVER: url, LOCKKEEPER_KEY: ADMIN_KEY };
  const child: ChildProcessWithoutNullStreams = spawn(
    process.execPath,
    [MAIN, "users", "import", file, "--json", "--errors", `${file}.errors`, ...flags],
    { env: environment },
  );
  defer(t, () => {
    child.kill("SIGKILL");
  });
  let stdout = "";
  let stderr = "";
  let peakMiB = 0;
  let cpuSeconds = 0;
  child.stdout.setEncoding("utf8").on("data", (text: string) => (stdout += text));
  child.stderr.setEncoding("utf8").on("data", (text: string) => (stderr += text));
  const sampling = setInterval(() => {
    peakMiB = Math.max(peakMiB, peakMiBOf(child.pid));
    cpuSeconds = Math.max(cpuSeconds, cpuSecondsOf(child.pid));
  }, 50);
  const ended = once(child, "close").then(([code, signal]): Ended => {
    clearInterval(sampling);
    return { code: code ?? signal, stdout, stderr, peakMiB, cpuSeconds };
  });
  return { child, ended };
}

/** The most memory that a process had at once, in MiB. */
function peakMiBOf(pid: number | undefined): number {
  try {
    const peak = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1];
    return Math.round(Number(peak ?? 0) / 1024);
  } catch {
    return 0;
  }
}

/** How long a process and its threads have computed: figures that hold on a machine that has other things to do. */
function cpuSecondsOf(pid: number | undefined): number {
  try {
    const [, rest = ""] = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ");
    const fields = rest.split(" ").map(Number);
    // In hundredths of a second, of the program and of the kernel for it.
    return ((fields[11] ?? 0) + (fields[12] ?? 0)) / 100;
  } catch {
    return 0;
  }
}

/** How many rows the checkpoint says are done; before there is one: none. */
function doneRows(file: string): number {
  if (!existsSync(`${file}.lockkeeper-import.json`)) return 0;
  const { progress } = JSON.parse(readFileSync(`${file}.lockkeeper-import.json`, "utf8"));
  return progress.counts.created + progress.counts.failed;
}

/** A moment at which some of the rows are done, and some of the requests under way. */
async function untilDone(file: string, rows: number, random: Random): Promise<void> {
  while (doneRows(file) < rows) await delay(5);
  await delay(random.below(50));
}

/** Every row is there once: created by one event, with the state that the file says; every bad one is reported once. */
async function assertWhole(
  path: string,
  file: string,
  { rows, summary }: { rows: number; summary: Summary },
): Promise<void> {
  const bad = Array.from({ length: rows }, (_, index) => index).filter(isBad);
  assert.deepEqual(
    [summary.rows, summary.created, summary.skipped, summary.updated, summary.failed],
    [rows, rows - bad.length, 0, 0, bad.length],
  );
  const told = readFileSync(`${file}.errors`, "utf8").trimEnd().split("\n");
  assert.deepEqual(
    told.map((line) => (JSON.parse(line) as { line: number }).line),
    // The header is line 1.
    bad.map((index) => index + 2),
  );
  assert.ok(!existsSync(`${file}.lockkeeper-import.json`));
  const database = new Database(path, { readonly: true });
  try {
    const count = (sql: string): unknown => database.prepare<[], unknown>(sql).pluck().get();
    assert.equal(count("SELECT COUNT(*) FROM user_state"), rows - bad.length);
    assert.equal(count("SELECT COUNT(*) FROM user_state WHERE sequence <> 1"), 0, "a user was written twice");
    assert.equal(count("SELECT COUNT(*) FROM events WHERE user_id LIKE 'user-%'"), rows - bad.length);
    const states = database
      .prepare<[], { state: string; n: number }>("SELECT state, COUNT(*) AS n FROM user_state GROUP BY state")
      .all();
    const wanted = { BANNED: rows / 100, LOCKED: rows / 50 };
    for (const [state, n] of Object.entries(wanted)) assert.equal(states.find((row) => row.state === state)?.n, n);
  } finally {
    database.close();
  }
}

async function stopService(service: Child): Promise<void> {
  service.process.kill("SIGTERM");
  await once(service.process, "exit");
}

test(`${ROWS} rows, killed ${KILLS} times and gone on with: each is there once, and is counted once`, async (t) => {
  const random = seededRandom(t);
  const folder = await temporaryFolder(t);
  const path = join(folder, "lockkeeper.db");
  const file = join(folder, "users.csv");
  await writeRows(file, ROWS);
  const service = await spawnService(t, { path });
  let cpuSeconds = 0;
  const watch = startStopwatch();
  for (let kill = 0; kill < KILLS; kill++) {
    const { child, ended } = startImport(t, service.url, file);
    // Early: what is done is noted four times a second, and on a busy machine the rest must not be done by then.
    await untilDone(file, ((kill + 1) * ROWS) / (4 * (KILLS + 2)), random);
    child.kill("SIGKILL");
    const killed = await ended;
    assert.equal(killed.code, "SIGKILL");
    cpuSeconds += killed.cpuSeconds;
  }
  assert.ok(doneRows(file) > 0, "no kill met an import under way");
  const { code, stdout, stderr, peakMiB, ...last } = await startImport(t, service.url, file).ended;
  assert.equal(code, 4, stderr);
  const rowsPerSecond = watch.perSecond(ROWS);
  const summary = JSON.parse(stdout) as Summary;
  assert.ok((summary.resumedAtLine ?? 0) > 1);
  const servicePeakMiB = peakMiBOf(service.process.pid);
  const serviceSeconds = cpuSecondsOf(service.process.pid);
  await stopService(service);
  await assertWhole(path, file, { rows: ROWS, summary });
  assert.ok(peakMiB < PEAK_MIB_MAX, `the import needed ${peakMiB} MiB`);
  const perSecond = (time: number): number => Math.round(ROWS / time);
  t.diagnostic(
    `${Math.round(statSync(file).size / 1e6)} MB in ${KILLS + 1} runs: ${rowsPerSecond} rows/s in all, ${summary.rowsPerSecond} in the last; ` +
      `per second of CPU ${perSecond(cpuSeconds + last.cpuSeconds)} rows here, ${perSecond(serviceSeconds)} in the service; ` +
      `at most ${peakMiB} MiB here, ${servicePeakMiB} MiB there`,
  );
});

test("an interrupt leaves a checkpoint and says how to go on; a service that dies is waited for", async (t) => {
  const random = seededRandom(t);
  // Enough that the end is far when the interrupt comes.
  const rows = scaled({ quick: 10_000, soak: ROWS / 2 });
  const folder = await temporaryFolder(t);
  const path = join(folder, "lockkeeper.db");
  const file = join(folder, "users.csv");
  await writeRows(file, rows);
  const first = await spawnService(t, { path });
  const interrupted = startImport(t, first.url, file);
  await untilDone(file, 500, random);
  interrupted.child.kill("SIGINT");
  const { code, stdout, stderr } = await interrupted.ended;
  assert.equal(code, 130, stderr);
  assert.equal(stdout, "");
  assert.match(
    JSON.parse(stderr.trimEnd().split("\n").at(-1) ?? "").message,
    /^interrupted; \d+ rows done, up to line \d+$/,
  );
  assert.ok(doneRows(file) >= 500);

  const going = startImport(t, first.url, file);
  await untilDone(file, rows / 2, random);
  first.process.kill("SIGKILL");
  await once(first.process, "exit");
  await delay(500);
  const second = await spawnService(t, { path, listen: new URL(first.url).host });
  const ended = await going.ended;
  assert.equal(ended.code, 4, ended.stderr);
  await stopService(second);
  await assertWhole(path, file, { rows, summary: JSON.parse(ended.stdout) as Summary });
});
