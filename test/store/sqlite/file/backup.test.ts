/** A backup while the store goes on: a complete prefix of its history, given up before it delays a write. */

import assert from "node:assert/strict";
import { existsSync, readdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { describe, it } from "node:test";
import Database from "better-sqlite3";
import { RefusalError } from "../../../../src/domain/refusal.ts";
import { StoreUnavailableError } from "../../../../src/store/errors.ts";
import { verifyFile } from "../../../../src/store/sqlite/offline/verify-database.ts";
import type { SqliteStore } from "../../../../src/store/sqlite/sqlite-store.ts";
import type { Backup } from "../../../../src/store/store.ts";
import { until } from "../../../support/until.ts";
import { createUser, lockUser } from "../../support/commands.ts";
import { engineMetric, makeFolder, openFixture } from "../../support/sqlite-fixture.ts";
import { mountTmpfs } from "../../support/tmpfs.ts";

const MIB = 1024 * 1024;

/** Users whose names make the database large: about 10 KB each. */
async function fill(store: SqliteStore, first: number, count: number): Promise<void> {
  const note = "n".repeat(4_000);
  const users = Array.from({ length: count }, (_, index) => `u${first + index}`);
  await Promise.all(users.map((id) => store.execute(createUser(id, { note }))));
  await Promise.all(users.map((id) => store.execute(lockUser(id, { note }))));
}

/** Reads a backup into memory. `between`: after each chunk. */
async function read(backup: Backup, between: () => unknown = () => undefined): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of backup.chunks()) {
    chunks.push(Buffer.from(chunk));
    await between();
  }
  return Buffer.concat(chunks);
}

function reasonOf(reason: string) {
  return (error: unknown): boolean => error instanceof RefusalError && error.refusal.reason === reason;
}

describe("a backup", () => {
  it("is the state at its beginning, though the log is filled several times over meanwhile", async (t) => {
    const { store, connect } = await openFixture(t, { limits: { walBytesMax: MIB, backupBytesPerSecond: 0 } });
    await fill(store, 0, 200);
    const backup = await store.createBackup();
    const { position } = backup.info;
    let written = 200;
    const bytes = await read(backup, async () => {
      await fill(store, written, 40);
      written += 40;
    });
    assert.equal(bytes.length, backup.info.bytes);
    assert.ok(written >= 400, `writes went on meanwhile: ${written} users`);
    const file = join(makeFolder(t), "copy.db");
    writeFileSync(file, bytes);
    const report = await verifyFile(file);
    assert.deepEqual([report.position, report.users, report.generation], [position, 200, 1]);
    assert.deepEqual(readdirSync(dirname(file)), ["copy.db"], "a single file, without a log next to it");
    const copy = new Database(file, { readonly: true });
    t.after(() => copy.close());
    const hashes = (database: Database.Database) =>
      database.prepare("SELECT position, hash FROM events WHERE position <= ? ORDER BY position").all(position);
    assert.deepEqual(hashes(copy), hashes(connect({ readonly: true })), "a prefix of the history by position");
  });

  it("lets the log shrink to its bound again", async (t) => {
    const { store, troubles } = await openFixture(t, { limits: { walBytesMax: MIB, backupBytesPerSecond: 0 } });
    await fill(store, 0, 100);
    const backup = await store.createBackup();
    await fill(store, 100, 300);
    assert.ok(engineMetric(store, "lockkeeper_wal_bytes") > 3 * MIB, "held, it grows beyond its bound");
    backup.close();
    let written = 400;
    await until(async () => {
      await fill(store, written, 20);
      written += 20;
      return engineMetric(store, "lockkeeper_wal_bytes") <= MIB;
    }, "a log within its bound");
    assert.deepEqual(troubles, []);
  });

  it("is given up when the log would exceed its higher bound, and no writer is refused", async (t) => {
    const limits = { walBytesMax: MIB, backupLogBytesMax: 4 * MIB, backupBytesPerSecond: 0 };
    const { store } = await openFixture(t, { limits });
    await fill(store, 0, 200);
    const backup = await store.createBackup();
    let written = 200;
    await assert.rejects(
      read(backup, async () => {
        await fill(store, written, 200);
        written += 200;
      }),
      reasonOf("BACKUP_ABANDONED"),
    );
    assert.ok(written > 200);
    const again = await store.createBackup();
    assert.equal((await read(again)).length, again.info.bytes, "the next one is not in its way");
  });

  it("is given up when nobody reads it", async (t) => {
    const { store } = await openFixture(t, { limits: { backupIdleMs: 50 } });
    await fill(store, 0, 200);
    const chunks = (await store.createBackup()).chunks();
    assert.equal((await chunks.next()).done, false);
    // Until then there can be no other.
    await until(
      () =>
        store.createBackup().then(
          (backup) => {
            backup.close();
            return true;
          },
          () => false,
        ),
      "room for the next one",
    );
    await assert.rejects(chunks.next(), reasonOf("BACKUP_ABANDONED"));
  });

  it("is one at a time, also while the first one only begins", async (t) => {
    const { store } = await openFixture(t);
    const both = await Promise.allSettled([store.createBackup(), store.createBackup()]);
    const [first, second] = both;
    assert.ok(first?.status === "fulfilled" && second?.status === "rejected");
    assert.ok(reasonOf("BACKUP_UNDER_WAY")(second.reason));
    await assert.rejects(store.createBackup(), reasonOf("BACKUP_UNDER_WAY"));
    first.value.close();
    (await store.createBackup()).close();
  });

  it("needs room for the log to grow, as much as fits the database, and is refused where there is less", async (t) => {
    const folder = mountTmpfs(t, "size=64m");
    if (folder === undefined) return;
    const { store } = await openFixture(t, { path: join(folder, "a.db") });
    const { info } = await store.createBackup().then((backup) => read(backup).then(() => backup));
    assert.ok(info.bytes > 0, "a small database on a small disk");
    writeFileSync(join(folder, "other"), Buffer.alloc(40_000_000));
    await assert.rejects(store.createBackup(), (error: Error) => {
      assert.ok(reasonOf("BACKUP_NO_SPACE")(error));
      assert.match(error.message, /the disk of the database has \d+ MB free; a backup needs 32 MB/);
      return true;
    });
  });

  it("ends with the store", async (t) => {
    const { store, path } = await openFixture(t);
    await fill(store, 0, 200);
    const chunks = (await store.createBackup()).chunks();
    await chunks.next();
    await store.close();
    await assert.rejects(chunks.next(), StoreUnavailableError);
    await assert.rejects(store.createBackup(), StoreUnavailableError);
    assert.ok(!existsSync(`${path}-wal`), "closed as ever");
  });
});
