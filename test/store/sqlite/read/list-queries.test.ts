/** How many queries a page takes: not one for each event that does not match, none for users of other organizations. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { CompiledQuery } from "kysely";
import { limitsOf } from "../../../../src/store/limits.ts";
import { LogLister } from "../../../../src/store/lists/events/list-log.ts";
import { UserChains } from "../../../../src/store/lists/events/user-chain.ts";
import { listAttempts } from "../../../../src/store/lists/list-attempts.ts";
import { SessionLister } from "../../../../src/store/lists/list-sessions.ts";
import { SqliteLists } from "../../../../src/store/sqlite/read/sqlite-lists.ts";
import { createUser, lockUser } from "../../support/commands.ts";
import { resourceOf } from "../../support/outcomes.ts";
import { openFixture, START_TIME } from "../../support/sqlite-fixture.ts";

class CountedLists extends SqliteLists {
  queries = 0;

  override async all<R>(query: CompiledQuery<R>): Promise<R[]> {
    this.queries++;
    return super.all(query);
  }
}

test("a page of one event takes few queries where most events do not match", async (t) => {
  const { store, connect } = await openFixture(t);
  resourceOf(await store.execute(createUser("u")));
  const locks = Array.from({ length: 300 }, () => store.execute(lockUser("u", { ifAlready: "restart" })));
  for (const outcome of await Promise.all(locks)) resourceOf(outcome);
  const lists = new CountedLists(connect({ readonly: true }));
  const lister = new LogLister(lists, limitsOf({}), new UserChains());
  for (const filter of [
    { user: ["u"], type: ["UserCreated"] },
    { user: ["u"], initiator: ["SYSTEM"] },
    { user: ["u"], actor: ["nobody"] },
    { initiator: ["SYSTEM"] },
  ]) {
    for (const order of ["oldest_first", "newest_first"] as const) {
      lists.queries = 0;
      await lister.list({ scope: null, filter, order, pageSize: 1 });
      assert.ok(lists.queries < 20, `${lists.queries} queries for ${JSON.stringify(filter)}, ${order}`);
    }
  }
});

test("sessions and attempts of a user of another organization are not looked for", async (t) => {
  const { store, connect } = await openFixture(t);
  resourceOf(await store.execute(createUser("u")));
  const lists = new CountedLists(connect({ readonly: true }));
  const limits = limitsOf({});
  const period = { startTime: 0, endTime: START_TIME };
  for (const [organizationId, queries] of [
    ["default", 2],
    ["beta", 0],
  ] as const) {
    const query = { organizationId, userId: "u", pageSize: 10 };
    lists.queries = 0;
    await new SessionLister(lists, limits).list({ ...query, activeOnly: false }, START_TIME);
    await listAttempts(lists, { ...query, ...period, newestFirst: true }, START_TIME, limits);
    assert.equal(lists.queries, queries, organizationId);
  }
});
