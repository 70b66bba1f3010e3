/** The pool: its bounds, what it does with broken connections, and how it comes back after a loss. */
import assert from "node:assert/strict";
import { describe, type TestContext, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { StoreUnavailableError } from "../../../../src/store/errors.ts";
import { parseAddress } from "../../../../src/store/postgres/connect/address.ts";
import type { Connection } from "../../../../src/store/postgres/connect/connection.ts";
import { Pool, type PoolOptions } from "../../../../src/store/postgres/connect/pool.ts";
import { defer } from "../../../support/cleanup.ts";
import { noPostgres, type PostgresServer, sharedPostgres, startPostgres } from "../../../support/postgres.ts";
import { until } from "../../../support/until.ts";
import { startSilentProxy } from "../../support/silent-proxy.ts";

const PID = { name: "pid", text: "SELECT pg_backend_pid() AS pid" };

async function pidOf(connection: Connection): Promise<number | undefined> {
  return (await connection.rows<{ pid: number }>(PID))[0]?.pid;
}

function makePool(t: TestContext, url: string, options: Partial<PoolOptions> = {}): Pool {
  const pool = new Pool({ address: parseAddress(url), prepare: true, connectionsMax: 2, ...options });
  defer(t, () => pool.close());
  return pool;
}

async function openPool(
  t: TestContext,
  options: Partial<PoolOptions> = {},
): Promise<Pool & { server: PostgresServer }> {
  const server = await sharedPostgres();
  return Object.assign(makePool(t, server.url(), options), { server });
}

describe("a pool", { skip: (await noPostgres()) ?? false }, () => {
  test("opens connections when they are needed, at most so many, and uses them again", async (t) => {
    const pool = await openPool(t);
    assert.deepEqual(pool.stats, { open: 0, idle: 0, waiting: 0 });
    const { promise: both, resolve } = Promise.withResolvers<void>();
    let inside = 0;
    const work = async (connection: Connection) => {
      if (++inside === 2) resolve();
      await both;
      return await pidOf(connection);
    };
    const pids = await Promise.all(Array.from({ length: 20 }, () => pool.use(work)));
    assert.equal(new Set(pids).size, 2);
    assert.deepEqual(pool.stats, { open: 2, idle: 2, waiting: 0 });
  });

  test("gives up a connection that is let in and then gets no answer, opens the next one, and closes", async (t) => {
    const server = await sharedPostgres();
    const proxy = await startSilentProxy(t, server.port);
    const url = (await server.createDatabase(t)).replace(`:${server.port}/`, `:${proxy.port}/`);
    const address = parseAddress(url);
    const pool = new Pool({ address, prepare: true, connectionsMax: 1, connectMs: 100, waitMs: 300 });
    proxy.isSilent = true;
    await assert.rejects(
      pool.use(async () => undefined),
      StoreUnavailableError,
    );
    proxy.isSilent = false;
    await until(
      () =>
        pool
          .use(async () => undefined)
          .then(
            () => true,
            () => false,
          ),
      "a connection",
    );
    await pool.close();
    proxy.isSilent = true;
    const silent = new Pool({ address, prepare: true, connectionsMax: 1, connectMs: 100, waitMs: 300 });
    const waiting = assert.rejects(
      silent.use(async () => undefined),
      StoreUnavailableError,
    );
    await silent.close();
    await waiting;
  });

  test("refuses what would wait too long, and who would be one too many, as unavailable", async (t) => {
    const pool = await openPool(t, { connectionsMax: 1, queueMax: 1, waitMs: 100, outcome: "NOT_APPLIED" });
    await pool.use(pidOf);
    const { promise: held, resolve: release } = Promise.withResolvers<void>();
    const first = pool.use(() => held);
    const second = pool.use(pidOf);
    await assert.rejects(pool.use(pidOf), (error: unknown) => {
      assert.ok(error instanceof StoreUnavailableError);
      assert.equal(error.outcome, "NOT_APPLIED");
      assert.match(error.message, /^1 others wait for a connection/);
      return true;
    });
    await assert.rejects(second, /no connection to the database became free within 100 ms/);
    release();
    await first;
    assert.ok(await pool.use(pidOf));
  });

  const broken: readonly [string, (connection: Connection) => Promise<unknown>][] = [
    ["an open transaction", (connection) => connection.simple("BEGIN")],
    ["a failed statement", (connection) => assert.rejects(connection.simple("SELECT 1 / 0"), /division by zero/)],
    [
      "a statement under way",
      async (connection) => void connection.simple("SELECT pg_sleep(60)").catch(() => undefined),
    ],
    [
      "a lost connection",
      (connection) => assert.rejects(connection.simple("SELECT pg_terminate_backend(pg_backend_pid())")),
    ],
  ];
  for (const [what, leave] of broken) {
    test(`gives nobody a connection with ${what}`, async (t) => {
      const pool = await openPool(t, { connectionsMax: 1 });
      let former: number | undefined;
      await pool.use(async (connection) => {
        former = await pidOf(connection);
        await leave(connection);
      });
      assert.notEqual(await pool.use(pidOf), former);
      assert.deepEqual(pool.stats, { open: 1, idle: 1, waiting: 0 });
    });
  }

  test("keeps a connection whose work fails by itself", async (t) => {
    const pool = await openPool(t);
    const before = await pool.use(pidOf);
    await assert.rejects(
      pool.use(() => Promise.reject(new RangeError("its own"))),
      RangeError,
    );
    assert.equal(await pool.use(pidOf), before);
  });

  test("cuts the connection of a work that takes too long", async (t) => {
    const pool = await openPool(t, { workMs: 100 });
    await assert.rejects(
      pool.use((connection) => connection.simple("SELECT pg_sleep(60)")),
      /Connection terminated/,
    );
    assert.ok(await pool.use(pidOf));
  });

  test("replaces idle connections that the server has ended", async (t) => {
    const pool = await openPool(t);
    const former = await pool.use(pidOf);
    await pool.server.query(`SELECT pg_terminate_backend(${former})`);
    await until(() => pool.stats.open === 0, "the end of the connection");
    assert.notEqual(await pool.use(pidOf), former);
  });

  test("refuses everything after it is closed, and lets what is under way end", async (t) => {
    const pool = await openPool(t, { connectionsMax: 1 });
    await pool.use(pidOf);
    const underWay = pool.use(async (connection) => {
      await connection.simple("SELECT pg_sleep(0.1)");
      return "done";
    });
    const waiting = assert.rejects(pool.use(pidOf), /the database is closed/);
    await pool.close();
    await waiting;
    assert.equal(await underWay, "done");
    await assert.rejects(pool.use(pidOf), /the database is closed/);
    assert.deepEqual(pool.stats, { open: 0, idle: 0, waiting: 0 });
  });
});

describe("a pool whose server goes away", { skip: (await noPostgres()) ?? false }, () => {
  test("fails fast while it is away, and finds it when it is back", async (t) => {
    const server = await startPostgres(t, { fsync: false });
    const troubles: unknown[] = [];
    const pool = makePool(t, server.url(), { waitMs: 300, onTrouble: (error) => troubles.push(error) });
    await pool.use(pidOf);
    await server.kill();
    await assert.rejects(pool.use(pidOf));
    await assert.rejects(pool.use(pidOf), StoreUnavailableError);
    await sleep(300);
    await assert.rejects(pool.use(pidOf), (error: unknown) => {
      assert.ok(error instanceof StoreUnavailableError);
      assert.equal(error.message, "the database cannot be reached now");
      assert.match(String(error.cause), /nothing listens at 127\.0\.0\.1:\d+/);
      return true;
    });
    assert.ok(troubles.length > 0);
    await server.start();
    for (let attempts = 0; ; attempts++) {
      const pid = await pool.use(pidOf).catch(() => undefined);
      if (pid !== undefined) break;
      assert.ok(attempts < 200, "the pool does not come back");
      await sleep(50);
    }
  });

  test("follows the primary to another host, and drops what leads to the former one", async (t) => {
    const first = await startPostgres(t, { fsync: false });
    const second = await startPostgres(t, { fsync: false, standbyOf: first });
    const hosts = `127.0.0.1:${second.port},127.0.0.1:${first.port}`;
    const pool = makePool(t, first.url().replace(/127\.0\.0\.1:\d+/, hosts), { waitMs: 10_000 });
    const PORT = { name: "port", text: "SELECT current_setting('port')::int AS port" };
    const portOf = async (connection: Connection) => (await connection.rows<{ port: number }>(PORT))[0]?.port;
    assert.deepEqual(await Promise.all([pool.use(portOf), pool.use(portOf)]), [first.port, first.port]);
    await first.kill();
    await second.promote();
    for (let attempts = 0; (await pool.use(portOf).catch(() => undefined)) !== second.port; attempts++) {
      assert.ok(attempts < 200, "the pool does not find the new primary");
      await sleep(50);
    }
  });
});
