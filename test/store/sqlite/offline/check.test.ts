/** Commands on a database without a service: migrations and checks. */
import assert from "node:assert/strict";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { describe, it } from "node:test";
import Database from "better-sqlite3";
import { createOwnerKey } from "../../../../src/server/offline-key.ts";
import { migrateFile } from "../../../../src/store/sqlite/offline/inspect-file.ts";
import { offlineFile } from "../../../../src/store/sqlite/offline/offline.ts";
import { raiseFileGeneration } from "../../../../src/store/sqlite/offline/raise-generation.ts";
import { verifyFile } from "../../../../src/store/sqlite/offline/verify-database.ts";
import { createUser } from "../../support/commands.ts";
import { MIGRATION_BEFORE, NEWEST_MIGRATION, toOlderSchema } from "../../support/older-schema.ts";
import { makeFolder, openFixture, START_TIME } from "../../support/sqlite-fixture.ts";

/** Not the last millisecond of a second, so that nothing has to be waited for. */
const NOW = START_TIME + 990;

/** Whatever lies in a folder: names and bytes. */
function contentOf(folder: string): readonly (readonly [name: string, bytes: Buffer])[] {
  const names = readdirSync(folder).toSorted();
  return names
    .filter((name) => statSync(join(folder, name)).isFile())
    .map((name) => [name, readFileSync(join(folder, name))]);
}

describe("without a service", () => {
  it("a generation is raised, once for each time", async (t) => {
    const { store, path } = await openFixture(t);
    await store.close();
    const first = await raiseFileGeneration(path, () => NOW);
    const second = await raiseFileGeneration(path, () => NOW);
    assert.deepEqual([first.previousGeneration, second.previousGeneration], [1, first.generation]);
    assert.ok(second.generation > first.generation);
    assert.equal((await verifyFile(path)).generation, second.generation);
  });

  it("a database is verified where it is, not while a service runs or before it is migrated", async (t) => {
    const { store, path } = await openFixture(t);
    await store.execute(createUser("u"));
    const offline = offlineFile(path);
    await assert.rejects(offline.verify(), /is in use/);
    await store.close();
    const { events, users, position } = await offline.verify();
    assert.deepEqual([events, users, position], [2, 1, 2]);
    toOlderSchema(path);
    await assert.rejects(offline.verify(), /is of an older version: \S+ is due; this version verifies/);
  });

  it("migrations are reported and run, and a missing database is not created", async (t) => {
    const { store, path } = await openFixture(t);
    await store.close();
    assert.deepEqual(await migrateFile(path, { check: true }), { from: NEWEST_MIGRATION, due: [] });
    toOlderSchema(path);
    const wanted = { from: MIGRATION_BEFORE, due: [NEWEST_MIGRATION] };
    assert.deepEqual(await migrateFile(path, { check: true }), wanted, "only told");
    assert.deepEqual(await migrateFile(path, { check: false }), wanted, "so it is still due");
    assert.deepEqual((await migrateFile(path, { check: true })).due, []);
    const none = join(makeFolder(t), "none", "a.db");
    await assert.rejects(migrateFile(none, { check: false }), /there is no database \S*a\.db$/);
    await assert.rejects(
      raiseFileGeneration(none, () => NOW),
      /there is no database \S*a\.db$/,
    );
    assert.equal(existsSync(dirname(none)), false);
  });

  const foreign: readonly (readonly [what: string, make: (path: string) => void, says: RegExp])[] = [
    [
      "a database of something else",
      (path) => new Database(path).exec("PRAGMA journal_mode = WAL; CREATE TABLE songs (title TEXT)").close(),
      /a\.db is a SQLite database of something else/,
    ],
    ["an empty file", (path) => writeFileSync(path, ""), /a\.db is empty: there is no database in it/],
    ["a file of one byte", (path) => writeFileSync(path, "x"), /a\.db is empty: there is no database in it/],
    ["no database", (path) => writeFileSync(path, "notes\n".repeat(500)), /a\.db is not a SQLite database/],
    ["a folder", (path) => mkdirSync(path), /a\.db is not a file/],
  ];
  for (const [what, make, says] of foreign) {
    it(`nothing is written into or next to ${what}`, async (t) => {
      const folder = makeFolder(t);
      const path = join(folder, "a.db");
      make(path);
      const before = contentOf(folder);
      await assert.rejects(migrateFile(path, { check: true }), says);
      await assert.rejects(migrateFile(path, { check: false }), says);
      await assert.rejects(
        raiseFileGeneration(path, () => NOW),
        says,
      );
      await assert.rejects(createOwnerKey({ engine: "sqlite", path }, ""), says);
      assert.deepEqual(contentOf(folder), before);
    });
  }

  it("a check changes nothing in or next to the database", async (t) => {
    const { store, path } = await openFixture(t);
    await store.close();
    rmSync(`${path}.lock`);
    const before = contentOf(dirname(path));
    await migrateFile(path, { check: true });
    assert.deepEqual(contentOf(dirname(path)), before);
  });
});
