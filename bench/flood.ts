/** Measures the latency of calls with a key: while it is quiet, in a flood of requests without one, and with many slow connections. */
import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { type ClientHttp2Session, connect as connectHttp2 } from "node:http2";
import { connect, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { parseArgs } from "node:util";
import { create, toBinary } from "@bufbuild/protobuf";
import { CheckSignInRequestSchema, SignInService } from "../gen/lockkeeper/signin/v1/sign_in_service_pb.ts";
import { cpuSeconds } from "./support/cpu-time.ts";
import { ADMIN_KEY, listening, startService } from "./support/service.ts";

const { values: flags } = parseArgs({
  options: {
    rounds: { type: "string", default: "5" },
    /** How long each kind is measured in one round, in seconds. */
    seconds: { type: "string", default: "4" },
    /** Calls with a key, per second, at even distances; every tenth on a new connection. */
    rate: { type: "string", default: "300" },
    /** Requests without a right credential per second: bounded, as their sender takes its time from the same machine. */
    flood: { type: "string", default: "5000" },
    /** Connections that send their headers byte by byte. */
    slow: { type: "string", default: "10000" },
    /** The address to flood: the part of this program that runs in a process of its own. */
    target: { type: "string" },
  },
});

const FLOOD_CONNECTIONS = 8;
const FLOOD_TICK_MS = 1;
/** More requests in flight than this are a service that does not keep up: the sender waits. */
const FLOOD_OPEN_MAX = 800;
/** Each slow connection sends a byte in this time. */
const DRIP_MS = 5_000;
const OPENING_AT_ONCE = 200;
const KINDS = ["quiet", "flood", "slow"] as const;
type Kind = (typeof KINDS)[number];

const { checkSignIn } = SignInService.method;
const checkPath = `/${checkSignIn.parent.typeName}/${checkSignIn.name}`;
const checkFrame = frameOf(toBinary(CheckSignInRequestSchema, create(CheckSignInRequestSchema, { userId: "alice" })));

function frameOf(message: Uint8Array): Buffer {
  const frame = Buffer.alloc(5 + message.length);
  frame.writeUInt32BE(message.length, 1);
  frame.set(message, 5);
  return frame;
}

if (flags.target === undefined) await measureAll();
else strangers(flags.target);

/** What the strangers report when they have stopped. */
interface Report {
  readonly sent: number;
  readonly answered: number;
  readonly held: number;
}

interface Round {
  readonly kept: readonly number[];
  readonly fresh: readonly number[];
  readonly failures: number;
  /** Processor time of the service, all its threads, and how long that was, in seconds. */
  readonly cpuSeconds: number;
  readonly wallSeconds: number;
  readonly report: Report;
}

async function measureAll(): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "lockkeeper-bench-"));
  const service = startService(join(folder, "a.db"));
  let crowd: ChildProcess | undefined;
  try {
    const { url } = await listening(service);
    crowd = fork(import.meta.filename, [...process.argv.slice(2), "--target", url]);
    await fetch(`${url}/v1/users`, {
      method: "POST",
      headers: { authorization: `Bearer ${ADMIN_KEY}`, "content-type": "application/json" },
      body: '{"userId":"alice"}',
    });
    const pid = service.pid ?? 0;
    const found = new Map<Kind, Round[]>(KINDS.map((kind) => [kind, []]));
    await measure(url, crowd, "quiet", pid);
    // Interleaved, so that other load on the machine affects all alike.
    for (let round = 0; round < Number(flags.rounds); round++) {
      for (const kind of KINDS) found.get(kind)?.push(await measure(url, crowd, kind, pid));
    }
    print(found);
  } finally {
    crowd?.kill();
    service.kill();
    await once(service, "exit");
    rmSync(folder, { recursive: true });
  }
}

async function measure(url: string, crowd: ChildProcess, kind: Kind, pid: number): Promise<Round> {
  crowd.send(kind);
  await once(crowd, "message");
  const kept: number[] = [];
  const fresh: number[] = [];
  let failures = 0;
  const session = connectHttp2(url);
  const timed = async (times: number[], use: () => Promise<void>): Promise<void> => {
    const begin = performance.now();
    await use().then(
      () => times.push(performance.now() - begin),
      () => failures++,
    );
  };
  const cpuBefore = cpuSeconds(pid);
  const all: Promise<void>[] = [];
  const [start, rate] = [performance.now(), Number(flags.rate)];
  for (let index = 0; index < rate * Number(flags.seconds); index++) {
    await setTimeout(Math.max(1, start + (index * 1000) / rate - performance.now()));
    all.push(index % 10 === 0 ? timed(fresh, () => callOnNewConnection(url)) : timed(kept, () => call(session)));
  }
  await Promise.all(all);
  const spent = { cpuSeconds: cpuSeconds(pid) - cpuBefore, wallSeconds: (performance.now() - start) / 1000 };
  session.destroy();
  crowd.send("stop");
  const [report] = (await once(crowd, "message")) as [Report];
  // The service closes what the crowd left before the next kind begins.
  await setTimeout(500);
  return { kept, fresh, failures, report, ...spent };
}

async function callOnNewConnection(url: string): Promise<void> {
  const session = connectHttp2(url);
  session.on("error", () => undefined);
  try {
    await call(session);
  } finally {
    session.destroy();
  }
}

/** A unary call by hand: a client library would cost as much as the service and be measured with it. */
function call(session: ClientHttp2Session, authorization = `Bearer ${ADMIN_KEY}`, expected = "0"): Promise<void> {
  return new Promise((resolve, reject) => {
    const stream = session.request({
      ":method": "POST",
      ":path": checkPath,
      "content-type": "application/grpc",
      te: "trailers",
      ...(authorization === "" ? {} : { authorization }),
    });
    let status: unknown;
    const note = (headers: Readonly<Record<string, unknown>>): void => {
      status = headers["grpc-status"] ?? status;
    };
    stream.on("response", note).on("trailers", note).on("error", reject).resume();
    stream.on("close", () => (status === expected ? resolve() : reject(new Error(`grpc-status is ${String(status)}`))));
    stream.end(checkFrame);
  });
}

/** The other process: floods and holds connections on command. */
function strangers(url: string): void {
  let stop: () => Promise<Report> = () => Promise.resolve({ sent: 0, answered: 0, held: 0 });
  const heed = async (word: Kind | "stop"): Promise<void> => {
    if (word === "stop") {
      process.send?.(await stop());
      return;
    }
    if (word === "flood") stop = flood(url);
    else if (word === "slow") stop = await holdSlowly(url);
    else stop = () => Promise.resolve({ sent: 0, answered: 0, held: 0 });
    process.send?.("ready");
  };
  process.on("message", (word: Kind | "stop") => {
    heed(word).catch((error: unknown) => {
      process.stderr.write(`${String(error)}\n`);
      process.exit(1);
    });
  });
}

/** Half of the requests show no credential, half a wrong one. */
function flood(url: string): () => Promise<Report> {
  const sessions = Array.from({ length: FLOOD_CONNECTIONS }, () => connectHttp2(url));
  for (const session of sessions) session.on("error", () => undefined);
  const begin = performance.now();
  let [sent, answered] = [0, 0];
  const timer = setInterval(() => {
    const due = ((performance.now() - begin) * Number(flags.flood)) / 1000;
    while (sent < due && sent - answered < FLOOD_OPEN_MAX) {
      const session = sessions[sent % sessions.length];
      if (session === undefined || session.destroyed) break;
      sent++;
      call(session, sent % 2 === 0 ? "" : "Bearer wrong-wrong-wrong-wrong-wrong-wrong", "16").then(
        () => answered++,
        // More wrong credentials than an address may show in a second are refused in another way.
        () => answered++,
      );
    }
  }, FLOOD_TICK_MS);
  return async () => {
    clearInterval(timer);
    for (let i = 0; answered < sent && i < 200; i++) await setTimeout(50);
    for (const session of sessions) session.destroy();
    return { sent, answered, held: 0 };
  };
}

/** Opens all, then keeps their number by opening one for each that the service closes. */
async function holdSlowly(url: string): Promise<() => Promise<Report>> {
  const { hostname, port } = new URL(url);
  const sockets = new Set<Socket>();
  const slow = Number(flags.slow);
  let isOver = false;
  const openOne = async (): Promise<void> => {
    const socket = connect(Number(port), hostname);
    socket.on("error", () => undefined);
    sockets.add(socket);
    socket.once("close", () => {
      sockets.delete(socket);
      // Not at once: a crowd that is thrown out comes back a moment later.
      if (!isOver) globalThis.setTimeout(() => isOver || openOne().catch(() => undefined), 100);
    });
    await once(socket, "connect");
    socket.write(`POST ${checkPath} HTTP/1.1\r\nHost: a\r\nX-Slow: `);
  };
  for (let opened = 0; opened < slow; opened += OPENING_AT_ONCE) {
    await Promise.allSettled(Array.from({ length: Math.min(OPENING_AT_ONCE, slow - opened) }, openOne));
  }
  let turn = 0;
  const parts = DRIP_MS / 50;
  const timer = setInterval(() => {
    turn = (turn + 1) % parts;
    let index = 0;
    for (const socket of sockets) if (index++ % parts === turn && socket.writable) socket.write("x");
  }, 50);
  return async () => {
    const held = sockets.size;
    isOver = true;
    clearInterval(timer);
    for (const socket of sockets) socket.destroy();
    while (sockets.size > 0) await setTimeout(20);
    return { sent: 0, answered: 0, held };
  };
}

function print(found: ReadonlyMap<Kind, readonly Round[]>): void {
  const { rounds, seconds, rate, flood: floodRate, slow } = flags;
  process.stdout.write(
    `${rounds} rounds of ${seconds} s each; ${rate} calls a second with a key; flood ${floodRate} a second; ${slow} slow connections\n`,
  );
  for (const [kind, all] of found) {
    const kept = all.flatMap((round) => round.kept);
    const fresh = all.flatMap((round) => round.fresh);
    const failures = all.reduce((sum, round) => sum + round.failures, 0);
    const sent = all.reduce((sum, { report }) => sum + report.sent, 0);
    const answered = all.reduce((sum, { report }) => sum + report.answered, 0);
    const busy =
      all.reduce((sum, round) => sum + round.cpuSeconds, 0) / all.reduce((sum, round) => sum + round.wallSeconds, 0);
    const held = all.map(({ report }) => report.held).join(", ");
    process.stdout.write(
      `${kind.padEnd(6)} kept connection p50 ${at(kept, 0.5)} ms, p99 ${at(kept, 0.99)} ms; new connection p50 ${at(fresh, 0.5)} ms, p99 ${at(fresh, 0.99)} ms; ` +
        `${kept.length + fresh.length} calls, ${failures} failed; service busy ${(busy * 100).toFixed(0)} % of a core; strangers sent ${sent}, answered ${answered}, held ${held}\n`,
    );
    if (kind !== "quiet") {
      process.stdout.write(`       of quiet in the same round: ${ratios(all, found.get("quiet") ?? [])}\n`);
    }
  }
}

/** How much longer calls took than in the quiet part of the same round: the median of the rounds, the least and the most. */
function ratios(all: readonly Round[], quiet: readonly Round[]): string {
  const ratiosAt = (share: number): string => {
    const each = all.map(({ kept, fresh }, round) => {
      const other = quiet[round];
      return (
        Number(at([...kept, ...fresh], share)) / Number(at([...(other?.kept ?? []), ...(other?.fresh ?? [])], share))
      );
    });
    return `${at(each, 0.5)} (${at(each, 0)}-${at(each, 1)})`;
  };
  return `p50 ${ratiosAt(0.5)}, p99 ${ratiosAt(0.99)}`;
}

function at(values: readonly number[], share: number): string {
  const sorted = values.toSorted((a, b) => a - b);
  return (sorted[Math.floor((sorted.length - 1) * share)] ?? Number.NaN).toFixed(2);
}
