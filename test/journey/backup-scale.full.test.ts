/** Backup and restore of a large database by the command line: everyone is there, in bounded memory. */

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { makeUsers, userIdOf } from "../../bench/support/make-users.ts";
import { MAIN } from "../cli/support/cli.ts";
import { strangersEnvironment } from "../support/npm-start.ts";
import { scaled } from "../support/scale.ts";
import { ADMIN_KEY, clientsOf, ended, GENERATION, spawnService, temporaryFolder } from "../support/service.ts";
import { startStopwatch } from "../support/stopwatch.ts";

const USERS = scaled({ quick: 1_000, soak: 1_000_000 });
const MIB = 1024 * 1024;
const MEMORY_MAX = 600 * MIB;

interface Ran {
  readonly json: Readonly<Record<string, unknown>>;
  readonly time: string;
  /** The most memory that the process had, in bytes. */
  readonly peak: number;
}

async function run(line: readonly string[], environment: NodeJS.ProcessEnv = {}): Promise<Ran> {
  const stopwatch = startStopwatch();
  const child = spawn(process.execPath, [MAIN, ...line, "--json"], {
    env: strangersEnvironment({ LOCKKEEPER_KEY: ADMIN_KEY, ...environment }),
    stdio: ["ignore", "pipe", "inherit"],
  });
  let peak = 0;
  const watch = setInterval(() => {
    peak = Math.max(peak, peakOf(child.pid));
  }, 20);
  let said = "";
  child.stdout.on("data", (text: Buffer) => {
    said += text.toString();
  });
  const [code] = (await once(child, "exit")) as [number | null];
  clearInterval(watch);
  assert.equal(code, 0);
  return { json: JSON.parse(said) as Ran["json"], time: stopwatch.text(), peak };
}

/** 0: it has ended. */
function peakOf(pid: number | undefined): number {
  try {
    const status = readFileSync(`/proc/${pid}/status`, "utf8");
    return Number(/^VmHWM:\s+(\d+) kB$/m.exec(status)?.[1] ?? 0) * 1024;
  } catch {
    return 0;
  }
}

test(`${USERS} users are backed up from a running service and restored`, async (t) => {
  const folder = await temporaryFolder(t);
  const [path, file, restored] = [join(folder, "a.db"), join(folder, "b.db"), join(folder, "c.db")];
  await makeUsers(path, USERS);
  const service = await spawnService(t, { path });
  const { users } = clientsOf(service.url, ADMIN_KEY);
  await users.banUser({ userId: userIdOf(USERS - 1) });
  const backup = await run(["backup", file], { LOCKKEEPER_SERVER: service.url });
  const restore = await run(["restore", file, "--database", `sqlite:${restored}`]);
  service.process.kill("SIGTERM");
  await ended(service);
  for (const { json, peak } of [backup, restore]) {
    assert.equal(json.users, String(USERS));
    assert.ok(peak < MEMORY_MAX, `${peak} bytes of memory`);
  }
  const again = await spawnService(t, { path: restored });
  const { user } = await clientsOf(again.url, ADMIN_KEY).users.getUser({ userId: userIdOf(USERS - 1) });
  assert.equal(user?.restrictions.length, 1);
  const generation = BigInt(String(restore.json.generation));
  assert.equal(user.revocationEpoch, generation * GENERATION + 2n);
  const told = ({ time, peak }: Ran): string => `${time}, at most ${Math.round(peak / MIB)} MiB`;
  t.diagnostic(
    `${(statSync(file).size / 1e6).toFixed(0)} MB; backup with verification ${told(backup)}; restore ${told(restore)}`,
  );
});
