/** A full disk and a database that cannot be written: UNAVAILABLE, the service lives, and recovers by itself. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { rmdirSync } from "node:fs";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { ConnectError } from "@connectrpc/connect";
import { defer } from "../support/cleanup.ts";
import { CACHE } from "../support/postgres-binaries.ts";
import { assertRefused } from "../support/refusals.ts";
import { type Running, startService } from "../support/service.ts";

const DISK_BYTES = 8 * 1024 * 1024;
const NOTE = "x".repeat(1000);

test("a full disk refuses changes as UNAVAILABLE, NOT_APPLIED, answers reads, and is over when space returns", async (t) => {
  const folder = await mkdtemp(join(tmpdir(), "lockkeeper-disk-"));
  if (!mountSmallDisk(t, folder)) return;
  const { users, url } = await startService(t, { path: join(folder, "lockkeeper.db") });
  await users.createUser({ userId: "kept" });
  await fillDisk(folder);
  const acknowledged = await createUntilRefused(users);
  const refused = await assertRefused(
    users.lockUser({ userId: "kept", note: NOTE }),
    "Unavailable",
    "STORE_UNAVAILABLE",
  );
  assert.equal(refused.metadata.outcome, "NOT_APPLIED");
  assert.equal((await users.getUser({ userId: "kept" })).user?.details?.sequence, 1n);
  assert.equal((await fetch(`${url}/healthz`)).status, 200);
  await rm(join(folder, "filler"));
  await assertRecovers(users);
  assert.equal((await users.getUser({ userId: "kept" })).user?.details?.sequence, 2n);
  for (const userId of acknowledged) assert.equal((await users.getUser({ userId })).user?.userId, userId);
});

test("a database file that cannot be written refuses changes as UNAVAILABLE and is over when it can be again", async (t) => {
  const path = join(await folderOnDisk(t), "lockkeeper.db");
  const { users } = await startService(t, { path });
  await users.createUser({ userId: "kept" });
  if (!freeze(t, path)) return;
  const refused = await assertRefused(users.lockUser({ userId: "kept" }), "Unavailable", "STORE_UNAVAILABLE");
  // A write to the log that fails within COMMIT: what of it reached the file is not known for sure.
  assert.match(`${refused.metadata.outcome}`, /^(NOT_APPLIED|UNKNOWN)$/);
  assert.equal((await users.getUser({ userId: "kept" })).user?.details?.sequence, 1n);
  thaw(path);
  await assertRecovers(users);
});

test("a start on a database that cannot be written is refused in one sentence", async (t) => {
  const path = join(await folderOnDisk(t), "lockkeeper.db");
  const first = await startService(t, { path });
  await first.stop();
  if (!freeze(t, path)) return;
  await assert.rejects(startService(t, { path }), /lockkeeper\.db.*(cannot be (written|opened)|read-only)/);
  thaw(path);
  await startService(t, { path });
});

/** A file system in memory heeds that a file is immutable only when it is opened. */
async function folderOnDisk(t: TestContext): Promise<string> {
  await mkdir(CACHE, { recursive: true });
  const folder = await mkdtemp(join(CACHE, "lockkeeper-disk-"));
  defer(t, () => rm(folder, { recursive: true, force: true }));
  return folder;
}

function mountSmallDisk(t: TestContext, folder: string): boolean {
  const { status, stderr } = spawnSync("mount", ["-t", "tmpfs", "-o", `size=${DISK_BYTES}`, "tmpfs", folder], {
    encoding: "utf8",
  });
  if (status !== 0) {
    t.skip(`a small disk cannot be mounted here, so a full one was NOT tested: ${stderr.trim()}`);
    return false;
  }
  defer(t, () => {
    spawnSync("umount", ["-l", folder]);
    rmdirSync(folder);
  });
  return true;
}

async function fillDisk(folder: string): Promise<void> {
  for (let bytes = DISK_BYTES; bytes >= 4096; bytes /= 2) {
    await writeFile(join(folder, "filler"), Buffer.alloc(bytes), { flag: "a" }).catch(() => undefined);
  }
}

/** The log has room left that is its own already: writes until there is none. Answers what was acknowledged. */
async function createUntilRefused(users: Running["users"]): Promise<readonly string[]> {
  const acknowledged: string[] = [];
  for (let i = 0; i < 10_000; i++) {
    const userId = `u${i}`;
    try {
      await users.createUser({ userId, note: NOTE });
      acknowledged.push(userId);
    } catch (error) {
      assert.match(ConnectError.from(error).message, /unavailable/);
      return acknowledged;
    }
  }
  assert.fail("the disk never filled");
}

/** Within a few seconds, without anyone's doing. */
async function assertRecovers(users: Running["users"]): Promise<void> {
  for (let attempt = 0; ; attempt++) {
    try {
      await users.lockUser({ userId: "kept" });
      return;
    } catch (error) {
      if (attempt === 300) throw error;
      await delay(100);
    }
  }
}

/** Not the shared memory next to them: writing to a mapping of what became read-only is a bus error by POSIX. */
const FILES = ["", "-wal"];

/** Root may write what is merely marked read-only, so the files are made immutable. */
function freeze(t: TestContext, path: string): boolean {
  defer(t, () => thaw(path));
  const present = FILES.map((suffix) => path + suffix).filter((file) => spawnSync("test", ["-e", file]).status === 0);
  const { status, stderr, error } = spawnSync("chattr", ["+i", ...present], { encoding: "utf8" });
  if (status === 0) return true;
  t.skip(`files cannot be made immutable here, so this was NOT tested: ${error?.message ?? stderr.trim()}`);
  return false;
}

function thaw(path: string): void {
  spawnSync("chattr", ["-i", ...FILES.map((suffix) => path + suffix)]);
}
