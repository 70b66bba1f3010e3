/** The schema that each migration leaves, and the table of those that ran: both as earlier releases wrote them. */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { describe, it } from "node:test";
import Database from "better-sqlite3";
import { Kysely, SqliteDialect, sql } from "kysely";
import { Migrator } from "kysely/migration";
import { dueMigrations, migrate } from "../../../src/store/sqlite/migrate.ts";
import { MIGRATIONS } from "../../../src/store/sqlite/migrations.ts";

const PATH = "a.db";

/** The first 16 digits of the SHA-256 of the schema after each migration. A released one never changes. */
const SCHEMAS: Readonly<Record<string, string>> = {
  "0001-log-and-users": "802645b098dea105",
  "0002-searches": "cc704c87f6e7e85e",
  "0003-sessions": "3394a19edd1e7e6d",
  "0004-attempts-and-policies": "2e45502252e4bb08",
  "0005-generation": "82efad0fe15bbf0c",
  "0006-request-scope": "45825c15b1ce31ee",
  "0007-token-key": "45825c15b1ce31ee",
  "0008-rotated-keys": "728bd7b48b9201ed",
  "0009-attempts-of-organizations": "ba32b6603ea42921",
  "0010-attempt-lists": "d76cb6edd7c06811",
  "0011-lives": "0e0a927489b68316",
  "0012-shadow-places": "e5d6d081c364647b",
  "0013-attempt-places": "a33a48f82b02cfee",
  "0014-moves": "6a61d770b39346e0",
  "0015-event-summaries": "0d0d113865bfe5f5",
  "0016-checkpoints": "332eedda729c6896",
  "0017-erasures": "3c016e98265ef1b9",
};

function schemaOf(database: Database.Database): string {
  const rows = database.prepare("SELECT type, name, tbl_name, sql FROM sqlite_schema").raw().all();
  return createHash("sha256").update(JSON.stringify(rows)).digest("hex").slice(0, 16);
}

function namesOf(database: Database.Database): readonly string[] {
  return database.prepare<[], string>("SELECT name FROM kysely_migration ORDER BY name").pluck().all();
}

/** As releases before 0.2 migrated. */
function kyselyMigrator(database: Database.Database): Migrator {
  const kysely = new Kysely<unknown>({ dialect: new SqliteDialect({ database }) });
  const entries = MIGRATIONS.map((migration) => {
    const up = async (connection: Kysely<unknown>): Promise<void> => {
      if ("run" in migration) migration.run(database);
      else for (const statement of migration.statements) await sql.raw(statement).execute(connection);
    };
    return [migration.name, { up }] as const;
  });
  return new Migrator({ db: kysely, provider: { getMigrations: async () => Object.fromEntries(entries) } });
}

describe("migrations", () => {
  it("each leaves the schema that it always left", () => {
    const database = new Database(":memory:");
    const found = MIGRATIONS.map(({ name }, index) => {
      migrate(database, PATH, MIGRATIONS.slice(0, index + 1));
      return [name, schemaOf(database)];
    });
    assert.deepEqual(Object.fromEntries(found), SCHEMAS);
    assert.deepEqual(dueMigrations(database, PATH), []);
    database.close();
  });

  it("a database that an earlier release began is finished", async () => {
    for (const { length } of [MIGRATIONS.slice(1), []]) {
      const database = new Database(":memory:");
      const migrator = kyselyMigrator(database);
      for (let step = 0; step < length; step++) assert.equal((await migrator.migrateUp()).error, undefined);
      migrate(database, PATH);
      assert.deepEqual(namesOf(database), Object.keys(SCHEMAS), `after ${length}`);
      assert.equal(schemaOf(database), Object.values(SCHEMAS).at(-1), `after ${length}`);
      database.close();
    }
  });

  it("an earlier release goes on with a database that this one migrated", async () => {
    for (const { length } of [MIGRATIONS, MIGRATIONS.slice(1)]) {
      const database = new Database(":memory:");
      migrate(database, PATH, MIGRATIONS.slice(0, length));
      const { error, results } = await kyselyMigrator(database).migrateToLatest();
      assert.equal(error, undefined);
      assert.equal(results?.length, MIGRATIONS.length - length);
      assert.deepEqual(namesOf(database), Object.keys(SCHEMAS));
      const locks = database.prepare("SELECT id, is_locked FROM kysely_migration_lock").raw().all();
      assert.deepEqual(locks, [["migration_lock", 0]]);
      database.close();
    }
  });

  it("one that fails leaves the database as it was", () => {
    const database = new Database(":memory:");
    migrate(database, PATH, MIGRATIONS.slice(0, 2));
    const bad = { name: "0003-bad", statements: ["CREATE TABLE half (id TEXT)", "CREATE TABLE half (id TEXT)"] };
    assert.throws(() => migrate(database, PATH, [...MIGRATIONS.slice(0, 2), bad]), /a\.db could not be migrated/);
    assert.equal(schemaOf(database), SCHEMAS["0002-searches"]);
    assert.deepEqual(namesOf(database), Object.keys(SCHEMAS).slice(0, 2));
    database.close();
  });

  it("are refused where an earlier one is missing, and nothing is changed", () => {
    for (const { name } of MIGRATIONS.slice(0, -1)) {
      const database = new Database(":memory:");
      migrate(database, PATH);
      database.prepare("DELETE FROM kysely_migration WHERE name = ?").run(name);
      const before = [schemaOf(database), namesOf(database)];
      const sentence = new RegExp(`^the database a\\.db is damaged: .* not the earlier ${name}; restore a backup$`);
      assert.throws(
        () => migrate(database, PATH),
        (error: Error) => sentence.test(error.message),
      );
      assert.deepEqual([schemaOf(database), namesOf(database)], before);
      database.close();
    }
  });
});
