/** Measures calls of CheckSignIn, VerifySession and attempts over gRPC: per second, how long, and the service's processor time. */
import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { type ClientHttp2Session, connect } from "node:http2";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { createClient } from "@connectrpc/connect";
import { createGrpcTransport } from "@connectrpc/connect-node";
import { Factor } from "../gen/lockkeeper/resource/v1/factor_pb.ts";
import { SessionService } from "../gen/lockkeeper/session/v1/session_service_pb.ts";
import { AttemptOutcome, SignInService } from "../gen/lockkeeper/signin/v1/sign_in_service_pb.ts";
import { UserService } from "../gen/lockkeeper/user/v1/user_service_pb.ts";
import { callGrpc, measure, ROUND_HEADS, type Round, roundCells } from "./support/load.ts";
import { printTable } from "./support/report.ts";
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

/** One call of a kind on a connection. */
type Call = (session: ClientHttp2Session, index: number) => Promise<void>;

const folder = mkdtempSync(join(tmpdir(), "lockkeeper-bench-"));
const child = startService(join(folder, "a.db"));
try {
  const url = await listening(child);
  const tokens = await fill(url);
  const kinds: readonly (readonly [name: string, call: Call])[] = [
    ["CheckSignIn", (session, index) => callGrpc(session, SignInService.method.checkSignIn, { userId: userOf(index) })],
    [
      "VerifySession",
      (session, index) => {
        const value = tokens[index % tokens.length] ?? "";
        return callGrpc(session, SessionService.method.verifySession, { key: { case: "token", value } });
      },
    ],
    ["Begin, Complete", attempt],
  ];
  const sessions = Array.from({ length: Number(flags.connections) }, () => connect(url));
  const round = (call: Call, calls: number): Promise<Round> => {
    const lanes = sessions.flatMap((session) => new Array<ClientHttp2Session>(Number(flags.inflight)).fill(session));
    return measure(
      lanes.map((session) => (index) => call(session, index)),
      calls,
      child.pid,
    );
  };
  for (const [, call] of kinds) await round(call, 2_000);
  const found = new Map<string, Round[]>(kinds.map(([name]) => [name, []]));
  // Interleaved, so that other load on the machine affects all alike.
  for (let index = 0; index < Number(flags.rounds); index++) {
    for (const [name, call] of kinds) found.get(name)?.push(await round(call, Number(flags.calls)));
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

/** Returns the tokens of the users' sessions. */
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

async function attempt(session: ClientHttp2Session, index: number): Promise<void> {
  const attemptId = randomUUID();
  const subject = { subject: { case: "userId", value: userOf(index) } } as const;
  await callGrpc(session, SignInService.method.beginAttempt, { attemptId, subject, factor: Factor.PASSWORD });
  await callGrpc(session, SignInService.method.completeAttempt, { attemptId, outcome: AttemptOutcome.SUCCEEDED });
}

function print(found: ReadonlyMap<string, readonly Round[]>): void {
  const { connections, inflight, rounds, calls } = flags;
  process.stdout.write(
    `median (least to most) of ${rounds} rounds of ${calls}; ${connections} connections × ${inflight} in flight\n`,
  );
  printTable([["", ...ROUND_HEADS], ...[...found].map(([name, all]) => [name, ...roundCells(all)])]);
}
