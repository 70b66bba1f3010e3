/** pgbouncer before a PostgreSQL server, in transaction mode: each transaction may get another connection. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { defer, type Scope } from "./cleanup.ts";
import { freePort } from "./nginx.ts";
import type { PostgresServer } from "./postgres.ts";
import { findBinaries } from "./postgres-binaries.ts";
import { own } from "./postgres-data.ts";
import { until } from "./until.ts";

/** The roles that tests make: one for each of their databases. */
const ROLES = 1_000;
/** Connections to the server for each database: fewer than a store has to the pooler. */
const POOL_SIZE = 2;

/** Returns where it is; `undefined`: not on this machine. */
export function findPgbouncer(): string | undefined {
  const folders = [...(process.env.PATH ?? "").split(delimiter), "/usr/sbin"];
  return folders.map((folder) => join(folder, "pgbouncer")).find((path) => existsSync(path));
}

/** Starts it; returns its port. It goes with the test. */
export async function startPgbouncer(t: Scope, program: string, server: PostgresServer): Promise<number> {
  const binaries = await findBinaries();
  if (typeof binaries === "string") throw new Error(binaries);
  const folder = await mkdtemp(join(tmpdir(), "lockkeeper-pgbouncer-"));
  const port = await freePort();
  const users = Array.from({ length: ROLES }, (_, index) => `"test_${index + 1}" "${server.password}"\n`);
  writeFileSync(join(folder, "users"), users.join(""));
  writeFileSync(
    join(folder, "ini"),
    `[databases]
* = host=127.0.0.1 port=${server.port}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = ${port}
unix_socket_dir =
auth_type = scram-sha-256
auth_file = ${folder}/users
pool_mode = transaction
default_pool_size = ${POOL_SIZE}
max_client_conn = 500
logfile = ${folder}/log
`,
  );
  for (const path of [folder, join(folder, "users"), join(folder, "ini")]) own(path, binaries);
  const child: ChildProcess = spawn(program, ["-q", join(folder, "ini")], {
    stdio: "ignore",
    cwd: "/",
    ...binaries.identity,
  });
  defer(t, async () => {
    const ended = once(child, "exit");
    if (child.exitCode === null && child.kill("SIGKILL")) await ended;
    await rm(folder, { recursive: true, force: true });
  });
  await until(() => {
    if (child.exitCode !== null) throw new Error(`pgbouncer ended:\n${readFileSync(join(folder, "log"), "utf8")}`);
    return isListening(port);
  }, "pgbouncer");
  return port;
}

async function isListening(port: number): Promise<boolean> {
  const socket = connect(port, "127.0.0.1");
  try {
    await once(socket, "connect");
    return true;
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}
