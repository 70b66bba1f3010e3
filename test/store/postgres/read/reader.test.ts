/** The reader on PostgreSQL: what it does when the database is slow, or a question is at fault. */
import assert from "node:assert/strict";
import { it } from "node:test";
import { limitsOf } from "../../../../src/store/limits.ts";
import { Reader } from "../../../../src/store/postgres/read/reader.ts";
import { TokenSeal } from "../../../../src/store/search/token-seal.ts";
import { openPostgresPool } from "../../support/postgres-copy.ts";

const QUERY = {
  organizationId: null,
  where: { kind: "and", of: [] },
  order: "creation_asc",
  pageSize: 2,
  showDeleted: false,
} as const;

it("gives up a query that takes longer than a list may, and answers the next one", async (t) => {
  const pool = await openPostgresPool(t);
  const seal = new TokenSeal(Buffer.alloc(32, 1), 1);
  const reader = new Reader({ pool, seal, limits: limitsOf({ readMs: 50 }) });
  await pool.use(async (connection) => {
    await connection.simple("BEGIN; LOCK TABLE user_profile IN ACCESS EXCLUSIVE MODE");
    await assert.rejects(reader.listUsers(QUERY, 0), {
      name: "ReadGivenUpError",
      message: "PostgreSQL took longer than 50 ms for one query",
    });
    await connection.simple("ROLLBACK");
  });
  assert.deepEqual(await reader.listUsers(QUERY, 0), { items: [] });
});

it("leaves its connections usable after a refused page token", async (t) => {
  const pool = await openPostgresPool(t);
  const reader = new Reader({ pool, seal: new TokenSeal(Buffer.alloc(32, 1), 1), limits: limitsOf({}) });
  await reader.listUsers(QUERY, 0);
  const { open } = pool.stats;
  await assert.rejects(reader.listUsers({ ...QUERY, after: "AQ" }, 0), { name: "PageTokenError" });
  await assert.rejects(reader.readLog(Number.NaN, 1), { name: "StoreUnavailableError" });
  assert.deepEqual(await reader.listUsers(QUERY, 0), { items: [] });
  assert.ok(pool.stats.open <= open, "no connection was lost");
});
