/** Each list walks its index on PostgreSQL: the plans that the server logs, before and after it has counted the tables. */
import assert from "node:assert/strict";
import { it } from "node:test";
import { parseNetwork } from "../../../../src/domain/network.ts";
import { limitsOf } from "../../../../src/store/limits.ts";
import { parseAddress } from "../../../../src/store/postgres/connect/address.ts";
import { Pool } from "../../../../src/store/postgres/connect/pool.ts";
import { Reader } from "../../../../src/store/postgres/read/reader.ts";
import { migrate } from "../../../../src/store/postgres/schema/migrate.ts";
import type { UserPredicate } from "../../../../src/store/queries.ts";
import { TokenSeal } from "../../../../src/store/search/token-seal.ts";
import { defer } from "../../../support/cleanup.ts";
import { startPostgres } from "../../../support/postgres.ts";

/** The server logs the plan of every statement. */
const SETTINGS = { session_preload_libraries: "auto_explain", "auto_explain.log_min_duration": "0", autovacuum: "off" };

/** One of a hundred users is in a small organization, whose rows must not be searched for among those of the large one. */
const FILL = `
  INSERT INTO user_state SELECT 'u' || i, CASE i % 100 WHEN 0 THEN 'small' ELSE 'large' END,
    CASE i % 50 WHEN 3 THEN 'BANNED' ELSE 'ACTIVE' END, CASE i % 50 WHEN 3 THEN 2 ELSE 0 END, 1, 1, i, i, i, i, NULL
    FROM generate_series(1, 3000) i;
  INSERT INTO user_profile SELECT id, organization_id, creation_time, '{}', '{}', id, id FROM user_state;
  INSERT INTO events SELECT sequence + last_position, NULL, organization_id, id, 1, '', 0, 0, '', '', '', '', '' FROM user_state;
  INSERT INTO sessions SELECT id, id, id, organization_id, 1, 1, 1, creation_time, 0, 0, NULL, 0, NULL, 0, '', '', '{}', ''
    FROM user_state;
  INSERT INTO attempts SELECT id, 'user:' || id, organization_id, '', 0, creation_time, 0, 'FAILED', NULL, '',
    'ffffc0000200', '', '' FROM user_state`;

const text = (field: "id" | "username" | "email", method: "equals" | "starts_with") =>
  ({ kind: "text", field, method, ignoreCase: field !== "id", value: "u1" }) as const;
const CONDITIONS: readonly UserPredicate[] = [
  { kind: "and", of: [] },
  { kind: "state", states: ["BANNED", "DELETED"] },
  { kind: "due", before: 10 },
  { kind: "organization", ids: ["small"] },
  { kind: "namespace", name: "none" },
  text("id", "starts_with"),
  text("username", "starts_with"),
  text("username", "equals"),
  text("email", "starts_with"),
];

/** Every index that a list has. */
const INDEXES = [
  "attempts_begin",
  "attempts_network",
  "attempts_organization",
  "attempts_subject",
  "erasures_pkey",
  "events_pkey",
  "sessions_creation",
  "sessions_organization",
  "sessions_user",
  "user_profile_creation",
  "user_profile_email",
  "user_profile_organization_creation",
  "user_profile_organization_email",
  "user_profile_organization_id",
  "user_profile_organization_username",
  "user_profile_pkey",
  "user_profile_username",
  "user_state_deleted",
  "user_state_due",
  "user_state_pkey",
  "user_state_restricted",
];

/** Asks what has an index of its own, two pages of each. */
async function askAll(reader: Reader): Promise<void> {
  const twoPages = async (list: (after: { after?: string }) => Promise<{ readonly next?: string }>): Promise<void> => {
    const { next } = await list({});
    if (next !== undefined) await list({ after: next });
  };
  for (const organizationId of [null, "small", "large"]) {
    for (const where of CONDITIONS) {
      for (const order of ["creation_asc", "creation_desc", "change_desc"] as const) {
        const query = { organizationId, where, order, pageSize: 2, showDeleted: true };
        await twoPages((after) => reader.listUsers({ ...query, ...after }, 5));
      }
      const search = { organizationId, where, order: { by: "id", descending: false } as const };
      await reader.searchSlice({ search, keep: 5 }, 5);
    }
    for (const user of [{}, { userId: "u7" }, { network: parseNetwork("192.0.2.0/24") }]) {
      const scope = { organizationId, ...user, pageSize: 2 };
      await twoPages((after) => reader.listSessions({ ...scope, ...after, activeOnly: true }, 5, (view) => [view]));
      const times = { startTime: 0, endTime: 9_000, newestFirst: organizationId === null };
      await twoPages((after) => reader.listAttempts({ ...scope, ...after, ...times } as never, 5));
    }
  }
}

it("lists walk indexes, whatever the planner knows of the tables", async (t) => {
  const server = await startPostgres(t, { fsync: false, settings: SETTINGS });
  const address = parseAddress(await server.createDatabase(t));
  const pool = new Pool({ address, prepare: true, connectionsMax: 1 });
  defer(t, () => pool.close());
  await pool.use((connection) => migrate(connection, { place: "the test's", holder: "test" }));
  await pool.use((connection) => connection.simple(FILL));
  const reader = new Reader({ pool, seal: new TokenSeal(Buffer.alloc(32, 1), 1), limits: limitsOf({}) });
  for (const isCounted of [false, true]) {
    if (isCounted) await pool.use((connection) => connection.simple("ANALYZE"));
    const before = server.log().length;
    await askAll(reader);
    const plans = server
      .log()
      .slice(before)
      .split(/\n(?=\S)/)
      .filter((entry) => entry.includes("Query Text: "));
    assert.ok(plans.length > 200, `${plans.length} plans`);
    const odd = plans.filter((plan) => /Seq Scan|Bitmap|Sort|Filter: .*(organization_id|subject|user_id)/.test(plan));
    assert.deepEqual(odd, []);
    const indexes = new Set(
      plans.flatMap((plan) => [...plan.matchAll(/ Scan (?:Backward )?using (\w+)/g)].map(([, name]) => name)),
    );
    assert.deepEqual([...indexes].toSorted(), INDEXES);
  }
});
