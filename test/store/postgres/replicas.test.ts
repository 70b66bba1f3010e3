/** Several replicas on one database: one order, one decision for each race, and every change known everywhere. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { BeginAttempt } from "../../../src/domain/attempt.ts";
import type { PostgresStore } from "../../../src/store/postgres/postgres-store.ts";
import type { RecordedEvent } from "../../../src/store/queries.ts";
import type { Follower } from "../../../src/store/store.ts";
import { sharedPostgres } from "../../support/postgres.ts";
import { seededRandom } from "../../support/random.ts";
import { scaled } from "../../support/scale.ts";
import { until } from "../../support/until.ts";
import { begin, complete, setPolicy } from "../support/attempts.ts";
import {
  banUser,
  context,
  createApiKey,
  createSession,
  createUser,
  lockUser,
  requestContext,
  revokeApiKey,
  unbanUser,
  unlockUser,
} from "../support/commands.ts";
import { resourceOf, tally } from "../support/outcomes.ts";
import { openPostgresFixture, type PostgresFixture } from "../support/postgres-fixture.ts";

const server = await sharedPostgres();

interface Trio extends PostgresFixture {
  readonly stores: readonly [PostgresStore, PostgresStore, PostgresStore];
}

async function openThree(t: Parameters<typeof openPostgresFixture>[1]): Promise<Trio> {
  const fixture = await openPostgresFixture(server, t);
  return { ...fixture, stores: [fixture.store, await fixture.openReplica(), await fixture.openReplica()] };
}

describe("PostgreSQL: replicas", () => {
  test("write one log in one order without gaps, and each row is what its history says", async (t) => {
    const { stores, query } = await openThree(t);
    const users = 20;
    const commands = scaled({ quick: 600, full: 3_000, soak: 30_000 });
    const random = seededRandom(t);
    const ids = Array.from({ length: users }, (_, index) => `user-${index}`);
    for (const id of ids) resourceOf(await stores[0].execute(createUser(id)));
    const kinds = [lockUser, unlockUser, banUser, unbanUser];
    const outcomes = await Promise.all(
      Array.from({ length: commands }, () => random.pick(stores).execute(random.pick(kinds)(random.pick(ids)))),
    );
    assert.ok((tally(outcomes).OK as number) > commands / 10);
    const events = await query<{ position: string; record_time: string }>(
      "SELECT position, record_time FROM events ORDER BY position",
    );
    assert.deepEqual(
      events.map(({ position }) => Number(position)),
      events.map((_, index) => index + 1),
    );
    for (const id of ids) {
      const [first, ...others] = await Promise.all(stores.map((store) => store.readUser(id)));
      for (const other of others) assert.deepEqual(other, first);
      const { items } = await stores[1].listUserEvents({ userId: id, order: "oldest_first", pageSize: 1_000 });
      assert.deepEqual(
        items.slice(0, 1_000).map(({ sequence }) => sequence),
        items.slice(0, 1_000).map((_, index) => index + 1),
      );
    }
  });

  test("P1 admit together no more first attempts than there are places, on a user without a counter", async (t) => {
    const { stores } = await openThree(t);
    resourceOf(await stores[0].execute(createUser("u")));
    resourceOf(await stores[0].execute(setPolicy({ attemptsMax: { PASSWORD: 3 } })));
    const attempts = Array.from({ length: 60 }, () => begin({ userId: "u" }));
    const answers = await Promise.all(
      attempts.map(async (attempt: BeginAttempt, index) =>
        resourceOf(await (stores[index % 3] ?? stores[0]).execute(attempt)),
      ),
    );
    const admitted = attempts.filter((_, index) => answers[index]?.result === "ADMITTED");
    assert.equal(admitted.length, 3);
    // P2: what is correct passes, wherever it is completed.
    for (const [index, { attemptId }] of admitted.entries()) {
      const answer = resourceOf(await (stores[(index + 1) % 3] ?? stores[0]).execute(complete(attemptId, true)));
      assert.equal(answer.result, "SETTLED");
    }
  });

  test("P23 write one event for each expiry when all of them sweep at once", async (t) => {
    const { stores, clock } = await openThree(t);
    const users = ["a", "b", "c"];
    for (const id of users) {
      resourceOf(await stores[0].execute(createUser(id)));
      resourceOf(await stores[0].execute(lockUser(id, { expiry: { kind: "for", durationMs: 1_000 } })));
    }
    clock.time += 2_000;
    await Promise.all(stores.map((store) => store.sweep()));
    for (const userId of users) {
      const { items } = await stores[1].listUserEvents({ userId, order: "oldest_first", pageSize: 10 });
      assert.deepEqual(
        items.map(({ event }) => event.type),
        ["UserCreated", "UserLocked", "RestrictionExpired"],
      );
    }
  });

  test("do one request once when it comes to all of them at once", async (t) => {
    const { stores } = await openThree(t);
    resourceOf(await stores[0].execute(createUser("u")));
    const outcomes = await Promise.all(
      Array.from({ length: 30 }, (_, index) =>
        (stores[index % 3] ?? stores[0]).execute({ ...lockUser("u"), context: requestContext("once") }),
      ),
    );
    assert.deepEqual(tally(outcomes), { OK: 30 });
    assert.equal(outcomes.filter((outcome) => outcome.ok && !outcome.replayed).length, 1);
  });

  test("write nothing by a key that another one has revoked", async (t) => {
    const { stores } = await openThree(t);
    const [first, second, third] = stores;
    resourceOf(await first.execute(createUser("u")));
    for (const keyId of ["kept", "gone"]) resourceOf(await first.execute(createApiKey(keyId)));
    const byKey = context({ keyId: "gone", actor: "key:gone" });
    resourceOf(await second.execute(lockUser("u", { context: byKey })));
    resourceOf(await third.execute(revokeApiKey("gone")));
    const outcomes = await Promise.all(stores.map((store) => store.execute(unlockUser("u", { context: byKey }))));
    assert.deepEqual(tally(outcomes), { CREDENTIAL_INVALID: 3 });
  });

  test("find no session idle that another one was just told is active", async (t) => {
    const { stores, clock } = await openThree(t);
    const [first, second, third] = stores;
    resourceOf(await first.execute(createUser("u")));
    resourceOf(await first.execute(createSession("s", "u", { idleTimeoutMs: 10_000 })));
    const use = async (store: PostgresStore, touch: boolean): Promise<string | undefined> =>
      (await store.readSession({ id: "s", scope: null }, { touch }))?.status;
    for (const store of [second, third, first]) {
      clock.time += 9_999;
      assert.equal(await use(store, true), "ACTIVE");
    }
    clock.time += 9_999;
    assert.deepEqual(await Promise.all(stores.map((store) => use(store, false))), ["ACTIVE", "ACTIVE", "ACTIVE"]);
    clock.time += 1;
    assert.deepEqual(await Promise.all(stores.map((store) => use(store, true))), ["IDLE", "IDLE", "IDLE"]);
  });

  test("know a change of the configuration before they answer a read that came after it", async (t) => {
    const { stores } = await openThree(t);
    const [first, second] = stores;
    const seen: RecordedEvent[] = [];
    const follower: Follower = { apply: (events) => void seen.push(...events), reload: () => assert.fail("reloaded") };
    second.follow(follower);
    for (let round = 0; round < 20; round++) {
      resourceOf(await first.execute(setPolicy({ attemptsMax: { PASSWORD: 3 + (round % 2) } })));
      assert.equal(await second.readUser("nobody"), undefined);
      assert.equal(seen.filter(({ event }) => event.type === "PolicyUpdated").length, round + 1);
    }
  });

  for (const [change, statement] of [
    ["the generation was raised", "UPDATE instance SET generation = generation + 1"],
    [
      "a newer version has finished its upgrade",
      "INSERT INTO migrations (name, oldest_beside, time) VALUES ('9999-next', '9999-next', 0)",
    ],
  ] as const) {
    test(`neither read nor write once ${change}, however long they were away`, async (t) => {
      const { store, query } = await openPostgresFixture(server, t);
      resourceOf(await store.execute(createUser("u")));
      await query(statement);
      const refused = { name: "StoreUnavailableError", message: /start this replica again|must be replaced/ };
      await assert.rejects(store.execute(lockUser("u")), { ...refused, outcome: "NOT_APPLIED" });
      await assert.rejects(store.readUser("u"), refused);
      await assert.rejects(store.check(), refused);
      await assert.rejects(store.listOrganizations({ pageSize: 1 }), refused);
    });
  }

  test("learn of changes by others without reading anything", async (t) => {
    const { stores } = await openThree(t);
    const [first, second] = stores;
    const seen: string[] = [];
    second.follow({
      apply: (events) => void seen.push(...events.map(({ event }) => event.type)),
      reload: () => undefined,
    });
    const stop = new AbortController();
    const read: number[] = [];
    const reading = (async () => {
      for await (const events of second.tail.read(0, stop.signal)) read.push(...events.map(({ position }) => position));
    })();
    resourceOf(await first.execute(createUser("u")));
    resourceOf(await first.execute(setPolicy({ attemptsMax: { PASSWORD: 7 } })));
    resourceOf(await second.execute(lockUser("u")));
    await until(() => seen.includes("PolicyUpdated") && read.length === 4, "the tail");
    assert.deepEqual(read, [1, 2, 3, 4]);
    stop.abort();
    await assert.rejects(reading, { name: "AbortError" });
  });
});
