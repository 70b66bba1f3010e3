/** Starts real services for tests: on a free port, with a database of their own, in this process or in a child. */
import assert from "node:assert/strict";
import { type ChildProcessWithoutNullStreams, spawn } from "node:child_process";
import { randomUUIDv7 } from "node:crypto";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { type Client, createClient } from "@connectrpc/connect";
import { createGrpcTransport } from "@connectrpc/connect-node";
import { AdminService } from "../../gen/lockkeeper/admin/v1/admin_service_pb.ts";
import { ApiKeyService } from "../../gen/lockkeeper/apikey/v1/api_key_service_pb.ts";
import { EventService } from "../../gen/lockkeeper/event/v1/event_service_pb.ts";
import { HistoryService } from "../../gen/lockkeeper/event/v1/history_service_pb.ts";
import { OrganizationService } from "../../gen/lockkeeper/organization/v1/organization_service_pb.ts";
import { PolicyService } from "../../gen/lockkeeper/policy/v1/policy_service_pb.ts";
import { SessionService } from "../../gen/lockkeeper/session/v1/session_service_pb.ts";
import { SignInService } from "../../gen/lockkeeper/signin/v1/sign_in_service_pb.ts";
import { UserService } from "../../gen/lockkeeper/user/v1/user_service_pb.ts";
import { type Config, readConfig } from "../../src/config.ts";
import { createLog } from "../../src/observability/log.ts";
import { serve } from "../../src/server/serve.ts";
import { monotonicTime } from "../../src/store/upkeep/steady-clock.ts";
import { startBalancer } from "./balancer.ts";
import { defer, type Scope } from "./cleanup.ts";

/** The owner's key of every service that a test starts. */
export const ADMIN_KEY = "an-owner-key-for-tests-0123456789abcdef";

/** What the first generation adds to the epochs of users. */
export const GENERATION: bigint = 2n ** 22n;

/** A clock that stands still until it is told to go on. */
export class TestClock {
  now = Date.UTC(2026, 0, 1);

  advance(ms: number): void {
    this.now += ms;
  }
}

export interface Running {
  readonly url: string;
  /** Where the metrics have a port of their own. */
  readonly metricsUrl: string | undefined;
  /** Everything logged so far. */
  readonly log: () => string;
  readonly users: Client<typeof UserService>;
  readonly organizations: Client<typeof OrganizationService>;
  readonly keys: Client<typeof ApiKeyService>;
  readonly sessions: Client<typeof SessionService>;
  readonly signIns: Client<typeof SignInService>;
  readonly policies: Client<typeof PolicyService>;
  readonly events: Client<typeof EventService>;
  readonly history: Client<typeof HistoryService>;
  readonly admin: Client<typeof AdminService>;
  readonly stop: () => Promise<void>;
}

export interface RunOptions {
  /** Milliseconds since the epoch; absent: the real time. */
  readonly clock?: () => number;
  /** Milliseconds since any instant, never jumping; absent: `clock` is taken for it, if there is one, and never jumps. */
  readonly monotonic?: () => number;
  readonly newId?: () => string;
  /** Where the database is; absent: in a folder of its own that goes with the test. */
  readonly path?: string;
  /** For what each process counts or remembers for itself: there is only one, on whatever database. */
  readonly isOneProcess?: boolean;
  readonly config?: Partial<Config>;
}

/** A folder that goes with the test. */
export async function temporaryFolder(t: Scope): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "lockkeeper-test-"));
  defer(t, () => rm(folder, { recursive: true, force: true }));
  return folder;
}

/** Serving threads have the real clock and ids of their own. */
function canThread({ clock, monotonic, newId }: RunOptions): boolean {
  return clock === undefined && monotonic === undefined && newId === undefined;
}

/** Replicas that stand for one service, each on the same PostgreSQL database; 0: one service on a file. */
const REPLICAS = Number(process.env.TEST_REPLICAS ?? 0);

/**
 * A service in this process. It stops with the test. LOCKKEEPER_THREADS of the environment gives it serving threads,
 * which log to standard error; LOCKKEEPER_FAST_PATH switches the fast path. With TEST_REPLICAS it is so many services on
 * one PostgreSQL database, behind a balancer, unless the test names the path of a file.
 */
export async function startService(t: Scope, options: RunOptions = {}): Promise<Running> {
  if (REPLICAS > 0 && options.path === undefined) {
    return await startReplicas(t, options.isOneProcess ? 1 : REPLICAS, options);
  }
  const path = options.path ?? join(await temporaryFolder(t), "lockkeeper.db");
  return await startOn(t, `sqlite:${path}`, options);
}

/** One of several services on one database. */
export interface Replicas extends Running {
  readonly replicas: readonly Running[];
}

/** Returns the path of a new file; with TEST_REPLICAS the URL of an empty PostgreSQL database. */
export async function newDatabase(t: Scope): Promise<string> {
  return REPLICAS > 0 ? await emptyServer(t) : join(await temporaryFolder(t), "lockkeeper.db");
}

async function emptyServer(t: Scope): Promise<string> {
  const { sharedPostgres } = await import("./postgres.ts");
  return await (await sharedPostgres()).createDatabase(t);
}

/** Starts services on one PostgreSQL database, a new one or that of the URL `path`, and a balancer in front of them. */
export async function startReplicas(t: Scope, count: number, options: RunOptions = {}): Promise<Replicas> {
  const database = options.path ?? (await emptyServer(t));
  const replicas: Running[] = [];
  for (let index = 0; index < count; index++) replicas.push(await startOn(t, database, options));
  const urls = replicas.map(({ url }) => url);
  const { url } = count === 1 ? { url: urls[0] ?? "" } : await startBalancer(t, urls);
  return {
    url,
    metricsUrl: replicas[0]?.metricsUrl,
    log: () => replicas.map(({ log }) => log()).join(""),
    ...clientsOf(url, ADMIN_KEY),
    async stop() {
      for (const { stop } of replicas) await stop();
    },
    replicas,
  };
}

/** Said at each start, because the server of tests does not wait for disks. */
export const DISK_WARNINGS: RegExp = /^.*the database [^"\n]* has (?:fsync|full_page_writes) = off.*\n/gm;

async function startOn(t: Scope, database: string, options: RunOptions): Promise<Running> {
  const config: Config = {
    ...readConfig(["--listen", "127.0.0.1:0", "--stop-grace", "1s", "--stop-drain", "0s"], {
      LOCKKEEPER_ADMIN_KEY: ADMIN_KEY,
      LOCKKEEPER_DATABASE: database,
      LOCKKEEPER_DATABASE_CONNECTIONS: database.startsWith("postgres") ? "5" : undefined,
      LOCKKEEPER_FAST_PATH: process.env.LOCKKEEPER_FAST_PATH,
      ...(canThread(options) && { LOCKKEEPER_THREADS: process.env.LOCKKEEPER_THREADS }),
    }),
    ...options.config,
  };
  let lines = "";
  const clock = options.clock ?? Date.now;
  const log = createLog({ level: "debug", format: "json", clock, sink: (text) => (lines += text) });
  const adminKeyMade = (): never => assert.fail("a service with an admin key made another one");
  const { monotonic = options.clock ?? monotonicTime, newId = randomUUIDv7 } = options;
  const service = await serve(config, { clock, monotonic, newId, log, adminKeyMade });
  let stopped: Promise<void> | undefined;
  const stop = (): Promise<void> => (stopped ??= service.stop());
  defer(t, stop);
  return {
    url: service.url,
    metricsUrl: service.metricsUrl,
    log: () => {
      log.flush();
      return lines.replaceAll(DISK_WARNINGS, "");
    },
    ...clientsOf(service.url, ADMIN_KEY),
    stop,
  };
}

/** gRPC clients of every native service. */
export function clientsOf(url: string, key: string): Omit<Running, "url" | "metricsUrl" | "log" | "stop"> {
  const transport = createGrpcTransport({
    baseUrl: url,
    interceptors: [
      (next) => (request) => {
        request.header.set("Authorization", `Bearer ${key}`);
        return next(request);
      },
    ],
  });
  return {
    users: createClient(UserService, transport),
    organizations: createClient(OrganizationService, transport),
    keys: createClient(ApiKeyService, transport),
    sessions: createClient(SessionService, transport),
    signIns: createClient(SignInService, transport),
    policies: createClient(PolicyService, transport),
    events: createClient(EventService, transport),
    history: createClient(HistoryService, transport),
    admin: createClient(AdminService, transport),
  };
}

export interface Child {
  readonly process: ChildProcessWithoutNullStreams;
  readonly url: string;
  /** Everything on standard output so far. */
  readonly stdout: () => string;
  readonly stderr: () => string;
}

export interface ChildOptions {
  /** Of the database: of its file, or the URL of a server. */
  readonly path: string;
  /** Absent: a free port of this machine. */
  readonly listen?: string;
  readonly arguments?: readonly string[];
  readonly nodeArguments?: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
  /** With a channel for messages, for what is preloaded into it. */
  readonly channel?: boolean;
  /** Put in front of `node`, for example a tracer. */
  readonly command?: readonly string[];
}

/** A service in a process of its own, ready to be called. It is killed with the test if it still runs then. */
export async function spawnService(t: TestContext, options: ChildOptions): Promise<Child> {
  const words = [
    ...(options.command ?? []),
    process.execPath,
    ...(options.nodeArguments ?? []),
    join(import.meta.dirname, "../../src/main.ts"),
    "serve",
    "--listen",
    options.listen ?? "127.0.0.1:0",
    ...(options.arguments ?? []),
  ];
  const [program = "", ...args] = words;
  const child = spawn(program, args, {
    env: {
      ...process.env,
      LOCKKEEPER_ADMIN_KEY: ADMIN_KEY,
      // Not on the command line: a URL has a password.
      LOCKKEEPER_DATABASE: options.path.startsWith("postgres://") ? options.path : `sqlite:${options.path}`,
      LOCKKEEPER_LOG_LEVEL: "warn",
      LOCKKEEPER_STOP_DRAIN: "0s",
      ...options.environment,
    },
    stdio: ["pipe", "pipe", "pipe", ...(options.channel ? (["ipc"] as const) : [])],
  }) as ChildProcessWithoutNullStreams;
  defer(t, () => {
    child.kill("SIGKILL");
  });
  let stdout = "";
  let stderr = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    stderr += text;
  });
  child.stdout.setEncoding("utf8");
  const url = await new Promise<string>((resolve, reject) => {
    child.stdout.on("data", (text: string) => {
      stdout += text;
      const match = /^listening on (\S+)\n/m.exec(stdout);
      if (match?.[1] !== undefined) resolve(match[1]);
    });
    child.once("error", reject);
    child.once("exit", (code, signal) =>
      reject(new Error(`the service ended with ${code ?? signal}:\n${stdout}${stderr}`)),
    );
  });
  return { process: child, url, stdout: () => stdout, stderr: () => stderr };
}

/** Waits for the end of a child; answers its exit code or the signal that ended it. */
export async function ended(child: Child): Promise<number | NodeJS.Signals | null> {
  const { exitCode, signalCode } = child.process;
  if (exitCode !== null || signalCode !== null) return exitCode ?? signalCode;
  const [code, signal] = (await once(child.process, "exit")) as [number | null, NodeJS.Signals | null];
  return code ?? signal;
}
