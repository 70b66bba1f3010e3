/** The contract of attempts: what is counted and kept, what the sweeper does, and what is bounded. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { parseNetwork } from "../../../src/domain/network.ts";
import type { Command } from "../../../src/store/commands.ts";
import type { AttemptQuery } from "../../../src/store/queries.ts";
import {
  attemptsLeft,
  begin,
  complete,
  DAY_MS,
  eventsOf,
  fail,
  HOUR_MS,
  kept,
  openWith,
  RESERVATION_MS,
  record,
  U,
} from "../support/attempts.ts";
import { createUser, deleteUser, importUser, ORGANIZATION_ID, unlockUser } from "../support/commands.ts";
import { readAll, reasonOf, resourceOf, tally } from "../support/outcomes.ts";
import { START_TIME } from "../support/sqlite-fixture.ts";
import type { OpenStore } from "./contract.ts";

export function describeAttempts(engine: string, open: OpenStore): void {
  describe(`${engine}: attempts`, () => {
    it("P1 admits no more of one batch than there are places; the rest wait, and nothing of them is kept", async (t) => {
      const opened = await openWith(open, t, 10);
      const { store } = opened;
      const outcomes = await Promise.all(Array.from({ length: 500 }, () => store.execute(begin(U))));
      const results = outcomes.map((outcome) => resourceOf(outcome).result);
      assert.deepEqual(
        [results.filter((result) => result === "ADMITTED").length, results.filter((r) => r === "WAITING").length],
        [10, 490],
      );
      assert.equal(results.indexOf("WAITING"), 10, "the first come first");
      assert.equal((await kept(opened)).length, 10);
      assert.equal(resourceOf(outcomes[499] ?? assert.fail()).nextEndTime, START_TIME + RESERVATION_MS);
    });

    it("lets nobody inherit what was begun or counted for a deleted user under the same id", async (t) => {
      for (const attemptsMax of [3, 0]) {
        for (const again of [createUser("u"), importUser("u", { creationTime: 1 })]) {
          const opened = await openWith(open, t, attemptsMax);
          const { store } = opened;
          for (const id of ["one", "two"]) resourceOf(await store.execute(begin(U, `${id}-of-before`)));
          await store.execute(record(U));
          resourceOf(await store.execute(deleteUser("u")));
          assert.equal(reasonOf(await store.execute(complete("one-of-before", true))), "USER_NOT_FOUND");
          resourceOf(await store.execute(again));

          for (const succeeded of [true, false]) {
            assert.equal(reasonOf(await store.execute(complete("one-of-before", succeeded))), "ATTEMPT_NOT_FOUND");
          }
          assert.equal(reasonOf(await store.execute(begin(U, "two-of-before"))), "ATTEMPT_ID_REUSED");
          assert.equal(reasonOf(await store.execute(begin(U, "late", { life: 0 }))), "USER_NOT_FOUND");
          if (attemptsMax > 0) assert.equal(await attemptsLeft(opened), attemptsMax);
          resourceOf(await store.execute(begin(U, "own")));
          assert.equal(resourceOf(await store.execute(complete("own", true))).result, "SETTLED");
          assert.ok(!(await eventsOf(opened)).includes("UserLocked"));
        }
      }
    });

    it("begins another life in one batch with what was begun before", async (t) => {
      const opened = await openWith(open, t, 1);
      const { store } = opened;
      const commands = [begin(U, "a"), deleteUser("u"), createUser("u"), complete("a", true), begin(U, "b")];
      const outcomes = await Promise.all(commands.map((command) => store.execute<Command>(command)));
      assert.deepEqual(tally(outcomes), { OK: 4, ATTEMPT_NOT_FOUND: 1 });
      assert.deepEqual((await kept(opened)).map(({ id, outcome }) => [id, outcome]).sort(), [
        ["a", "DENIED"],
        ["b", "OUTSTANDING"],
      ]);
    });

    it("gives way to those who wait already, but not where an attempt is only repeated", async (t) => {
      const { store } = await openWith(open, t, 2);
      const first = resourceOf(await store.execute(begin(U, "attempt-of-mine")));
      assert.equal(resourceOf(await store.execute(begin(U, "another-one", { yields: true }))).result, "WAITING");
      const again = resourceOf(await store.execute(begin(U, "attempt-of-mine", { yields: true })));
      assert.deepEqual([again.result, again.endTime], ["ADMITTED", first.endTime]);
    });

    it("lets one of many completions of one attempt count", async (t) => {
      const opened = await openWith(open, t, 10);
      const { store } = opened;
      resourceOf(await store.execute(begin(U, "the-only-attempt")));
      const outcomes = await Promise.all(Array.from({ length: 50 }, () => store.execute(complete("the-only-attempt"))));
      assert.deepEqual(tally(outcomes), { OK: 1, ATTEMPT_SETTLED: 49 });
      assert.equal(await attemptsLeft(opened), 9);
    });

    it("keeps the place of what timed out until it is counted; the lock that it causes starts then", async (t) => {
      const opened = await openWith(open, t, 2);
      const { store, clock } = opened;
      for (const id of ["attempt-one", "attempt-two"]) resourceOf(await store.execute(begin(U, id)));
      clock.time += 10 * RESERVATION_MS;
      assert.equal(await attemptsLeft(opened), 0, "nobody has counted it yet");
      assert.equal(reasonOf(await store.execute(complete("attempt-one", true))), "ATTEMPT_EXPIRED");
      const answer = resourceOf(await store.execute(begin(U)));
      assert.deepEqual([answer.result, answer.locked], ["DENIED", true]);
      assert.equal(answer.user.restrictions[0]?.expireTime, clock.time + HOUR_MS);
      assert.deepEqual(
        (await kept(opened)).map(({ outcome, settleTime }) => [outcome, settleTime]),
        Array.from({ length: 2 }, () => ["EXPIRED", clock.time]),
      );
    });

    it("counts what timed out when it sweeps, once, and writes the lock as an event of its own", async (t) => {
      const opened = await openWith(open, t, 2);
      const { store, clock } = opened;
      for (let i = 0; i < 2; i++) resourceOf(await store.execute(begin(U)));
      await store.sweep();
      assert.deepEqual(await eventsOf(opened), ["UserCreated"]);
      clock.time += RESERVATION_MS;
      for (let i = 0; i < 3; i++) await store.sweep();
      assert.deepEqual(await eventsOf(opened), ["UserCreated", "UserLocked"]);
      clock.time += HOUR_MS;
      for (let i = 0; i < 3; i++) await store.sweep();
      assert.deepEqual(await eventsOf(opened), ["UserCreated", "UserLocked", "RestrictionExpired"]);
      const { items } = await store.listUserEvents({ userId: "u", order: "oldest_first", pageSize: 10 });
      assert.deepEqual(
        items.map(({ event }) => [event.actor, event.time - START_TIME]),
        [
          ["key:test", 0],
          ["system", RESERVATION_MS],
          ["system", RESERVATION_MS + HOUR_MS],
        ],
      );
    });

    it("forgets the attempts of who is deleted, and is not kept busy by them", async (t) => {
      const opened = await openWith(open, t, 5);
      const { store, clock } = opened;
      resourceOf(await store.execute(begin(U, "attempt-of-who-leaves")));
      resourceOf(await store.execute(deleteUser("u")));
      assert.equal(reasonOf(await store.execute(complete("attempt-of-who-leaves", true))), "USER_NOT_FOUND");
      clock.time += RESERVATION_MS;
      await store.sweep();
      await store.sweep();
      resourceOf(await store.execute(createUser("u")));
      assert.equal(await attemptsLeft(opened), 5);
    });

    it("P16 lets an unlocking and a failure of one batch take effect in their order", async (t) => {
      const opened = await openWith(open, t, 2);
      const { store } = opened;
      await fail(store, U, 1);
      const [locking, unlocking, after] = await Promise.all([
        store.execute(record(U)),
        store.execute(unlockUser("u")),
        store.execute(record(U)),
      ]);
      assert.equal(resourceOf(locking).locked, true);
      resourceOf(unlocking);
      assert.deepEqual([resourceOf(after).locked, resourceOf(after).attemptsLeft], [false, 1]);
      assert.deepEqual(await eventsOf(opened), ["UserCreated", "UserLocked", "UserUnlocked"]);
    });

    it("P28 keeps attempts for 30 days", async (t) => {
      const opened = await openWith(open, t, 10);
      const { store, clock } = opened;
      await fail(store, U, 2);
      clock.time += DAY_MS;
      await fail(store, U, 1);
      clock.time = START_TIME + 30 * DAY_MS;
      await store.sweep();
      assert.equal((await kept(opened)).length, 3);
      clock.time += 1;
      await store.sweep();
      assert.deepEqual(
        (await kept(opened)).map(({ beginTime }) => beginTime),
        [START_TIME + DAY_MS],
      );
    });

    it("lists attempts in the order of their beginnings, by period and organization, page by page", async (t) => {
      const opened = await openWith(open, t, 100, { limits: { sliceRows: 4 } });
      const { store, clock } = opened;
      for (let i = 0; i < 10; i++) {
        await fail(store, U, 1);
        clock.time += 1_000;
      }
      const all = await kept(opened);
      assert.deepEqual(
        all.map(({ beginTime }) => beginTime - START_TIME),
        Array.from({ length: 10 }, (_, index) => index * 1_000),
      );
      const { ip, userAgent, createdBy, subject, outcome } = all[0] ?? assert.fail();
      assert.deepEqual([ip, userAgent, createdBy, subject, outcome], ["192.0.2.1", "Browser", "key:test", U, "FAILED"]);
      assert.deepEqual(await kept(opened, "elsewhere"), []);
      assert.equal((await kept(opened, ORGANIZATION_ID)).length, 10);
      const part = { organizationId: null, startTime: START_TIME + 2_000, endTime: START_TIME + 5_000, pageSize: 100 };
      const { items } = await store.listAttempts(part);
      assert.deepEqual(items, all.slice(2, 5));
      const nothing = {
        ...part,
        startTime: START_TIME,
        endTime: START_TIME + HOUR_MS,
        outcomes: ["SUCCEEDED"],
      } as const;
      const gone = new AbortController();
      const listing = store.listAttempts(nothing, { signal: gone.signal });
      gone.abort(new Error("nobody waits"));
      await assert.rejects(listing, /nobody waits/, "it is given up between two slices");
    });

    for (const sliceRows of [5_000, 4]) {
      it(`lists by user, network and outcome, the newest first, in slices of ${sliceRows}`, async (t) => {
        const opened = await openWith(open, t, 100, { limits: { sliceRows } });
        const { store, clock } = opened;
        resourceOf(await store.execute(createUser("v")));
        const ips = ["192.0.2.1", "::ffff:192.0.2.77", "192.0.3.1", "2001:db8::5", "2001:DB8:0:9:0::1", "a printer"];
        for (const [index, ip] of [...ips, ...ips].entries()) {
          const subject = index < ips.length ? U : { userId: "v" };
          resourceOf(await store.execute({ ...record(subject), ip, succeeded: index % 2 === 0 }));
          clock.time += 1_000;
        }
        const list = async (more: Partial<AttemptQuery>) => {
          const query = { organizationId: null, startTime: 0, endTime: Number.MAX_SAFE_INTEGER, newestFirst: true };
          const found = await readAll((after) =>
            store.listAttempts({ ...query, pageSize: 3, ...more, ...(after === undefined ? {} : { after }) }),
          );
          return found.map(({ beginTime }) => (beginTime - START_TIME) / 1_000);
        };
        const network = (text: string) => ({ network: parseNetwork(text) ?? assert.fail(text) });
        assert.deepEqual(await list({}), [11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0]);
        assert.deepEqual(await list({ userId: "v" }), [11, 10, 9, 8, 7, 6]);
        assert.deepEqual(await list(network("192.0.2.0/24")), [7, 6, 1, 0]);
        assert.deepEqual(await list(network("192.0.2.77")), [7, 1]);
        assert.deepEqual(await list(network("192.0.2.0/23")), [8, 7, 6, 2, 1, 0]);
        assert.deepEqual(await list(network("2001:db8::/64")), [9, 3]);
        assert.deepEqual(await list(network("2001:db8::/32")), [10, 9, 4, 3]);
        assert.deepEqual(await list({ ...network("192.0.2.0/24"), userId: "u" }), [1, 0]);
        assert.deepEqual(await list({ outcomes: ["SUCCEEDED"], userId: "u" }), [4, 2, 0]);
        assert.deepEqual(
          await list({ startTime: START_TIME + 2_000, endTime: START_TIME + 9_000, userId: "v" }),
          [8, 7, 6],
        );
        assert.deepEqual(await list({ userId: "v", organizationId: "elsewhere" }), []);
      });
    }

    it("calls what ran out of time expired before anybody has written that", async (t) => {
      const opened = await openWith(open, t, 3);
      const { store, clock } = opened;
      await store.execute(begin(U));
      const outcomes = async (more: Partial<AttemptQuery> = {}) => {
        const period = { organizationId: null, startTime: 0, endTime: Number.MAX_SAFE_INTEGER, pageSize: 10 };
        return (await store.listAttempts({ ...period, ...more })).items.map(({ outcome }) => outcome);
      };
      assert.deepEqual(await outcomes(), ["OUTSTANDING"]);
      clock.time += RESERVATION_MS;
      assert.deepEqual(await outcomes(), ["EXPIRED"]);
      assert.deepEqual(
        [await outcomes({ outcomes: ["OUTSTANDING"] }), await outcomes({ outcomes: ["EXPIRED"] })],
        [[], ["EXPIRED"]],
      );
    });

    it("leaves sequence and position of the history alone unless it locks", async (t) => {
      const { store } = await openWith(open, t, 3);
      const head = async () => {
        const { items } = await store.listUserEvents({ userId: "u", order: "newest_first", pageSize: 1 });
        return [items[0]?.position, (await store.readUser("u"))?.state.sequence];
      };
      const before = await head();
      for (let i = 0; i < 5; i++) {
        resourceOf(await store.execute(begin(U, `attempt-number-${i}`)));
        resourceOf(await store.execute(complete(`attempt-number-${i}`, i % 2 === 0)));
      }
      assert.deepEqual(await head(), before);
    });
  });
}
