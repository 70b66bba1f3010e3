/** Real PostgreSQL servers for tests: on a free port, with data of their own, gone with the test or its process. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, existsSync, openSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Writable } from "node:stream";
import pg from "pg";
import { defer, type Scope } from "./cleanup.ts";
import { freePort } from "./nginx.ts";
import { type Binaries, findBinaries } from "./postgres-binaries.ts";
import { copyFolder, own, templateFolder, USER } from "./postgres-data.ts";
import { watch } from "./postgres-watchdog.ts";
import { until } from "./until.ts";

export { noPostgres } from "./postgres-binaries.ts";

/** Small, quiet, reachable by TCP alone, and fit to have a standby. */
const SETTINGS: Readonly<Record<string, string>> = {
  listen_addresses: "127.0.0.1",
  unix_socket_directories: "",
  shared_buffers: "32MB",
  max_connections: "100",
  wal_keep_size: "256MB",
  deadlock_timeout: "100ms",
  hot_standby: "on",
  jit: "off",
  timezone: "UTC",
  log_timezone: "UTC",
};

/** For tests that are not about power failures. */
const WITHOUT_FSYNC: Readonly<Record<string, string>> = { fsync: "off", full_page_writes: "off" };

export interface PostgresOptions {
  /** Of postgresql.conf. */
  readonly settings?: Readonly<Record<string, string>>;
  /** Whether commits wait for the disk; `false` where no test pulls the plug. The default is true, as in production. */
  readonly fsync?: boolean;
  /** Serves TLS with this certificate and its key, PEM. */
  readonly tls?: { readonly certificate: string; readonly key: string };
  /** Begins as a copy of this server, and follows it under the name `standbyName`. */
  readonly standbyOf?: PostgresServer;
  /** For `synchronous_standby_names` of the primary. */
  readonly standbyName?: string;
}

interface Place {
  readonly port: number;
  readonly folder: string;
  readonly password: string;
  /** Of the folder, see `watch`; absent: a new one. */
  readonly watchdog?: Writable;
}

/** One server. Stopped or killed, it can start again on the same port with the same data. */
export class PostgresServer {
  readonly port: number;
  /** Such as `15.13`. */
  readonly version: string;
  readonly #binaries: Binaries;
  /** Has the data and the log. */
  readonly #folder: string;
  readonly #password: string;
  readonly #watchdog: Writable;
  #run: ChildProcess | undefined;
  #databases = 0;

  constructor(binaries: Binaries, { port, folder, password, watchdog = watch(folder) }: Place) {
    this.port = port;
    this.version = binaries.version;
    this.#binaries = binaries;
    this.#folder = folder;
    this.#password = password;
    this.#watchdog = watchdog;
  }

  /** Lets the watchdog remove what is left. */
  release(): void {
    this.#watchdog.end();
  }

  /** The address of a database, as `--database` takes it, with the superuser's password. */
  url(database = "postgres"): string {
    return `postgres://${USER}:${this.#password}@127.0.0.1:${this.port}/${database}`;
  }

  get dataFolder(): string {
    return join(this.#folder, "data");
  }

  /** What the server has logged so far. */
  log(): string {
    return readFileSync(this.#logFile, "utf8");
  }

  /** Runs one statement on a connection of its own. */
  async query<R>(statement: string, database = "postgres"): Promise<R[]> {
    const client = new pg.Client({ connectionString: this.url(database) });
    client.on("error", () => undefined);
    await client.connect();
    try {
      return (await client.query(statement)).rows as R[];
    } finally {
      await client.end().catch(() => undefined);
    }
  }

  /**
   * Makes a schema with an owner of its own, gone with the test; returns the address with that owner. To lockkeeper it is
   * an empty database, which would take ten times as long to make.
   */
  async createDatabase(scope: Scope): Promise<string> {
    const name = `test_${++this.#databases}`;
    await this.query(`CREATE ROLE ${name} LOGIN PASSWORD '${this.password}'; CREATE SCHEMA AUTHORIZATION ${name}`);
    defer(scope, async () => {
      if (this.#run === undefined) return;
      await this.query(`SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = '${name}'`);
      await this.query(`DROP OWNED BY ${name} CASCADE; DROP ROLE ${name}`);
    });
    return this.url().replace(`//${USER}:`, `//${name}:`);
  }

  /** Sets what a running server can change. */
  async configure(settings: Readonly<Record<string, string>>): Promise<void> {
    for (const [name, value] of Object.entries(settings)) await this.query(`ALTER SYSTEM SET ${name} = '${value}'`);
    await this.query("SELECT pg_reload_conf()");
  }

  /** Starts a server that was stopped or killed; it answers when this resolves. */
  async start(): Promise<void> {
    // A killed server's children may hold its memory for a moment.
    for (let attempts = 1; !(await this.#tryStart()); attempts++) {
      if (attempts === 20) throw new Error(`PostgreSQL does not start:\n${this.log().slice(-2_000)}`);
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }

  /** `fast` ends all connections and writes what is in memory; `immediate` is as a crash, in order. */
  async stop(mode: "fast" | "immediate" = "fast"): Promise<void> {
    await this.#end(mode === "fast" ? "SIGINT" : "SIGQUIT");
  }

  /** Kills all processes of the server with -9. */
  async kill(): Promise<void> {
    const { pid } = this.#run ?? {};
    const children = pid === undefined ? [] : childrenOf(pid);
    const ended = this.#end("SIGKILL");
    for (const child of children) {
      try {
        process.kill(child, "SIGKILL");
      } catch {
        // It has ended by itself.
      }
    }
    await ended;
  }

  /** Makes a standby the primary. */
  async promote(): Promise<void> {
    await this.query("SELECT pg_promote(true, 30)");
  }

  /** Copies the data of the running server, as a base backup does, into a folder that is not there. */
  async copyTo(folder: string): Promise<void> {
    const client = new pg.Client({ connectionString: this.url() });
    await client.connect();
    try {
      await client.query("SELECT pg_backup_start('copy', true)");
      copyFolder(this.dataFolder, folder, this.#binaries);
      const { rows } = await client.query<{ labelfile: string }>("SELECT labelfile FROM pg_backup_stop(false)");
      // The log comes from the primary; half of a segment would be taken for its end.
      for (const name of readdirSync(join(folder, "pg_wal"))) rmSync(join(folder, "pg_wal", name), { recursive: true });
      for (const name of ["postmaster.pid", "postmaster.opts", "standby.signal"]) {
        rmSync(join(folder, name), { force: true });
      }
      writeFileSync(join(folder, "backup_label"), rows[0]?.labelfile ?? "");
      own(join(folder, "backup_label"), this.#binaries);
    } finally {
      await client.end();
    }
  }

  /** For `primary_conninfo` of a standby. */
  conninfo(standbyName: string): string {
    const place = `host=127.0.0.1 port=${this.port} user=${USER} password=${this.#password}`;
    return `${place} application_name=${standbyName}`;
  }

  get password(): string {
    return this.#password;
  }

  get #logFile(): string {
    return join(this.#folder, "log");
  }

  async #tryStart(): Promise<boolean> {
    const { folder, identity } = this.#binaries;
    const log = openSync(this.#logFile, "a");
    const server: ChildProcess = spawn(join(folder, "postgres"), ["-D", this.dataFolder], {
      stdio: ["ignore", log, log],
      detached: true,
      cwd: "/",
      ...identity,
    });
    closeSync(log);
    this.#watchdog.write(`${server.pid}\n`);
    server.unref();
    this.#run = server;
    server.once("exit", () => {
      this.#watchdog.write("\n");
      this.#run = undefined;
    });
    server.once("error", () => undefined);
    await until(() => this.#run !== server || this.#isReady(), "PostgreSQL");
    return this.#run === server;
  }

  /** As `pg_ctl` finds out. */
  #isReady(): boolean {
    const file = join(this.dataFolder, "postmaster.pid");
    const lines = existsSync(file) ? readFileSync(file, "utf8").split("\n") : [];
    return Number(lines[0]) === this.#run?.pid && ["ready", "standby"].includes((lines[7] ?? "").trim());
  }

  async #end(signal: NodeJS.Signals): Promise<void> {
    const server = this.#run;
    if (server === undefined) return;
    server.ref();
    const exited = once(server, "exit");
    server.kill(signal);
    await exited;
  }
}

/** Starts a server that is gone, with its data, when the test is over. */
export async function startPostgres(scope: Scope, options: PostgresOptions = {}): Promise<PostgresServer> {
  const server = await makeServer(options);
  defer(scope, async () => {
    await server.stop("immediate");
    server.release();
  });
  return server;
}

let shared: Promise<PostgresServer> | undefined;

/** The server that all tests of this process share; it does not wait for disks. It goes with the process. */
export async function sharedPostgres(): Promise<PostgresServer> {
  shared ??= makeServer({ fsync: false });
  return await shared;
}

async function makeServer(options: PostgresOptions): Promise<PostgresServer> {
  const { settings, fsync = true, tls, standbyOf, standbyName = "standby" } = options;
  const binaries = await findBinaries();
  if (typeof binaries === "string") throw new Error(binaries);
  const folder = await mkdtemp(join(tmpdir(), "lockkeeper-postgres-"));
  const watchdog = watch(folder);
  try {
    own(folder, binaries);
    const data = join(folder, "data");
    const template = await templateFolder(binaries);
    if (standbyOf === undefined) copyFolder(join(template, "data"), data, binaries);
    else await standbyOf.copyTo(data);
    const password = standbyOf?.password ?? readFileSync(join(template, "password"), "utf8");
    const port = await freePort();
    const server = new PostgresServer(binaries, { port, folder, password, watchdog });
    const lines = Object.entries({
      ...SETTINGS,
      ...(fsync ? {} : WITHOUT_FSYNC),
      ...(tls === undefined ? {} : { ssl: "on" }),
      ...(standbyOf === undefined ? {} : { primary_conninfo: standbyOf.conninfo(standbyName) }),
      port: String(port),
      ...settings,
    }).map(([name, value]) => `${name} = '${value}'\n`);
    const write = (name: string, text: string): void => {
      writeFileSync(join(data, name), text, { mode: 0o600 });
      own(join(data, name), binaries);
    };
    write("postgresql.conf", lines.join(""));
    // The primary's own, which ALTER SYSTEM wrote.
    write("postgresql.auto.conf", "");
    if (standbyOf !== undefined) write("standby.signal", "");
    if (tls !== undefined) {
      write("server.crt", tls.certificate);
      write("server.key", tls.key);
    }
    await server.start();
    return server;
  } catch (error) {
    watchdog.end();
    throw error;
  }
}

/** Linux alone says; elsewhere they notice the death of their parent by themselves. */
function childrenOf(pid: number): readonly number[] {
  const file = `/proc/${pid}/task/${pid}/children`;
  if (!existsSync(file)) return [];
  return readFileSync(file, "utf8").split(" ").filter(Boolean).map(Number);
}
