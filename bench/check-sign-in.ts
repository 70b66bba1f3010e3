import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { type ClientHttp2Session, connect } from "node:http2";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { create, type DescMethodUnary, type MessageInitShape, toBinary } from "@bufbuild/protobuf";
import { createClient } from "@connectrpc/connect";
import { createGrpcTransport } from "@connectrpc/connect-node";
import { Factor } from "../gen/lockkeeper/resource/v1/factor_pb.ts";
import { SessionService } from "../gen/lockkeeper/session/v1/session_service_pb.ts";
import { AttemptOutcome, SignInService } from "../gen/lockkeeper/signin/v1/sign_in_service_pb.ts";
import { UserService } from "../gen/lockkeeper/user/v1/user_service_pb.ts";
import { ADMIN_KEY, listening, startService } from "./support/service.ts";

const { values: flags } = parseArgs({
  options: {
    /** Calls of each kind in one round. */
    calls: { type: "string", default: "20000" },
    rounds: { type: "string", default: "5" },
    connections: { type: "string", default: "8" },
    /** Calls in flight on each connection. */
    inflight: { type: "string", default: "16" },
    /** Users, each with one session. */
    users: { type: "string", default: "1000" },
  },
});

const TICKS_PER_SECOND = 100;

/** One call of a kind; the bench knows nothing of what is in it. */
type Send = (session: ClientHttp2Session, index: number) => Promise<void>;

interface Round {
  readonly callsPerSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** Processor time of the service for each call, all its threads. */
  readonly cpuMicros: number;
}

const folder = mkdtempSync(join(tmpdir(), "lockkeeper-bench-"));
const child = startService(join(folder, "a.db"));
try {
  const url = await listening(child);
  const tokens = await fill(url);
  const kinds: readonly (readonly [name: string, send: Send])[] = [
    ["CheckSignIn", (session, index) => call(session, SignInService.method.checkSignIn, { userId: userOf(index) })],
    [
      "VerifySession",
      (session, index) => {
        const value = tokens[index % tokens.length] ?? "";
        return call(session, SessionService.method.verifySession, { key: { case: "token", value } });
      },
    ],
    ["Begin, Complete", attempt],
  ];
  const sessions = Array.from({ length: Number(flags.connections) }, () => connect(url));
  for (const [, send] of kinds) await measure(sessions, send, 2_000);
  const found = new Map<string, Round[]>(kinds.map(([name]) => [name, []]));
  // Interleaved, so that whatever else the machine does meets all alike.
  for (let round = 0; round < Number(flags.rounds); round++) {
    for (const [name, send] of kinds) found.get(name)?.push(await measure(sessions, send, Number(flags.calls)));
  }
  for (const session of sessions) session.close();
  print(found);
} finally {
  child.kill();
  await once(child, "exit");
  rmSync(folder, { recursive: true });
}

function userOf(index: number): string {
  return `user-${index % Number(flags.users)}`;
}

/** Answers the tokens of the users' sessions. */
async function fill(baseUrl: string): Promise<readonly string[]> {
  const transport = createGrpcTransport({
    baseUrl,
    interceptors: [
      (next) => (request) => {
        request.header.set("Authorization", `Bearer ${ADMIN_KEY}`);
        return next(request);
      },
    ],
  });
  const users = createClient(UserService, transport);
  const sessions = createClient(SessionService, transport);
  const all = Array.from({ length: Number(flags.users) }, async (_, index) => {
    await users.createUser({ userId: userOf(index) });
    return (await sessions.createSession({ userId: userOf(index) })).token;
  });
  return Promise.all(all);
}

/** A unary call by hand: a client library would cost as much as the service and be measured with it. */
function call<M extends DescMethodUnary>(
  session: ClientHttp2Session,
  method: M,
  request: MessageInitShape<M["input"]>,
): Promise<void> {
  const message = toBinary(method.input, create(method.input, request));
  const frame = Buffer.alloc(5 + message.length);
  frame.writeUInt32BE(message.length, 1);
  frame.set(message, 5);
  return new Promise((resolve, reject) => {
    const stream = session.request({
      ":method": "POST",
      ":path": `/${method.parent.typeName}/${method.name}`,
      "content-type": "application/grpc",
      te: "trailers",
      authorization: `Bearer ${ADMIN_KEY}`,
    });
    let status: unknown;
    const note = (headers: Readonly<Record<string, unknown>>): void => {
      status = headers["grpc-status"] ?? status;
    };
    stream.on("response", note).on("trailers", note).on("error", reject).resume();
    stream.on("close", () => (status === "0" ? resolve() : reject(new Error(`grpc-status is ${String(status)}`))));
    stream.end(frame);
  });
}

async function attempt(session: ClientHttp2Session, index: number): Promise<void> {
  const attemptId = randomUUID();
  const subject = { subject: { case: "userId", value: userOf(index) } } as const;
  await call(session, SignInService.method.beginAttempt, { attemptId, subject, factor: Factor.PASSWORD });
  await call(session, SignInService.method.completeAttempt, { attemptId, outcome: AttemptOutcome.SUCCEEDED });
}

async function measure(sessions: readonly ClientHttp2Session[], send: Send, calls: number): Promise<Round> {
  const times: number[] = [];
  let next = 0;
  const caller = async (session: ClientHttp2Session): Promise<void> => {
    for (let index = next++; index < calls; index = next++) {
      const begin = performance.now();
      await send(session, index);
      times.push(performance.now() - begin);
    }
  };
  const cpuBefore = cpuSeconds();
  const begin = performance.now();
  await Promise.all(
    sessions.flatMap((session) => Array.from({ length: Number(flags.inflight) }, () => caller(session))),
  );
  const seconds = (performance.now() - begin) / 1000;
  const sorted = times.toSorted((a, b) => a - b);
  const at = (share: number): number => sorted[Math.floor((sorted.length - 1) * share)] ?? Number.NaN;
  const cpuMicros = ((cpuSeconds() - cpuBefore) / calls) * 1e6;
  return { callsPerSecond: calls / seconds, p50Ms: at(0.5), p99Ms: at(0.99), cpuMicros };
}

/** User and system time of the service. */
function cpuSeconds(): number {
  const stat = readFileSync(`/proc/${child.pid}/stat`, "utf8");
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND;
}

/** Median, least and most. */
function spread(values: readonly number[], digits: number): string {
  const sorted = values.toSorted((a, b) => a - b);
  const at = (share: number): string => (sorted[Math.floor((sorted.length - 1) * share)] ?? Number.NaN).toFixed(digits);
  return `${at(0.5)} (${at(0)} to ${at(1)})`;
}

function print(found: ReadonlyMap<string, readonly Round[]>): void {
  const { connections, inflight, rounds, calls } = flags;
  process.stdout.write(
    `median (least to most) of ${rounds} rounds of ${calls}; ${connections} connections × ${inflight} in flight\n`,
  );
  const heads = ["", "per second", "p50 ms", "p99 ms", "processor µs"];
  const rows = [...found].map(([name, all]) => [
    name,
    spread(
      all.map(({ callsPerSecond }) => callsPerSecond),
      0,
    ),
    spread(
      all.map(({ p50Ms }) => p50Ms),
      1,
    ),
    spread(
      all.map(({ p99Ms }) => p99Ms),
      1,
    ),
    spread(
      all.map(({ cpuMicros }) => cpuMicros),
      0,
    ),
  ]);
  const widths = heads.map((head, column) => Math.max(head.length, ...rows.map((row) => row[column]?.length ?? 0)));
  for (const row of [heads, ...rows]) {
    process.stdout.write(
      `${row
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join("  ")
        .trimEnd()}\n`,
    );
  }
}
