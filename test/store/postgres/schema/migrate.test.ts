/** The schema of PostgreSQL: as SQLite's, made once by many replicas, and never in a database that is not ours. */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { describe, test } from "node:test";
import Database from "better-sqlite3";
import type { Connection } from "../../../../src/store/postgres/connect/connection.ts";
import { dueMigrations, migrate } from "../../../../src/store/postgres/schema/migrate.ts";
import { MIGRATIONS, type Migration, SCHEMA_VERSION } from "../../../../src/store/postgres/schema/migrations.ts";
import { migrate as migrateSqlite } from "../../../../src/store/sqlite/migrate.ts";
import { noPostgres, sharedPostgres } from "../../../support/postgres.ts";
import { startCommitCutter } from "../../support/commit-cutter.ts";
import { connect, emptyDatabase, rowsOf } from "../support/connect.ts";

const PLACE = "locks at db:5432";
const OPTIONS = { place: PLACE, holder: "a" };

/** The first 16 digits of the SHA-256 of the schema after each migration. A released one never changes. */
const SCHEMAS: Readonly<Record<string, string>> = {
  "0001-tables": "c29c5aa0d2cd2918",
  "0002-event-summaries": "abe46ba1384072fc",
  "0003-checkpoints": "931b7e4b8107c617",
  "0004-erasures": "ca52ef8a03a2ef89",
};

/** Columns and indexes in words that every version of PostgreSQL uses. */
async function schemaOf(connection: Connection): Promise<string> {
  const columns = await rowsOf(
    connection,
    `SELECT table_name, ordinal_position, column_name, data_type, collation_name, is_nullable, column_default
      FROM information_schema.columns WHERE table_schema = current_schema() ORDER BY 1, 2`,
  );
  const indexes = await rowsOf(
    connection,
    "SELECT replace(indexdef, format('%I.', schemaname), '') AS indexdef FROM pg_indexes WHERE schemaname = current_schema() ORDER BY indexname",
  );
  return createHash("sha256")
    .update(JSON.stringify([columns, indexes]))
    .digest("hex")
    .slice(0, 16);
}

interface Column {
  readonly table: string;
  readonly name: string;
  readonly type: string;
  readonly required: boolean;
}

/** What PostgreSQL has in addition, or does another way. */
const OWN_TABLES = ["leases", "migrations", "replicas"];
const TYPES: Readonly<Record<string, string>> = { INTEGER: "bigint", TEXT: "text", BLOB: "bytea" };

function sqliteColumns(database: Database.Database): readonly string[] {
  const columns = database
    .prepare<[], Column>(
      `SELECT t.name AS "table", c.name, c.type, c."notnull" OR c.pk AS required
        FROM pragma_table_list t JOIN pragma_table_info(t.name) c
        WHERE t.name NOT LIKE 'sqlite%' AND t.name NOT LIKE 'kysely%'`,
    )
    .all();
  return columns
    .filter(({ table, name }) => !(table === "requests" && name === "id"))
    .map(({ table, name, type, required }) => `${table}.${name} ${TYPES[type]} ${Boolean(required)}`);
}

async function ourColumns(connection: Connection): Promise<readonly string[]> {
  const columns = await rowsOf<Column & { collation: string | null }>(
    connection,
    `SELECT table_name AS table, column_name AS name, data_type AS type, is_nullable = 'NO' AS required,
      collation_name AS collation FROM information_schema.columns WHERE table_schema = current_schema()`,
  );
  for (const { table, name, type, collation } of columns) {
    assert.equal(collation, type === "text" ? "C" : null, `${table}.${name}`);
  }
  return columns
    .filter(({ table }) => !OWN_TABLES.includes(table))
    .filter(({ table, name }) => !(table === "log_head" && name === "config_position"))
    .map(({ table, name, type, required }) => `${table}.${name} ${type === "integer" ? "bigint" : type} ${required}`);
}

async function tablesOf(connection: Connection): Promise<readonly string[]> {
  const rows = await rowsOf<{ name: string }>(
    connection,
    "SELECT tablename AS name FROM pg_tables WHERE schemaname = current_schema() ORDER BY 1",
  );
  return rows.map(({ name }) => name);
}

describe("migrations of PostgreSQL", { skip: (await noPostgres()) ?? false }, () => {
  test("each leaves the schema that it always left", async (t) => {
    const connection = await connect(t);
    const found: [string, string][] = [];
    for (const [index, { name }] of MIGRATIONS.entries()) {
      await migrate(connection, { ...OPTIONS, finish: true, migrations: MIGRATIONS.slice(0, index + 1) });
      found.push([name, await schemaOf(connection)]);
    }
    assert.deepEqual(Object.fromEntries(found), SCHEMAS);
    const { done, due, unfinished } = await dueMigrations(connection, OPTIONS);
    assert.deepEqual([done, due, unfinished], [MIGRATIONS.map(({ name }) => name), [], []]);
  });

  test("lead to the columns and the indexes that SQLite has", async (t) => {
    const connection = await connect(t);
    await migrate(connection, OPTIONS);
    const database = new Database(":memory:");
    migrateSqlite(database, "a.db");
    assert.deepEqual([...(await ourColumns(connection))].sort(), [...sqliteColumns(database)].sort());
    const ours = await rowsOf<{ name: string }>(
      connection,
      "SELECT indexname AS name FROM pg_indexes WHERE schemaname = current_schema() AND indexname !~ '_(pkey|key)$'",
    );
    const theirs = database
      .prepare<[], string>("SELECT name FROM sqlite_schema WHERE type = 'index' AND name NOT LIKE 'sqlite%'")
      .pluck();
    assert.deepEqual(
      ours.map(({ name }) => name).sort(),
      [...theirs.all(), "events_configuration", "requests_time"].sort(),
    );
  });

  test("say so when nobody knows whether they ran; the next start finds it out", async (t) => {
    const url = await emptyDatabase(t);
    const { port } = await sharedPostgres();
    const cutter = await startCommitCutter(t, port);
    const behind = await connect(t, url.replace(`:${port}/`, `:${cutter.port}/`));
    // The first COMMIT is that of the lease.
    const isCut = cutter.cut("after", 1);
    await assert.rejects(
      migrate(behind, OPTIONS),
      /the connection was lost while .* whether it was is not known; start again/,
    );
    await isCut;
    assert.deepEqual((await migrate(await connect(t, url), OPTIONS)).due, []);
  });

  test("run once when many replicas start at once", async (t) => {
    const url = await emptyDatabase(t);
    const connections = await Promise.all(Array.from({ length: 6 }, () => connect(t, url)));
    await Promise.all(connections.map((connection, index) => migrate(connection, { ...OPTIONS, holder: `${index}` })));
    const [first] = connections;
    assert.ok(first);
    assert.deepEqual(
      await rowsOf(first, "SELECT name FROM migrations ORDER BY name"),
      MIGRATIONS.map(({ name }) => ({ name })),
    );
    const [head] = await rowsOf<{ link: Buffer }>(first, "SELECT * FROM log_head");
    assert.deepEqual({ ...head }, { id: 1, position: 0, link: Buffer.alloc(32), record_time: 0, config_position: 0 });
    const [secret] = await rowsOf<{ value: Buffer }>(first, "SELECT value FROM secrets WHERE name = 'tokens'");
    assert.equal(secret?.value.length, 32);
  });

  test("wait for the lease only so long, and take it from who is gone", async (t) => {
    const connection = await connect(t);
    await migrate(connection, { ...OPTIONS, migrations: [] });
    await connection.simple(
      `CREATE TABLE leases (name text COLLATE "C" PRIMARY KEY, holder text, fence bigint, end_time bigint)`,
    );
    await connection.simple("INSERT INTO leases VALUES ('migrations', 'other', 7, 9e15)");
    await assert.rejects(migrate(connection, { ...OPTIONS, waitMs: 50 }), {
      message: `another replica migrates the database ${PLACE}, and has not finished within 50 ms`,
    });
    assert.deepEqual(await tablesOf(connection), ["leases"]);
    await connection.simple("UPDATE leases SET end_time = 0");
    await migrate(connection, OPTIONS);
    const [lease] = await rowsOf(connection, "SELECT holder, fence, end_time FROM leases");
    assert.deepEqual({ ...lease }, { holder: "a", fence: 8, end_time: 0 });
  });
});

describe("a database that is refused", { skip: (await noPostgres()) ?? false }, () => {
  async function refusal(connection: Connection, migrations?: readonly Migration[]): Promise<string> {
    const before = await tablesOf(connection);
    const options = { ...OPTIONS, ...(migrations && { migrations }) };
    const error: unknown = await migrate(connection, options).then(
      () => assert.fail("the database was taken"),
      (thrown: unknown) => thrown,
    );
    assert.ok(error instanceof Error && error.constructor === Error);
    const left = (await tablesOf(connection)).filter((name) => name !== "leases" || before.includes(name));
    assert.deepEqual(left, before, "something was left behind");
    return error.message;
  }

  const foreign: readonly [string, string, string][] = [
    ["a table of another program", "CREATE TABLE accounts (id int)", "accounts"],
    ["another program's migrations", "CREATE TABLE migrations (id int, name text)", "migrations"],
    ["another program's leases", "CREATE TABLE leases (id int)", "leases"],
    ["a view alone", "CREATE VIEW v AS SELECT 1 AS one", "v"],
  ];
  for (const [what, statement, name] of foreign) {
    test(`it has ${what}`, async (t) => {
      const connection = await connect(t);
      await connection.simple(statement);
      assert.equal(
        await refusal(connection),
        `the database ${PLACE} has tables of another program, such as ${name}; lockkeeper does not touch it: create a database of its own`,
      );
      assert.deepEqual((await tablesOf(connection)).includes("leases"), name === "leases");
    });
  }

  test("tables in another schema are nobody's business", async (t) => {
    const connection = await connect(t);
    await connection.simple("CREATE TEMPORARY TABLE accounts (id int)");
    await migrate(connection, OPTIONS);
  });

  test("a newer version wrote it, or a migration is missing", async (t) => {
    const connection = await connect(t);
    await migrate(connection, OPTIONS);
    await connection.simple("INSERT INTO migrations VALUES ('9999-next', '9999-next', 0)");
    assert.equal(
      await refusal(connection),
      `the database ${PLACE} was written by a newer version of lockkeeper: it has the migration 9999-next, which only versions that know 9999-next may use; this version ends at ${SCHEMA_VERSION}; start that version`,
    );
    await connection.simple(
      "DELETE FROM migrations WHERE name = '0001-tables'; UPDATE migrations SET oldest_beside = ''",
    );
    assert.equal(
      await refusal(connection),
      `the database ${PLACE} is damaged: it has the migration 9999-next, but not the earlier 0001-tables; restore a backup`,
    );
  });

  test("a migration fails: all of it is undone", async (t) => {
    const connection = await connect(t);
    const failing: Migration = {
      name: "0999-fails",
      oldestBeside: SCHEMA_VERSION,
      run: (on) => on.simple("CREATE TABLE half (id int); SELECT 1 / 0"),
    };
    assert.equal(
      await refusal(connection, [...MIGRATIONS, failing]),
      `the database ${PLACE} could not be migrated, and is as it was: division by zero`,
    );
    await migrate(connection, OPTIONS);
  });

  test("the user may not create tables", async (t) => {
    const connection = await connect(t);
    await connection.simple(
      "DO $$ BEGIN EXECUTE format('REVOKE CREATE ON SCHEMA %I FROM %I', current_schema(), current_user); END $$",
    );
    assert.match(
      await refusal(connection),
      /^the database locks at db:5432 could not be migrated, and is as it was: permission denied for schema \w+$/,
    );
  });
});
