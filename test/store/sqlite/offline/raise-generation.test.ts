/** A raised generation voids everything that the service handed out before, once it starts again. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { describe, test } from "node:test";
import Database from "better-sqlite3";
import { SessionStatus } from "../../../../gen/lockkeeper/session/v1/session_service_pb.ts";
import { verifyChain } from "../../../../src/store/log/verify-chain.ts";
import type { Raised } from "../../../../src/store/offline.ts";
import { chainOf } from "../../../../src/store/sqlite/offline/chain-rows.ts";
import { type RaiseOptions, raiseGeneration } from "../../../../src/store/sqlite/offline/raise-generation.ts";
import { assertRefused } from "../../../support/refusals.ts";
import { type Running, startService, temporaryFolder } from "../../../support/service.ts";
import { verifyUserRows } from "../../support/verify-rows.ts";

/** As a stopped service's database is raised. */
function raise(path: string, options: Partial<RaiseOptions> = {}): Raised {
  const database = new Database(path);
  try {
    return raiseGeneration(database, { now: Date.now(), via: "recovery", ...options });
  } finally {
    database.close();
  }
}

async function handOut({ users, sessions, organizations, keys }: Running) {
  for (const userId of ["ann", "bob"]) await users.createUser({ userId });
  await users.lockUser({ userId: "ann" });
  await organizations.createOrganization({ organizationId: "other" });
  await keys.createApiKey({ role: "viewer" });
  const { token } = await sessions.createSession({ userId: "bob" });
  await sessions.createSession({ userId: "bob" });
  const one = { pageSize: 1 };
  return {
    token,
    cursor: (await users.listUserEvents({ userId: "ann" })).events[0]?.cursor ?? "",
    tokens: {
      users: (await users.listUsers(one)).nextPageToken,
      events: (await users.listUserEvents({ userId: "ann", ...one })).nextPageToken,
      sessions: (await sessions.listSessions(one)).nextPageToken,
      organizations: (await organizations.listOrganizations(one)).nextPageToken,
      keys: (await keys.listApiKeys(one)).nextPageToken,
    },
  };
}

describe("a raised generation", () => {
  test("voids sessions, epochs, page tokens and cursors, and stands in an intact chain", async (t) => {
    const path = join(await temporaryFolder(t), "a.db");
    const before = await startService(t, { path });
    const { token, tokens, cursor } = await handOut(before);
    const key = { case: "token", value: token } as const;
    const epoch = (await before.signIns.checkSignIn({ userId: "bob" })).decision?.revocationEpoch;
    assert.equal((await before.sessions.verifySession({ key })).active, true);
    await before.stop();

    const raised = raise(path);
    assert.equal(raised.previousGeneration, 1);

    const { users, sessions, organizations, keys, signIns, events: feed, stop } = await startService(t, { path });
    const lists: readonly [token: string, list: (page: { pageToken: string; pageSize: number }) => Promise<unknown>][] =
      [
        [tokens.users, (page) => users.listUsers(page)],
        [tokens.events, (page) => users.listUserEvents({ userId: "ann", ...page })],
        [tokens.sessions, (page) => sessions.listSessions(page)],
        [tokens.organizations, (page) => organizations.listOrganizations(page)],
        [tokens.keys, (page) => keys.listApiKeys(page)],
      ];
    for (const [pageToken, list] of lists) {
      assert.notEqual(pageToken, "");
      await assertRefused(list({ pageToken, pageSize: 1 }), "FailedPrecondition", "HISTORY_CHANGED");
    }
    const watched = feed.watchEvents({ cursor })[Symbol.asyncIterator]().next();
    for (const read of [watched, feed.listEvents({ cursor })]) {
      const { message } = await assertRefused(read, "FailedPrecondition", "HISTORY_CHANGED");
      assert.match(message, /the cursor was made under generation 1, this is \d+: a backup was restored/);
    }
    const verified = await sessions.verifySession({ key });
    assert.deepEqual([verified.active, verified.status], [false, SessionStatus.ENDED]);
    await assertRefused(
      sessions.extendSession({ sessionId: verified.session?.sessionId ?? "" }),
      "FailedPrecondition",
      "SESSION_ENDED",
    );
    const { sessions: active } = await sessions.listSessions({ activeOnly: true });
    assert.deepEqual(active, []);
    const later = (await signIns.checkSignIn({ userId: "bob" })).decision?.revocationEpoch;
    assert.equal(epoch, 2n ** 22n + 1n);
    assert.equal(later, (BigInt(raised.generation) << 22n) + 1n);
    const { events } = await users.listUserEvents({ userId: "ann" });
    assert.ok(Buffer.compare(Buffer.from(events[0]?.cursor ?? "", "base64url"), Buffer.from(cursor, "base64url")) > 0);

    const { token: fresh } = await sessions.createSession({ userId: "bob" });
    assert.equal((await sessions.verifySession({ key: { case: "token", value: fresh } })).active, true);
    await stop();

    const database = new Database(path, { readonly: true });
    t.after(() => database.close());
    assert.deepEqual((await verifyChain(chainOf(database))).faults, []);
    assert.deepEqual((await verifyUserRows(database)).faults, []);
    const event = database.prepare("SELECT type, via, sequence, previous_position FROM events WHERE position = ?");
    assert.deepEqual(event.get(raised.position), {
      type: "GenerationRaised",
      via: "recovery",
      sequence: 1,
      previous_position: null,
    });
  });

  test("is another one each time, though the clock stands, and above what other timelines used", async (t) => {
    const path = join(await temporaryFolder(t), "a.db");
    await (await startService(t, { path })).stop();
    const now = Date.now();
    const first = raise(path, { now });
    const second = raise(path, { now });
    assert.equal(second.generation, first.generation + 1);
    const third = raise(path, { now, known: [2 ** 30] });
    assert.deepEqual([third.previousGeneration, third.generation], [second.generation, 2 ** 30 + 1]);
    const database = new Database(path, { readonly: true });
    t.after(() => database.close());
    const rows = database
      .prepare("SELECT position, sequence, previous_position AS previous FROM events WHERE type = 'GenerationRaised'")
      .all();
    assert.deepEqual(rows, [
      { position: first.position, sequence: 1, previous: null },
      { position: second.position, sequence: 2, previous: first.position },
      { position: third.position, sequence: 3, previous: second.position },
    ]);
    assert.deepEqual((await verifyChain(chainOf(database))).faults, []);
  });
});
