/** Measures the latency of locks with and without a backup under way, in turns, on a large database. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { constants, copyFileSync, existsSync, mkdirSync, renameSync, rmSync, statSync } from "node:fs";
import { type ClientHttp2Session, connect } from "node:http2";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { parseArgs } from "node:util";
import { UserService } from "../gen/lockkeeper/user/v1/user_service_pb.ts";
import { callGrpc } from "./support/lanes.ts";
import { makeUsers, userIdOf } from "./support/make-users.ts";
import { spread } from "./support/report.ts";
import { ADMIN_KEY, listening, startService } from "./support/service.ts";

const { values: flags } = parseArgs({
  options: {
    users: { type: "string", default: "1000000" },
    /** Where databases are kept between runs; about 0.9 GB per million users. */
    folder: { type: "string", default: "/tmp/lockkeeper-bench" },
    /** Each is a while without and a while with a backup, and one after it while the log is moved. */
    rounds: { type: "string", default: "5" },
    connections: { type: "string", default: "4" },
    /** Locks in flight on each connection. */
    inflight: { type: "string", default: "8" },
    /** Locks per second, sent when they are due whether or not earlier ones are answered; 0: as fast as answers come. */
    rate: { type: "string", default: "1000" },
    /** Who takes the backup: `curl`, which throws it away, or `cli`, which writes it to the same disk. */
    client: { type: "string", default: "curl" },
    /** MB/s of the backup; absent: the service's default. */
    "backup-rate": { type: "string", default: "" },
  },
});

/** Coprime to the number of users, so that each is locked once and in no order of theirs. */
const STEP = 7_919;
const users = Number(flags.users);
const rate = Number(flags.rate);
const folder = join(flags.folder, `${users}`);
const path = join(folder, "backup-run", "lockkeeper.db");
await makeOnce();
mkdirSync(join(folder, "backup-run"), { recursive: true });
for (const suffix of ["", "-wal", "-shm", ".lock"]) rmSync(`${path}${suffix}`, { force: true });
copyFileSync(join(folder, "made.db"), path, constants.COPYFILE_FICLONE);

/** Sorted. */
type Times = readonly number[];
/** What one kind of a round took, in slices: other load on the machine affects some of them, not all. */
type Slices = readonly Times[];

const SLICE_MS = 5_000;
const service = start();
let locked = 0;
try {
  const { url } = await listening(service);
  const sessions = Array.from({ length: Number(flags.connections) }, () => connect(url));
  await load(sessions, sleep(5_000));
  const found: { without: Slices; during: Slices; after: Slices; seconds: number; bytes: number }[] = [];
  for (let round = 0; round < Number(flags.rounds); round++) {
    const without = await load(sessions, sleep(30_000));
    const begin = performance.now();
    const during = await load(sessions, backup(url));
    const seconds = (performance.now() - begin) / 1000;
    const after = await load(sessions, sleep(5_000));
    found.push({ without, during, after, seconds, bytes: statSync(path).size });
    const shown = (share: number): string => [without, during, after].map((each) => ofSlices(each, share)).join(" → ");
    const count = [without, during, after].map((each) => each.flat().length).join(", ");
    console.log(
      `round ${round}: p50 ${shown(0.5)} ms, p99 ${shown(0.99)} ms, longest ${shown(1)} ms; ${count} locks; ${((found.at(-1)?.bytes ?? 0) / 1e6 / seconds).toFixed(1)} MB/s in ${seconds.toFixed(1)} s; log ${statSync(`${path}-wal`).size / 1e6} MB`,
    );
  }
  for (const session of sessions) session.close();
  const ratio = (of: "during" | "after", share: number): string =>
    spread(
      found.map((each) => ofSlices(each[of], share) / ofSlices(each.without, share)),
      2,
    );
  for (const share of [0.5, 0.99]) {
    const name = `p${share * 100}`;
    console.log(
      `${name} ms of 5 s, median of them in a round, and median (least to most) of ${found.length} rounds: without ${spread(
        found.map((each) => ofSlices(each.without, share)),
        2,
      )}, during ${spread(
        found.map((each) => ofSlices(each.during, share)),
        2,
      )}, after ${spread(
        found.map((each) => ofSlices(each.after, share)),
        2,
      )}; during/without ${ratio("during", share)}, after/without ${ratio("after", share)}`,
    );
  }
  console.log(
    `backup MB/s ${spread(
      found.map(({ bytes, seconds }) => bytes / 1e6 / seconds),
      2,
    )}`,
  );
} finally {
  service.kill();
  await once(service, "exit");
}

async function makeOnce(): Promise<void> {
  const made = join(folder, "made.db");
  if (existsSync(made)) return;
  const making = `${folder}.making`;
  rmSync(making, { recursive: true, force: true });
  mkdirSync(making, { recursive: true });
  await makeUsers(join(making, "made.db"), users);
  renameSync(making, folder);
}

function start(): ChildProcess {
  const rateFlag = flags["backup-rate"] === "" ? [] : ["--backup-rate", flags["backup-rate"]];
  return startService(path, [...rateFlag, "--allow-clock-behind", "true"]);
}

/** Locks users until `end`; answers how long each lock took, in milliseconds, by when it was due. */
async function load(sessions: readonly ClientHttp2Session[], end: Promise<unknown>): Promise<Slices> {
  const slices: number[][] = [];
  let isOver = false;
  const ended = end.finally(() => {
    isOver = true;
  });
  const lockOne = async (session: ClientHttp2Session, due: number): Promise<void> => {
    await lock(session, locked++);
    const slice = Math.floor((due - begin) / SLICE_MS);
    slices[slice] ??= [];
    slices[slice].push(performance.now() - due);
  };
  const begin = performance.now();
  const open: Promise<void>[] = [];
  if (rate > 0) {
    for (let sent = 0; !isOver; ) {
      // Measured from when it was due, so waiting behind a stall counts.
      for (; begin + (sent * 1000) / rate <= performance.now() && !isOver; sent++) {
        const session = sessions[sent % sessions.length];
        if (session !== undefined) open.push(lockOne(session, begin + (sent * 1000) / rate));
      }
      await sleep(1);
    }
  } else {
    const caller = async (session: ClientHttp2Session): Promise<void> => {
      while (!isOver) await lockOne(session, performance.now());
    };
    for (const session of sessions) {
      for (let each = 0; each < Number(flags.inflight); each++) open.push(caller(session));
    }
  }
  await Promise.all(open);
  await ended;
  // The last one is cut off, unless it is the only one.
  const whole = slices.length > 1 ? slices.slice(0, -1) : slices;
  return whole.map((times) => times.sort((a, b) => a - b));
}

/** The median of what each slice says. */
function ofSlices(slices: Slices, share: number): number {
  const each = slices.map((times) => at(times, share)).sort((a, b) => a - b);
  return at(each, 0.5);
}

async function lock(session: ClientHttp2Session, index: number): Promise<void> {
  const userId = userIdOf((index * STEP) % users);
  await callGrpc(session, UserService.method.lockUser, { userId, reasonCode: "BENCH" });
}

/** In a process of its own: the bench takes no time for it. */
async function backup(url: string): Promise<void> {
  const file = join(folder, "backup-run", "copy.db");
  const headers = ["Content-Type: application/connect+proto", "Connect-Protocol-Version: 1"];
  const byCurl = [
    ...["curl", "-sS", "--fail", "-o", "/dev/null", "--data-binary", "@-"],
    ...[`Authorization: Bearer ${ADMIN_KEY}`, ...headers].flatMap((header) => ["-H", header]),
    `${url}/lockkeeper.admin.v1.AdminService/CreateBackup`,
  ];
  const byCli = [process.execPath, join(import.meta.dirname, "../src/main.ts"), "backup", file, "--no-verify", "--yes"];
  const [program = "", ...args] = flags.client === "cli" ? byCli : byCurl;
  const child = spawn(program, args, {
    stdio: ["pipe", "ignore", "pipe"],
    env: { ...process.env, LOCKKEEPER_SERVER: url, LOCKKEEPER_KEY: ADMIN_KEY },
  });
  let said = "";
  child.stderr.on("data", (text: Buffer) => {
    said += text.toString();
  });
  child.stdin.end(Buffer.alloc(5));
  const [code] = (await once(child, "exit")) as [number | null];
  rmSync(file, { force: true });
  if (code !== 0) throw new Error(`${program} ended with ${code}: ${said}`);
}

function at(sorted: Times, share: number): number {
  return Number((sorted[Math.floor((sorted.length - 1) * share)] ?? Number.NaN).toFixed(2));
}
