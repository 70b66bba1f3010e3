/** Leases: one holder at a time, by the clock of the server, whatever its holder does. */
import assert from "node:assert/strict";
import { describe, type TestContext, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import type { Connection } from "../../../../src/store/postgres/connect/connection.ts";
import { transact } from "../../../../src/store/postgres/connect/transact.ts";
import {
  acquireLease,
  assertHeld,
  createLeases,
  type Lease,
  LeaseLostError,
  releaseLease,
  renewLease,
} from "../../../../src/store/postgres/schema/lease.ts";
import { noPostgres } from "../../../support/postgres.ts";
import { connect, emptyDatabase, rowsOf } from "../support/connect.ts";

async function twoConnections(t: TestContext): Promise<readonly [Connection, Connection]> {
  const url = await emptyDatabase(t);
  const connections = [await connect(t, url), await connect(t, url)] as const;
  await createLeases(connections[0]);
  return connections;
}

function acquire(connection: Connection, holder: string, durationMs: number): Promise<Lease | undefined> {
  return acquireLease(connection, { name: "upkeep", holder, durationMs });
}

/** As if the time had passed. */
async function runOut(connection: Connection): Promise<void> {
  await connection.simple("UPDATE leases SET end_time = 1");
}

describe("a lease", { skip: (await noPostgres()) ?? false }, () => {
  test("has one holder until it runs out, and a higher fence for the next one", async (t) => {
    const [a, b] = await twoConnections(t);
    const first = await acquire(a, "a", 60_000);
    assert.deepEqual(first, { name: "upkeep", holder: "a", fence: 1 });
    assert.equal(await acquire(b, "b", 60_000), undefined);
    await runOut(a);
    assert.deepEqual(await acquire(b, "b", 60_000), { name: "upkeep", holder: "b", fence: 2 });
    assert.equal(await renewLease(a, first, 60_000), false);
    await releaseLease(a, first);
    assert.equal(await acquire(a, "a", 60_000), undefined, "releasing what is lost must not end the other's");
  });

  test("is its holder's again, renewed and released; another name is another lease", async (t) => {
    const [a, b] = await twoConnections(t);
    const first = await acquire(a, "a", 60_000);
    assert.ok(first);
    await runOut(a);
    assert.equal(await renewLease(a, first, 60_000), true);
    assert.equal(await acquire(b, "b", 60_000), undefined);
    assert.ok(await acquireLease(b, { name: "migrations", holder: "b", durationMs: 60_000 }));
    await releaseLease(a, first);
    assert.equal((await acquire(b, "b", 60_000))?.fence, 2);
  });

  test("ends by the server's clock", async (t) => {
    const [a, b] = await twoConnections(t);
    await acquire(a, "a", 200);
    const [row] = await rowsOf<{ left: number }>(
      a,
      "SELECT end_time - (extract(epoch FROM now()) * 1000)::bigint AS left FROM leases",
    );
    assert.ok(row && row.left > 0 && row.left <= 200, `${row?.left} ms are left`);
    await sleep(row.left + 5);
    assert.ok(await acquire(b, "b", 200));
  });

  test("cannot be taken from a transaction that relies on it, however long that takes", async (t) => {
    const [a, b] = await twoConnections(t);
    const lease = await acquire(a, "a", 60_000);
    assert.ok(lease);
    await runOut(a);
    await transact(a, async () => {
      await assertHeld(a, lease);
      assert.equal(await acquire(b, "b", 60_000), undefined);
    });
    assert.equal((await acquire(b, "b", 60_000))?.fence, 2);
    await assert.rejects(
      transact(a, () => assertHeld(a, lease)),
      LeaseLostError,
    );
  });

  test("needs its table, which any number of replicas create at once", async (t) => {
    const url = await emptyDatabase(t);
    const connections = await Promise.all(Array.from({ length: 6 }, () => connect(t, url)));
    await Promise.all(connections.map((connection) => createLeases(connection)));
    const given = await Promise.all(connections.map((connection, index) => acquire(connection, `${index}`, 60_000)));
    assert.equal(given.filter((lease) => lease !== undefined).length, 1);
  });
});
