/** Measures the latency of durable locks at half of the peak, and what the disk itself takes for an fdatasync. */
import { closeSync, fdatasyncSync, openSync, rmSync, writeSync } from "node:fs";
import { connect } from "node:http2";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { UserService } from "../gen/lockkeeper/user/v1/user_service_pb.ts";
import { residentMib } from "./support/cpu-time.ts";
import { DATABASES_FOLDER, databaseOf } from "./support/databases.ts";
import { lockMixGrpc, userOfPair } from "./support/drives.ts";
import { callGrpc } from "./support/lanes.ts";
import { type Sample, sampleOf } from "./support/load.ts";
import { pinLoad, runRound, warmUp } from "./support/load-tools.ts";
import { runPaced } from "./support/paced.ts";
import { spread } from "./support/report.ts";
import { canPin, SERVERS, startServer } from "./support/servers.ts";

const { values: flags } = parseArgs({
  options: {
    users: { type: "string", default: "10000000" },
    rounds: { type: "string", default: "5" },
    /** Of load in each round, at the peak and at half of it. */
    seconds: { type: "string", default: "10" },
    folder: { type: "string", default: DATABASES_FOLDER },
  },
});
const USERS = Number(flags.users);
const SECONDS = Number(flags.seconds);
const COLUMN = canPin() ? "one core" : "whole machine";
const CONNECTIONS = 8;
/** The first calls of a round wait for connections, and for what the peak has left: the checkpoint of its log. */
const SETTLE_MS = 5000;
/** As many bytes as one commit of a few locks writes. */
const PROBE_BYTES = 64 * 1024;
const PROBES = 200;

const folder = await databaseOf(USERS, flags.folder);
pinLoad(COLUMN);
const running = await startServer(SERVERS.lockkeeper, folder, COLUMN);
const lines: { readonly peak: number; readonly half: Sample; readonly disk: Sample }[] = [];
/** Users that were locked at half load and wait for their unlock. */
let sent = 0;
try {
  await warmUp(lockMixGrpc(USERS), running.url, COLUMN);
  for (let round = 0; round < Number(flags.rounds); round++) {
    const peak = await runRound(lockMixGrpc(USERS), running.url, SECONDS, COLUMN);
    const perSecond = peak.calls / peak.seconds;
    const half = await paced(perSecond / 2);
    lines.push({ peak: perSecond, half, disk: probeDisk() });
  }
  const of = (value: (line: (typeof lines)[number]) => number, digits: number): string =>
    spread(lines.map(value), digits);
  process.stdout.write(
    `durable locks and unlocks over gRPC, ${USERS} users, ${lines.length} rounds of ${SECONDS} s (${COLUMN})\n` +
      `peak: ${of(({ peak }) => peak, 0)} calls/s\n` +
      `at half of it: p50 ${of(({ half }) => half.p50Ms, 1)} ms, p99 ${of(({ half }) => half.p99Ms, 1)} ms, ` +
      `p99.9 ${of(({ half }) => half.p999Ms, 1)} ms\n` +
      `fdatasync of ${PROBE_BYTES / 1024} KiB: p50 ${of(({ disk }) => disk.p50Ms, 2)} ms, ` +
      `p99 ${of(({ disk }) => disk.p99Ms, 2)} ms\n` +
      `resident: ${residentMib(running.pid).toFixed(0)} MiB\n`,
  );
} finally {
  await running.stop();
}

async function paced(perSecond: number): Promise<Sample> {
  const sessions = Array.from({ length: CONNECTIONS }, () => connect(running.url));
  const sample = await runPaced(perSecond / 2, { settleMs: SETTLE_MS, seconds: SECONDS }, async (index, due, took) => {
    const session = sessions[index % CONNECTIONS];
    if (session === undefined) throw new Error("there is no connection");
    const userId = userOfPair(sent++, 0, USERS);
    await callGrpc(session, UserService.method.lockUser, { userId });
    took(performance.now() - due);
    const start = performance.now();
    await callGrpc(session, UserService.method.unlockUser, { userId });
    took(performance.now() - start);
  });
  for (const session of sessions) session.close();
  return sample;
}

/** Appends and syncs a file of its own on the same disk. */
function probeDisk(): Sample {
  const path = join(folder, "probe");
  const file = openSync(path, "w");
  const bytes = Buffer.alloc(PROBE_BYTES, 1);
  const times: number[] = [];
  const begin = performance.now();
  try {
    for (let index = 0; index < PROBES; index++) {
      writeSync(file, bytes);
      const start = performance.now();
      fdatasyncSync(file);
      times.push(performance.now() - start);
    }
  } finally {
    closeSync(file);
    rmSync(path);
  }
  return sampleOf(Float64Array.from(times).sort(), (performance.now() - begin) / 1000);
}
