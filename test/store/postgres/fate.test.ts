/** What a command gets to know when the connection, the server or another replica fails while it is written. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { StoreUnavailableError } from "../../../src/store/errors.ts";
import { sharedPostgres, startPostgres } from "../../support/postgres.ts";
import { until } from "../../support/until.ts";
import { createUser, lockUser, requestContext, unlockUser } from "../support/commands.ts";
import { startCommitCutter } from "../support/commit-cutter.ts";
import { reasonOf, resourceOf, tally } from "../support/outcomes.ts";
import { openPostgresFixture } from "../support/postgres-fixture.ts";
import { atEnd } from "../support/sqlite-fixture.ts";

const server = await sharedPostgres();

const UNKNOWN = { name: "StoreUnavailableError", outcome: "UNKNOWN" };
const NOT_APPLIED = { name: "StoreUnavailableError", outcome: "NOT_APPLIED" };

type Test = Parameters<typeof openPostgresFixture>[1];

/** A store behind a proxy that cuts its connections, and another one that is not. */
async function openBehindCutter(t: Test, options: Parameters<typeof openPostgresFixture>[2] = {}) {
  const scope = { after: (close: () => unknown) => atEnd(t, close) };
  const cutter = await startCommitCutter(scope, server.port);
  const direct = await openPostgresFixture(server, t);
  const url = direct.url.replace(`:${server.port}/`, `:${cutter.port}/`);
  const store = await direct.openReplica({ url, ...options });
  resourceOf(await direct.store.execute(createUser("u")));
  return { cutter, store, direct };
}

describe("PostgreSQL: the fate of a write", () => {
  for (const when of ["before", "after", "fatal", "junk"] as const) {
    test(`is unknown when the connection ends at COMMIT (${when}); the request id finds it out`, async (t) => {
      const { cutter, store, direct } = await openBehindCutter(t);
      // Prepared and connected.
      resourceOf(await store.execute(unlockUser("u", { ifAlready: "succeed" })));
      const command = lockUser("u", { context: requestContext("r") });
      const isCut = cutter.cut(when);
      await assert.rejects(store.execute(command), UNKNOWN);
      await isCut;
      const again = await store.execute(command);
      resourceOf(again);
      assert.equal(again.ok && again.replayed, when !== "before");
      assert.equal((await direct.store.readUser("u"))?.state.sequence, 2);
      assert.equal(store.stats().engine.find(({ name }) => name === "lockkeeper_commits_unknown_total")?.value, 1);
    });
  }

  test("is unknown when COMMIT is answered with a warning: it is not on the standby", async (t) => {
    const scope = { after: (close: () => unknown) => atEnd(t, close) };
    const lonely = await startPostgres(scope, { fsync: false });
    const { store } = await openPostgresFixture(lonely, t);
    resourceOf(await store.execute(createUser("u")));
    await lonely.configure({ synchronous_standby_names: "nobody" });
    await until(
      async () => (await lonely.query<{ names: string }>("SHOW synchronous_standby_names")).length === 1,
      "the setting",
    );
    const locking = store.execute(lockUser("u"));
    const failing = assert.rejects(locking, UNKNOWN);
    await until(async () => {
      const waits = await lonely.query(
        "SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE wait_event = 'SyncRep' AND pid <> pg_backend_pid()",
      );
      return waits.length > 0;
    }, "a COMMIT that waits for a standby");
    await failing;
    // It is on the primary, and would be lost with it: readiness asks until a COMMIT succeeds.
    await lonely.configure({ synchronous_standby_names: "" });
    await until(
      () =>
        store.check().then(
          () => true,
          () => false,
        ),
      "the store to be ready again",
    );
    assert.equal(reasonOf(await store.execute(lockUser("u"))), "USER_ALREADY_LOCKED");
  });

  test("is known when the server goes away before COMMIT, and the store goes on with the next one", async (t) => {
    const scope = { after: (close: () => unknown) => atEnd(t, close) };
    const mortal = await startPostgres(scope, { fsync: false });
    const { store } = await openPostgresFixture(mortal, t);
    resourceOf(await store.execute(createUser("u")));
    await mortal.stop("immediate");
    await Promise.all([
      assert.rejects(store.execute(lockUser("u")), NOT_APPLIED),
      assert.rejects(store.readUser("u"), StoreUnavailableError),
      assert.rejects(store.check(), StoreUnavailableError),
    ]);
    await mortal.start();
    await until(
      () =>
        store.check().then(
          () => true,
          () => false,
        ),
      "the store to be ready again",
    );
    resourceOf(await store.execute(lockUser("u")));
    assert.equal((await store.readUser("u"))?.state.sequence, 2);
  });

  test("waits for a replica that stopped while it held the head, and goes on when the server ends that one", async (t) => {
    const { store, connect, openReplica } = await openPostgresFixture(server, t);
    const other = await openReplica();
    resourceOf(await store.execute(createUser("u")));
    // As a stopped replica leaves it: with the head, and with the limit that each transaction sets for itself.
    const stopped = await connect();
    await stopped.query(
      "BEGIN; SET LOCAL idle_in_transaction_session_timeout = 2500; SELECT 1 FROM log_head FOR UPDATE",
    );
    const outcomes = await Promise.all([store.execute(lockUser("u")), other.execute(createUser("v"))]);
    assert.deepEqual(tally(outcomes), { OK: 2 });
    await assert.rejects(stopped.query("COMMIT"));
  });

  test("is one for all commands of a transaction; a larger batch takes several, each with its own", async (t) => {
    const { cutter, store, direct } = await openBehindCutter(t, { limits: { batchCommands: 1_000 } });
    const commands = Array.from({ length: 1_000 }, (_, index) =>
      createUser(`user-${index}`, { context: requestContext(`r-${index}`), profile: { username: `name-${index}` } }),
    );
    const isCut = cutter.cut("after", 1);
    const results = await Promise.allSettled(commands.map((command) => store.execute(command)));
    await isCut;
    const unknown = results.filter((result) => result.status === "rejected");
    assert.ok(unknown.every(({ reason }) => reason instanceof StoreUnavailableError && reason.outcome === "UNKNOWN"));
    const written = results.length - unknown.length;
    // Two rows for an event and its personal values, and two for the user.
    assert.ok(64 < written && written <= 3_000 / 4, `${written} commands in the first transaction`);
    const again = await Promise.all(commands.map((command) => store.execute(command)));
    assert.deepEqual(tally(again), { OK: 1_000 });
    const [count] = await direct.query<{ events: string; users: string }>(
      "SELECT (SELECT count(*) FROM events WHERE user_id LIKE 'user-%') AS events, (SELECT count(*) FROM user_state) AS users",
    );
    assert.deepEqual({ ...count }, { events: "1000", users: "1001" });
  });
});
