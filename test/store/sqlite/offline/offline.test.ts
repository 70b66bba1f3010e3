/** Restoring, raising and migrating while no service runs: what comes back, what is void then, and what is refused. */
import assert from "node:assert/strict";
import {
  chmodSync,
  chownSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { describe, it, type TestContext } from "node:test";
import Database from "better-sqlite3";
import { parseNetwork } from "../../../../src/domain/network.ts";
import { lockFile } from "../../../../src/store/sqlite/file/file-lock.ts";
import { migrateFile } from "../../../../src/store/sqlite/offline/inspect-file.ts";
import { raiseFileGeneration } from "../../../../src/store/sqlite/offline/raise-generation.ts";
import { type FileRestoreOptions, restoreFile } from "../../../../src/store/sqlite/offline/restore-file.ts";
import { verifyFile } from "../../../../src/store/sqlite/offline/verify-database.ts";
import { openSqliteStore } from "../../../../src/store/sqlite/sqlite-store.ts";
import { context, createApiKey, createUser, lockUser, requestContext } from "../../support/commands.ts";
import { MIGRATION_BEFORE, NEWEST_MIGRATION, toOlderSchema } from "../../support/older-schema.ts";
import { reasonOf, resourceOf } from "../../support/outcomes.ts";
import { makeFolder, openFixture, type SqliteFixture, START_TIME } from "../../support/sqlite-fixture.ts";

/** Not the last millisecond of a second, so that nothing has to be waited for. */
const NOW = START_TIME + 990;

/** A store with ten users, closed unless a test goes on with it, and its backup. */
async function backedUp(t: TestContext): Promise<SqliteFixture & { readonly file: string }> {
  const fixture = await openFixture(t);
  const { store } = fixture;
  for (let user = 0; user < 10; user++) await store.execute(createUser(`u${user}`, { note: "n".repeat(500) }));
  const file = join(makeFolder(t), "backup.db");
  const chunks: Buffer[] = [];
  for await (const chunk of (await store.createBackup()).chunks()) chunks.push(Buffer.from(chunk));
  writeFileSync(file, Buffer.concat(chunks));
  return { ...fixture, file };
}

function restore(file: string, path: string, more: Partial<FileRestoreOptions> = {}) {
  return restoreFile({ file, path, clock: () => NOW, replace: false, ...more });
}

/** Somebody else where root runs the tests; nobody else may give files away. */
function someone(): readonly [uid: number, gid: number] {
  return process.geteuid?.() === 0 ? [65_534, 65_534] : [process.getuid?.() ?? 0, process.getgid?.() ?? 0];
}

function edit(path: string, sql: string): void {
  const database = new Database(path);
  database.exec(sql);
  database.close();
}

describe("a restore", () => {
  it("restores the state of the backup and moves the former database aside, with all later changes", async (t) => {
    const { store, path, file } = await backedUp(t);
    await store.execute(lockUser("u1"));
    await store.close();
    const restored = await restore(file, path, { replace: true });
    assert.deepEqual([restored.backup.users, restored.backup.position, restored.backup.generation], [10, 11, 1]);
    assert.equal(restored.position, 12, "the event of the raised generation");
    assert.match(restored.movedTo ?? "", /lockkeeper\.db\.before-restore-20260101T000000Z$/);
    assert.deepEqual(
      readdirSync(dirname(path)).toSorted(),
      ["lockkeeper.db", "lockkeeper.db.before-restore-20260101T000000Z", "lockkeeper.db.lock"],
      "nothing else is left",
    );
    const report = await verifyFile(path);
    assert.deepEqual([report.generation, report.position], [restored.generation, 12]);
    const former = await openSqliteStore({ path: restored.movedTo ?? "", clock: () => START_TIME });
    assert.equal((await former.readUser("u1"))?.state.restrictions.length, 1, "the log was moved with it");
    await former.close();
    const again = await openSqliteStore({ path, clock: () => START_TIME });
    t.after(() => again.close());
    assert.equal(again.generation, restored.generation);
    assert.equal((await again.readUser("u1"))?.state.restrictions.length, 0);
  });

  it("never gives a generation twice: restored over itself, elsewhere, or with nothing left of what was before", async (t) => {
    const { store, path, file } = await backedUp(t);
    await store.close();
    const seen = new Set<number>([1]);
    const note = ({ generation }: { readonly generation: number }): void => {
      assert.ok(!seen.has(generation), `${generation} was there before`);
      seen.add(generation);
    };
    note(await restore(file, path, { replace: true }));
    note(await restore(file, path, { replace: true }));
    note(await raiseFileGeneration(path, () => NOW));
    // Here only the clock knows that there was a timeline before; two within a second are kept apart by waiting.
    const folder = makeFolder(t);
    for (const name of ["a", "b", "c"]) note(await restore(file, join(folder, name), { clock: Date.now }));
  });

  it("gives no generation twice where the clock does not decide: each time by another step", async (t) => {
    const { store, path, file } = await backedUp(t);
    await store.close();
    await raiseFileGeneration(path, () => NOW + 3_600_000_000);
    const ahead = join(makeFolder(t), "ahead.db");
    copyFileSync(path, ahead);
    const folder = makeFolder(t);
    const seen = new Set<number>();
    for (const name of ["a", "b", "c", "d"]) seen.add((await restore(ahead, join(folder, name))).generation);
    // All four alike has a chance of one in 10⁹.
    assert.ok(seen.size > 1, `${[...seen]}`);
    assert.ok((await restore(file, join(folder, "e"))).generation < Math.min(...seen));
  });

  it("keeps mode and owner of the database that it replaces", async (t) => {
    const { store, path, file } = await backedUp(t);
    await store.close();
    chmodSync(path, 0o640);
    const [uid, gid] = someone();
    chownSync(path, uid, gid);
    await restore(file, path, { replace: true });
    const now = statSync(path);
    assert.deepEqual([now.mode & 0o777, now.uid, now.gid], [0o640, uid, gid]);
  });

  it("gives a new database, and its lock file, to the owner of the folder", async (t) => {
    const { store, file } = await backedUp(t);
    await store.close();
    const folder = makeFolder(t);
    const [uid, gid] = someone();
    chownSync(folder, uid, gid);
    await restore(file, join(folder, "a.db"));
    for (const name of ["a.db", "a.db.lock"]) {
      const { uid: ownerId, gid: groupId } = statSync(join(folder, name));
      assert.deepEqual([name, ownerId, groupId], [name, uid, gid]);
    }
  });

  it("replaces a database that cannot be read, and says so", async (t) => {
    const { store, path, file } = await backedUp(t);
    await store.close();
    writeFileSync(path, "no database at all, and longer than a header of one\n".repeat(100));
    const { isFormerUnreadable, movedTo = "", generation } = await restore(file, path, { replace: true });
    assert.equal(isFormerUnreadable, true);
    assert.match(readFileSync(movedTo, "utf8"), /^no database/);
    assert.equal((await verifyFile(path)).generation, generation);
  });

  it("takes a backup of an older schema and brings it to this one", async (t) => {
    const { file } = await backedUp(t);
    toOlderSchema(file);
    const says = `is of an older version: ${NEWEST_MIGRATION} is due; this version verifies`;
    await assert.rejects(verifyFile(file), new RegExp(says));
    const path = join(makeFolder(t), "a.db");
    const { backup } = await restore(file, path);
    assert.deepEqual([backup.schemaVersion, backup.generation], [MIGRATION_BEFORE, 1]);
    assert.equal((await verifyFile(path)).schemaVersion, NEWEST_MIGRATION);
  });

  it("keeps remembered requests of API keys and drops those of subjects, whose scope nobody knows", async (t) => {
    const { store, path } = await openFixture(t);
    for (const [keyId, organizationId] of [
      ["whole", null],
      ["one", "default"],
    ] as const) {
      resourceOf(await store.execute(createApiKey(keyId, { organizationId })));
    }
    const by = (actor: string, scope: string) =>
      requestContext("r", "same", { actor, request: { ...(requestContext("r").request ?? assert.fail()), scope } });
    const lock = (userId: string, actor: string, scope: string) => lockUser(userId, { context: by(actor, scope) });
    const locks = [
      ["u-whole", "key:whole", ""],
      ["u-one", "key:one", "default"],
      ["u-token", "oidc:issuer|sub", "default"],
    ] as const;
    for (const [userId, actor, scope] of locks) {
      resourceOf(await store.execute(createUser(userId)));
      resourceOf(await store.execute(lock(userId, actor, scope)));
    }
    await store.close();
    toOlderSchema(path, "0006-request-scope");
    await migrateFile(path, { check: false });
    const { store: again } = await openFixture(t, { path });
    const outcomes = [];
    for (const [userId, actor, scope] of locks) outcomes.push(await again.execute(lock(userId, actor, scope)));
    assert.deepEqual(
      outcomes.map((outcome) => (outcome.ok ? outcome.replayed : reasonOf(outcome))),
      [true, true, "USER_ALREADY_LOCKED"],
    );
  });

  it("finds attempts of before by their networks, once the schema has them", async (t) => {
    const { store, path } = await openFixture(t);
    for (const ip of ["192.0.2.1", "2001:db8::1", "64:ff9b::192.0.2.1", "::ffff:203.0.113.9", "a printer", ""]) {
      const common = {
        subject: { userId: "u0" },
        organizationId: "default",
        factor: "PASSWORD",
        userAgent: "",
      } as const;
      const command = {
        type: "RecordAttempt",
        attemptId: `of-${ip}`,
        succeeded: false,
        restrictionId: `l-${ip}`,
      } as const;
      await store.execute(createUser("u0"));
      resourceOf(await store.execute({ ...command, ...common, ip, context: context() }));
    }
    await store.close();
    toOlderSchema(path, "0010-attempt-lists");
    await migrateFile(path, { check: false });
    const { store: again } = await openFixture(t, { path });
    const idsIn = async (text: string) => {
      const network = parseNetwork(text) ?? assert.fail();
      const query = { organizationId: null, startTime: 0, endTime: Number.MAX_SAFE_INTEGER, pageSize: 10, network };
      return (await again.listAttempts(query)).items.map(({ id }) => id);
    };
    const networks = ["192.0.2.0/24", "2001:db8::/64", "64:ff9b::/64", "203.0.113.0/24"];
    const found = (await Promise.all(networks.map(idsIn))).map(String);
    assert.deepEqual(found, ["of-192.0.2.1", "of-2001:db8::1", "of-64:ff9b::192.0.2.1", "of-::ffff:203.0.113.9"]);
  });

  const harms: readonly (readonly [what: string, harm: (file: string) => void, says: RegExp])[] = [
    ["that is cut short", (file) => truncateSync(file, 60_000), /backup\.db is damaged/],
    ["that is empty", (file) => writeFileSync(file, ""), /backup\.db is empty/],
    [
      "that is not a database",
      (file) => writeFileSync(file, "notes, longer than a header\n".repeat(50)),
      /backup\.db is not a SQLite database/,
    ],
    [
      "of something else",
      (file) => edit(file, "DROP TABLE kysely_migration; PRAGMA application_id = 0"),
      /backup\.db is a SQLite database of something else/,
    ],
    [
      "of a newer version",
      (file) => edit(file, "INSERT INTO kysely_migration (name, timestamp) VALUES ('9999-later', '')"),
      /backup\.db was written by a newer version of lockkeeper: it has the migration 9999-later/,
    ],
    [
      "with an altered page",
      (file) => {
        const bytes = readFileSync(file);
        bytes.fill(0x5a, bytes.length - 4096 * 3, bytes.length - 4096 * 2);
        writeFileSync(file, bytes);
      },
      /backup\.db (?:is damaged|is not as it was written)|in \S*backup\.db/,
    ],
    [
      "with an altered event",
      (file) => edit(file, "UPDATE events SET actor = 'key:other' WHERE position = 5"),
      /the history in \S*backup\.db is not as it was written, at position 5/,
    ],
    [
      "with a user that its events do not give",
      (file) => edit(file, "UPDATE user_state SET epoch = 9 WHERE id = 'u3'"),
      /the user "u3" in \S*backup\.db is not what its history gives/,
    ],
    [
      "with a generation that its events do not give",
      (file) => edit(file, "UPDATE instance SET generation = 7"),
      /the generation in \S*backup\.db is not the one that its history gives/,
    ],
  ];
  for (const [what, harm, says] of harms) {
    it(`refuses a file ${what}, by name, and leaves the database as it is`, async (t) => {
      const { store, path, file } = await backedUp(t);
      await store.close();
      harm(file);
      const before = readFileSync(path);
      const names = readdirSync(dirname(path));
      await assert.rejects(restore(file, path, { replace: true }), (error: Error) => {
        assert.equal(error.constructor, Error);
        assert.match(error.message, says);
        return true;
      });
      assert.deepEqual(readFileSync(path), before);
      assert.deepEqual(readdirSync(dirname(path)), names);
    });
  }

  it("refuses a missing file, what is not a file, an existing database, and one in use", async (t) => {
    const { store, path, file } = await backedUp(t);
    const folder = makeFolder(t);
    mkdirSync(join(folder, "folder"));
    await assert.rejects(restore(join(folder, "none"), path), /there is no file \S*none$/);
    await assert.rejects(restore(join(folder, "folder"), path), /folder is not a file$/);
    await assert.rejects(restore(file, path, { replace: true }), /lockkeeper\.db is in use by another process/);
    await assert.rejects(
      raiseFileGeneration(path, () => NOW),
      /lockkeeper\.db is in use by another process/,
    );
    await assert.rejects(migrateFile(path, { check: true }), /lockkeeper\.db is in use by another process/);
    const live = join(makeFolder(t), "new.db");
    await store.execute(lockUser("u1"));
    await assert.rejects(
      restore(path, live),
      /lockkeeper\.db has a log next to it, \S*lockkeeper\.db-wal, so it is not a backup/,
    );
    const used = join(folder, "used.db");
    copyFileSync(file, used);
    const held = lockFile(used);
    await assert.rejects(restore(used, live), /used\.db is in use by another process/);
    held.release();
    assert.equal(existsSync(live), false);
    await store.close();
    await assert.rejects(restore(file, path), /there is a database \S*lockkeeper\.db already/);
    await assert.rejects(restore(path, path, { replace: true }), /lockkeeper\.db is the database itself/);
    const taken = join(folder, "folder");
    writeFileSync(join(taken, "notes"), "mine");
    await assert.rejects(restore(file, taken, { replace: true }), /folder is not a file$/);
    assert.deepEqual(readdirSync(folder).toSorted(), ["folder", "used.db", "used.db.lock"]);
    assert.deepEqual(readdirSync(taken), ["notes"]);
  });
});
