/** Errors as a real server and the driver make them: storage failures, a command's own fault, and a COMMIT's fate. */
import assert from "node:assert/strict";
import { describe, type TestContext, test } from "node:test";
import { StoreUnavailableError } from "../../../../src/store/errors.ts";
import { parseAddress } from "../../../../src/store/postgres/connect/address.ts";
import { Connection } from "../../../../src/store/postgres/connect/connection.ts";
import { serverAt } from "../../../../src/store/postgres/connect/tls.ts";
import {
  isLost,
  isRace,
  isRefused,
  toReadError,
  toStoreError,
} from "../../../../src/store/postgres/connect/trouble.ts";
import { defer } from "../../../support/cleanup.ts";
import { noPostgres, sharedPostgres } from "../../../support/postgres.ts";

async function connect(t: TestContext, database?: string): Promise<Connection> {
  const server = await sharedPostgres();
  const address = parseAddress(database ?? server.url());
  const [host] = address.hosts;
  assert.ok(host);
  const connection = await Connection.open({ server: serverAt(address, host), prepare: false, connectMs: 5_000 });
  defer(t, () => connection.destroy());
  return connection;
}

async function errorOf(work: Promise<unknown>): Promise<unknown> {
  try {
    await work;
  } catch (error) {
    return error;
  }
  throw new Error("it did not fail");
}

/**
 * The outcome that a command gets before COMMIT, `undefined` where the error is its own; and whether the error proves that
 * a COMMIT did nothing.
 */
function outcomes(error: unknown): readonly unknown[] {
  const found = toStoreError(error);
  return [found instanceof StoreUnavailableError ? found.outcome : undefined, isRefused(error)];
}

const LOST = ["NOT_APPLIED", false];
const TROUBLE = ["NOT_APPLIED", true];
const OWN = [undefined, true];

describe("an error of PostgreSQL", { skip: (await noPostgres()) ?? false }, () => {
  const statements: readonly [string, string, readonly unknown[]][] = [
    ["a division by zero", "SELECT 1 / 0", OWN],
    ["a value that breaks a constraint", "SELECT 'x'::int", OWN],
    ["a statement that takes too long", "SET LOCAL statement_timeout = 20; SELECT pg_sleep(60)", TROUBLE],
    ["a missing table", "SELECT * FROM nothing", TROUBLE],
    ["a write on a server that only reads", "SET TRANSACTION READ ONLY; CREATE TABLE x (a int)", TROUBLE],
    ["an end by an administrator", "SELECT pg_terminate_backend(pg_backend_pid())", LOST],
  ];
  for (const [what, statement, expected] of statements) {
    test(what, async (t) => {
      const connection = await connect(t);
      const error = await errorOf(connection.simple(`BEGIN; ${statement}`));
      assert.deepEqual(outcomes(error), expected);
      const read = toReadError(error);
      assert.ok(read instanceof StoreUnavailableError && read.outcome === undefined && read.cause === error);
      assert.match(read.message, /^the database cannot be used now \(\w{5}\)$/);
    });
  }

  test("a connection that is cut, during a statement and before the next one", async (t) => {
    const connection = await connect(t);
    const during = errorOf(connection.simple("SELECT pg_sleep(60)"));
    connection.destroy();
    const error = await during;
    assert.ok(isLost(error));
    assert.deepEqual(outcomes(error), LOST);
    assert.deepEqual(outcomes(await errorOf(connection.simple("SELECT 1"))), LOST);
    assert.equal(connection.isUsable, false);
  });

  test("a connection that was closed, and one that was never made", async (t) => {
    const connection = await connect(t);
    await connection.close();
    assert.deepEqual(outcomes(await errorOf(connection.simple("SELECT 1"))), LOST);
    const refused = await errorOf(connect(t, "postgres://lk@127.0.0.1:1/x"));
    assert.deepEqual(outcomes(refused), LOST);
  });

  test("a row that two writers insert is a race on three tables, and a fault elsewhere", async (t) => {
    const url = await (await sharedPostgres()).createDatabase(t);
    const connection = await connect(t, url);
    for (const [table, expected] of [
      ["user_state", true],
      ["requests", true],
      ["attempt_counters", true],
      ["user_profile", false],
    ] as const) {
      await connection.simple(`CREATE TABLE ${table} (id int PRIMARY KEY); INSERT INTO ${table} VALUES (1)`);
      const error = await errorOf(connection.simple(`INSERT INTO ${table} VALUES (1)`));
      assert.equal(isRace(error), expected, table);
      assert.deepEqual(outcomes(error), OWN);
    }
  });

  test("two transactions that wait for each other are a race", async (t) => {
    const url = await (await sharedPostgres()).createDatabase(t);
    const [a, b] = [await connect(t, url), await connect(t, url)];
    await a.simple("CREATE TABLE x (id int); INSERT INTO x VALUES (1), (2)");
    await a.simple("BEGIN; UPDATE x SET id = id WHERE id = 1");
    await b.simple("BEGIN; UPDATE x SET id = id WHERE id = 2");
    const outcomes = await Promise.allSettled([
      a.simple("UPDATE x SET id = id WHERE id = 2"),
      b.simple("UPDATE x SET id = id WHERE id = 1"),
    ]);
    const failed = outcomes.filter((outcome) => outcome.status === "rejected");
    assert.deepEqual(
      failed.map(({ reason }) => isRace(reason)),
      [true],
    );
  });
});

test("an error that is none of the database stays what it is", () => {
  const error = new TypeError("a bug");
  assert.equal(toStoreError(error), error);
  assert.equal(isRefused(error), false);
  assert.equal(toReadError(error), error);
  assert.equal(isRace(error), false);
});
