/** The servers that are compared, each in a process of its own: how they start, and what they use. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, openSync, readFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { findProgram } from "./programs.ts";
import { ADMIN_KEY, listening } from "./service.ts";

const ROOT = join(import.meta.dirname, "../..");

/** Where a server may run: pinned to the first core with the load on the second, or anywhere. */
export type Column = "one core" | "whole machine";

export interface Running {
  readonly url: string;
  readonly pid: number;
  /** What the server has printed until it listened. */
  readonly said: string;
  stop(): Promise<void>;
}

export interface Server {
  readonly name: string;
  /** Arguments of Node. `folder`: a temporary folder of this server. */
  readonly words: (folder: string) => readonly string[];
  /** Runs in as many processes as there are cores where it may use them. */
  readonly isClustered: boolean;
  /** Serves a database of lockkeeper, which must be there before it starts. */
  readonly isLockkeeper: boolean;
}

type More = (folder: string) => readonly string[];

function peer(name: string, file: string, more: More = () => []): Server {
  const words: More = (folder) => [join(ROOT, `bench/peers/${file}.ts`), ...more(folder)];
  return { name, words, isClustered: true, isLockkeeper: false };
}

/** As in production: keys checked, requests validated, a log line for each call. */
export function lockkeeper(name: string, flags: readonly string[] = [], databaseUrl?: string): Server {
  const words: More = (folder) => [
    join(ROOT, "bin/lockkeeper.cjs"),
    "serve",
    "--listen=127.0.0.1:0",
    `--database=${databaseUrl ?? `sqlite:${join(folder, "lockkeeper.db")}`}`,
    "--log-level=info",
    ...flags,
  ];
  return { name, words, isClustered: false, isLockkeeper: true };
}

/** A replica on a PostgreSQL database. */
export function replicaOn(databaseUrl: string): Server {
  return lockkeeper("lockkeeper on PostgreSQL", [], databaseUrl);
}

/** Sends so many events of so many bytes a second to those who watch. */
export function pushes(rate: number, bytes: number): Server {
  const flags = [`--rate=${rate}`, `--bytes=${bytes}`];
  return { ...peer("raw node:http2, sending", "pushes", () => flags), isClustered: false };
}

const sqlite = (folder: string): readonly string[] => ["--sqlite", join(folder, "peer.db")];

export const SERVERS = {
  lockkeeper: lockkeeper("lockkeeper"),
  lockkeeperThreads: lockkeeper("lockkeeper, 2 threads", ["--threads=2"]),
  grpcJs: peer("@grpc/grpc-js, no-op", "grpc-js"),
  grpcJsAlone: { ...peer("one process of @grpc/grpc-js, no-op", "grpc-js"), isClustered: false },
  fastify: peer("Fastify, response schema, no-op", "fastify"),
  fastifyAlone: { ...peer("one process of Fastify, response schema, no-op", "fastify"), isClustered: false },
  connectNode: peer("stock connect-node, no-op", "connect-node"),
  connectNodeHttp1: peer("stock connect-node, no-op", "connect-node", () => ["--http1"]),
  nodeHttp: peer("raw node:http", "node-http"),
  nodeHttp2: peer("raw node:http2", "node-http", () => ["--http2"]),
  // One process: several that write one file wait for each other.
  connectSqlite: { ...peer("stock connect-node + better-sqlite3", "connect-node", sqlite), isClustered: false },
  fastifySqlite: { ...peer("Fastify + better-sqlite3", "fastify-sqlite", sqlite), isClustered: false },
} as const satisfies Readonly<Record<string, Server>>;

/** Starts a server. Its log goes to a file in `folder`, as a production log goes to a pipe or file. */
export async function startServer(server: Server, folder: string, column: Column): Promise<Running> {
  const log = openSync(join(folder, "log"), "a");
  const isClustered = server.isClustered && column === "whole machine";
  const processes = isClustered ? [join(ROOT, "bench/peers/cluster.ts"), `${availableParallelism()}`] : [];
  const words = [process.execPath, ...processes, ...server.words(folder)];
  const [program = "", ...rest] = column === "one core" ? ["taskset", "-c", "0", ...words] : words;
  const child: ChildProcess = spawn(program, rest, {
    cwd: ROOT,
    stdio: ["ignore", "pipe", log],
    env: { ...process.env, LOCKKEEPER_ADMIN_KEY: ADMIN_KEY },
  });
  closeSync(log);
  const { url, said } = await listening(child).catch((error: unknown) => {
    throw new Error(`${server.name}: ${readFileSync(join(folder, "log"), "utf8")}`, { cause: error });
  });
  if (child.pid === undefined) throw new Error(`${server.name} has no process id`);
  return {
    url,
    said,
    pid: child.pid,
    stop: async () => {
      child.kill();
      if (child.exitCode === null && child.signalCode === null) await once(child, "exit");
    },
  };
}

/** Returns how many calls a server of lockkeeper has refused so far, by its own metrics. */
export async function countRefusals({ url }: Running): Promise<number> {
  const answer = await fetch(`${url}/metrics`, { headers: { authorization: `Bearer ${ADMIN_KEY}` } });
  const text = await answer.text();
  if (!answer.ok) throw new Error(`GET /metrics answers ${answer.status}`);
  const counts = text.matchAll(/^lockkeeper_refusals_total\{[^}]*\} (\d+)$/gm);
  return [...counts].reduce((sum, [, count]) => sum + Number(count), 0);
}

/** Returns whether servers and load can be pinned to a core each. */
export function canPin(): boolean {
  return findProgram("taskset") !== undefined && readFileSync("/proc/cpuinfo", "utf8").split(/^processor/m).length > 2;
}
