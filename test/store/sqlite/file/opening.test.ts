/** Opening a database: what is refused, and that the refusal says why in one sentence. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import {
  chmodSync,
  chownSync,
  linkSync,
  mkdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { describe, it } from "node:test";
import Database from "better-sqlite3";
import { openSqliteStore, type SqliteStoreOptions } from "../../../../src/store/sqlite/sqlite-store.ts";
import { defer } from "../../../support/cleanup.ts";
import { runCommand } from "../../../support/run-command.ts";
import { createUser } from "../../support/commands.ts";
import { resourceOf } from "../../support/outcomes.ts";
import { atEnd, makeFolder, openFixture, START_TIME } from "../../support/sqlite-fixture.ts";
import { mountTmpfs } from "../../support/tmpfs.ts";

function open(path: string, more: Partial<SqliteStoreOptions> = {}) {
  return openSqliteStore({ path, clock: () => START_TIME, ...more });
}

describe("opening a database", () => {
  it("creates the folder and the file, and opens them again", async (t) => {
    const path = join(makeFolder(t), "a", "b", "lockkeeper.db");
    const { store } = await openFixture(t, { path });
    resourceOf(await store.execute(createUser("u")));
    await store.close();
    const again = await openFixture(t, { path });
    assert.equal((await again.store.readUser("u"))?.state.sequence, 1);
  });

  it("refuses a file that is not SQLite and leaves it as it is", async (t) => {
    const path = join(makeFolder(t), "notes.txt");
    writeFileSync(path, "these are my notes, and they are longer than a header\n".repeat(100));
    const before = readFileSync(path);
    await assert.rejects(open(path), { message: `the file ${path} is not a SQLite database` });
    assert.deepEqual(readFileSync(path), before);
  });

  it("refuses a SQLite database of something else", async (t) => {
    const path = join(makeFolder(t), "other.db");
    const other = new Database(path);
    other.exec("CREATE TABLE songs (title TEXT)");
    other.close();
    await assert.rejects(open(path), /other\.db is a SQLite database of something else/);
  });

  it("refuses a database of a newer version", async (t) => {
    const { store, path } = await openFixture(t);
    await store.close();
    const database = new Database(path);
    database.exec("INSERT INTO kysely_migration (name, timestamp) VALUES ('9999-from-the-future', '')");
    database.close();
    await assert.rejects(
      open(path),
      /written by a newer version of lockkeeper: it has the migration 9999-from-the-future/,
    );
  });

  it("refuses a folder instead of the file, and a file instead of the folder", async (t) => {
    const folder = makeFolder(t);
    mkdirSync(join(folder, "taken"));
    await assert.rejects(open(join(folder, "taken")), /cannot be opened/);
    writeFileSync(join(folder, "file"), "");
    await assert.rejects(
      open(join(folder, "file", "lockkeeper.db")),
      /the folder of the database .* cannot be created/,
    );
  });

  it("refuses a file that cannot be written", async (t) => {
    const folder = mountTmpfs(t, "size=8m");
    if (folder === undefined) return;
    const path = join(folder, "lockkeeper.db");
    await (await open(path)).close();
    execFileSync("mount", ["-o", "remount,ro", folder]);
    await assert.rejects(open(path), /read-only|cannot be opened/);
  });

  it("refuses a clock that is more than a minute behind the newest record, unless told otherwise", async (t) => {
    const { store, path } = await openFixture(t);
    await store.close();
    const close = await open(path, { clock: () => START_TIME - 60_000 });
    assert.equal(await close.now(), START_TIME);
    await close.close();
    const behind = { clock: () => START_TIME - 60_001 };
    await assert.rejects(
      open(path, behind),
      /the clock says 2025-12-31T23:58:59\.999Z, but the newest record is of 2026-01-01T00:00:00\.000Z/,
    );
    const allowed = await open(path, { ...behind, allowClockBehind: true });
    assert.equal(await allowed.now(), START_TIME);
    await allowed.close();
  });

  it("refuses the same file twice, by whatever path", async (t) => {
    const { path, store } = await openFixture(t);
    await assert.rejects(open(path), { message: new RegExp(`the database ${path} is in use by another process`) });
    const link = join(makeFolder(t), "link.db");
    symlinkSync(path, link);
    await assert.rejects(open(link), /is in use by another process/);
    await store.close();
    await (await open(link)).close();
  });

  it("refuses a database of several names: each would have a lock and a log of its own", async (t) => {
    const { path, store } = await openFixture(t);
    const other = join(dirname(path), "other.db");
    linkSync(path, other);
    const refusal = (name: string) => ({
      message: new RegExp(
        `the database ${name} has 2 names \\(hard links\\), .*\`find ${dirname(name)} -xdev -samefile ${name}\`, or in another folder with \`find /`,
      ),
    });
    await assert.rejects(open(other), refusal(other));
    const found = execFileSync("find", [dirname(path), "-xdev", "-samefile", path], { cwd: "/", encoding: "utf8" });
    assert.deepEqual(found.trim().split("\n").sort(), [path, other].sort());
    resourceOf(await store.execute(createUser("u")));
    await store.close();
    await assert.rejects(open(path), refusal(path));
    rmSync(other);
    const left = `${path}.before-restore-20260101T000000Z`;
    linkSync(path, left);
    await assert.rejects(open(path), (error: Error) => error.message.includes(`killed left ${left}, `));
    rmSync(left);
    await (await open(path)).close();
  });

  it("refuses a database that is mounted as a file: its lock and log would be elsewhere", async (t) => {
    const folder = mountTmpfs(t, "size=8m");
    if (folder === undefined) return;
    const path = join(folder, "lockkeeper.db");
    await (await open(path)).close();
    const alias = join(makeFolder(t), "an alias.db");
    writeFileSync(alias, "");
    execFileSync("mount", ["--bind", path, alias]);
    atEnd(t, () => execFileSync("umount", [alias]));
    const { store } = await openFixture(t, { path });
    await assert.rejects(open(alias), /an alias\.db is mounted here as a file, .*mount its folder instead/);
    resourceOf(await store.execute(createUser("u")));
  });

  for (const umask of [0o000, 0o022, 0o277]) {
    it(`makes files that only their owner can read, under the umask ${umask.toString(8)}`, async (t) => {
      const path = join(makeFolder(t), "made", "deep", "a.db");
      const before = process.umask(umask);
      defer(t, () => process.umask(before));
      const warnings: string[] = [];
      const store = await open(path, { onWarning: (sentence) => warnings.push(sentence) });
      process.umask(before);
      const modeOf = (file: string): number => statSync(file).mode & 0o777;
      assert.deepEqual(
        ["", "-wal", "-shm", ".lock"].map((suffix) => modeOf(path + suffix)),
        [0o600, 0o600, 0o600, 0o600],
      );
      assert.deepEqual([dirname(path), dirname(dirname(path))].map(modeOf), [0o700 & ~umask, 0o700 & ~umask]);
      assert.deepEqual(warnings, []);
      await store.close();
    });
  }

  it("keeps the mode of an existing database, and warns once if others can read it", async (t) => {
    const path = join(makeFolder(t), "a.db");
    await (await open(path)).close();
    chmodSync(path, 0o640);
    const warnings: string[] = [];
    await (await open(path, { onWarning: (sentence) => warnings.push(sentence) })).close();
    assert.equal(statSync(path).mode & 0o777, 0o640);
    assert.deepEqual(warnings, [
      `other users of this machine may read the database, which holds everyone's data and the hashes of all keys: chmod 600 ${path} ${path}-wal ${path}-shm`,
    ]);
  });

  it("refuses a lock file that may not be written: SQLite would open it for reading, and lock nothing", async (t) => {
    const folder = makeFolder(t);
    const path = join(folder, "a.db");
    await (await open(path)).close();
    chmodSync(`${path}.lock`, 0o444);
    // No mode binds root.
    const isRoot = process.geteuid?.() === 0;
    const nobody = { uid: 65_534, gid: 65_534 };
    if (isRoot) for (const each of [folder, path]) chownSync(each, nobody.uid, nobody.gid);
    const source = JSON.stringify(new URL("../../../../src/store/sqlite/file/file-lock.ts", import.meta.url).href);
    const program = `import { lockFile } from ${source}; lockFile(${JSON.stringify(path)}); console.log("locked");`;
    const ran = await runCommand(process.execPath, ["--input-type=module", "-e", program], {
      identity: isRoot ? nobody : {},
    });
    assert.equal(ran.stdout, "");
    assert.match(ran.stderr, /Error: the lock file \S*a\.db\.lock cannot be written: it is another user's, or /);
  });

  it("syncs every commit and checkpoints only on its worker", async (t) => {
    const { connect, path } = await openFixture(t);
    assert.equal(connect().pragma("journal_mode", { simple: true }), "wal");
    const source = readFileSync(new URL("../../../../src/store/sqlite/file/database-file.ts", import.meta.url), "utf8");
    // Both are settings of a connection, which no other one can ask; durability.test.ts proves the first.
    assert.match(source, /synchronous = FULL/);
    assert.match(source, /wal_autocheckpoint = 0/);
    assert.ok(path.endsWith("lockkeeper.db"));
  });
});
