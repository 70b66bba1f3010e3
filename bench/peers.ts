/** Compares CheckSignIn with servers that do nothing: @grpc/grpc-js on gRPC, Fastify with a response schema on REST. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { Agent, request } from "node:http";
import { connect } from "node:http2";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { SignInService } from "../gen/lockkeeper/signin/v1/sign_in_service_pb.ts";
import { callGrpc, measure, ROUND_HEADS, type Round, roundCells, type Send } from "./support/load.ts";
import { printTable, spread } from "./support/report.ts";
import { ADMIN_KEY, listening, startService } from "./support/service.ts";

const { values: flags } = parseArgs({
  options: {
    /** Calls of each kind in one round. */
    calls: { type: "string", default: "20000" },
    rounds: { type: "string", default: "9" },
    /** HTTP/2 connections, each with `inflight` calls; and as many HTTP/1.1 connections as both together, 64 at most. */
    connections: { type: "string", default: "8" },
    inflight: { type: "string", default: "16" },
  },
});
const connections = Number(flags.connections);
const inflight = Number(flags.inflight);
const HTTP1_CONNECTIONS_MAX = 64;

interface Kind {
  readonly name: string;
  /** What it is divided by. */
  readonly peer?: string;
  readonly child: ChildProcess;
  readonly lanes: readonly Send[];
  readonly rounds: Round[];
}

function startPeer(name: string): ChildProcess {
  return spawn(process.execPath, [join(import.meta.dirname, `peers/${name}.ts`)], {
    stdio: ["ignore", "pipe", "inherit"],
  });
}

const closers: (() => void)[] = [];

function grpcLanes(url: string): readonly Send[] {
  return Array.from({ length: connections }, () => {
    const session = connect(url);
    closers.push(() => session.close());
    const send: Send = () => callGrpc(session, SignInService.method.checkSignIn, { userId: "alice" });
    return new Array<Send>(inflight).fill(send);
  }).flat();
}

function restLanes(url: string): readonly Send[] {
  const lanes = Math.min(connections * inflight, HTTP1_CONNECTIONS_MAX);
  const agent = new Agent({ keepAlive: true, maxSockets: lanes });
  closers.push(() => agent.destroy());
  const headers = { authorization: `Bearer ${ADMIN_KEY}` };
  const send: Send = () =>
    new Promise((resolve, reject) => {
      const sent = request(`${url}/v1/users/alice:checkSignIn`, { agent, headers }, (answer) => {
        answer
          .resume()
          .once("end", () => (answer.statusCode === 200 ? resolve() : reject(new Error(`${answer.statusCode}`))));
      });
      sent.once("error", reject).end();
    });
  return new Array<Send>(lanes).fill(send);
}

const folder = mkdtempSync(join(tmpdir(), "lockkeeper-bench-"));
const children = [startService(join(folder, "a.db")), startPeer("grpc-js"), startPeer("fastify")] as const;
try {
  const [service, grpcJs, fastify] = children;
  const [serviceUrl, grpcUrl, fastifyUrl] = await Promise.all([
    listening(service),
    listening(grpcJs),
    listening(fastify),
  ]);
  const headers = { authorization: `Bearer ${ADMIN_KEY}`, "content-type": "application/json" };
  await fetch(`${serviceUrl}/v1/users`, { method: "POST", headers, body: '{"userId":"alice"}' });
  const kinds: readonly Kind[] = [
    { name: "@grpc/grpc-js, no-op", child: grpcJs, lanes: grpcLanes(grpcUrl), rounds: [] },
    {
      name: "lockkeeper, gRPC",
      peer: "@grpc/grpc-js, no-op",
      child: service,
      lanes: grpcLanes(serviceUrl),
      rounds: [],
    },
    { name: "Fastify, response schema", child: fastify, lanes: restLanes(fastifyUrl), rounds: [] },
    {
      name: "lockkeeper, REST",
      peer: "Fastify, response schema",
      child: service,
      lanes: restLanes(serviceUrl),
      rounds: [],
    },
  ];
  for (const { lanes, child } of kinds) await measure(lanes, 2_000, child.pid);
  // Interleaved, so that other load on the machine affects all alike.
  for (let round = 0; round < Number(flags.rounds); round++) {
    for (const { lanes, child, rounds } of kinds) rounds.push(await measure(lanes, Number(flags.calls), child.pid));
  }
  print(kinds);
} finally {
  for (const close of closers) close();
  for (const child of children) child.kill();
  await Promise.all(children.map((child) => child.exitCode ?? once(child, "exit")));
  rmSync(folder, { recursive: true });
}

function print(kinds: readonly Kind[]): void {
  process.stdout.write(`median (least to most) of ${flags.rounds} rounds of ${flags.calls} calls\n`);
  const rows = kinds.map(({ name, peer, rounds }) => {
    const others = kinds.find((kind) => kind.name === peer)?.rounds ?? [];
    const ratios = others.map((other, i) => (rounds[i]?.callsPerSecond ?? Number.NaN) / other.callsPerSecond);
    return [name, ...roundCells(rounds), ratios.length === 0 ? "1" : spread(ratios, 2)];
  });
  printTable([["", ...ROUND_HEADS, "÷ peer"], ...rows]);
}
