/** The contract of attempts of unknown users: counted like those of users, made unreadable, and bounded in number. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { Store } from "../../../src/store/store.ts";
import {
  attemptsLeft,
  begin,
  complete,
  DAY_MS,
  eventsOf,
  fail,
  HOUR_MS,
  openWith,
  RESERVATION_MS,
  record,
  setPolicy,
  U,
} from "../support/attempts.ts";
import { ORGANIZATION_ID } from "../support/commands.ts";
import { reasonOf, resourceOf } from "../support/outcomes.ts";
import type { OpenStore } from "./contract.ts";

export function describeUnknownUsers(engine: string, open: OpenStore): void {
  describe(`${engine}: unknown users`, () => {
    it("counts no success for somebody who was unknown when the attempt began", async (t) => {
      const { store } = await openWith(open, t, 3);
      resourceOf(await store.execute(begin({ shadow: "s" }, "of-nobody")));
      assert.equal(reasonOf(await store.execute(complete("of-nobody", true))), "ATTEMPT_NOT_FOUND");
      assert.equal(resourceOf(await store.execute(complete("of-nobody", false))).result, "SETTLED");
    });

    it("forgets no unknown user that is locked or above half of its limit while others rest", async (t) => {
      const { store, clock } = await openWith(open, t, 4, { limits: { shadowsMax: 11 } });
      const shadow = (name: string) => ({ shadow: `s-${name}` });
      const leftOf = async (name: string) => resourceOf(await store.execute(begin(shadow(name)))).attemptsLeft;
      const stateOf = async (name: string) => resourceOf(await store.execute(begin(shadow(name)))).result;
      await fail(store, shadow("locked"), 4);
      await fail(store, shadow("above"), 3);
      await fail(store, shadow("half"), 2);
      for (let i = 0; i < 30; i++) {
        clock.time += 1;
        await fail(store, shadow(`${i}`), 1);
      }
      await store.sweep();
      assert.deepEqual(
        [await stateOf("locked"), await leftOf("above"), await leftOf("half"), await leftOf("29")],
        ["DENIED", 0, 3, 2],
        "one place of each is taken by asking",
      );

      // Where all are such, the least recently touched go: the bound holds.
      for (let i = 0; i < 10; i++) {
        clock.time += 1;
        await fail(store, shadow(`new-${i}`), 4);
      }
      await store.sweep();
      assert.deepEqual(
        [await stateOf("locked"), await stateOf("new-4"), await stateOf("new-5"), await stateOf("new-9")],
        ["ADMITTED", "ADMITTED", "DENIED", "DENIED"],
        "half of the places are theirs while others rest",
      );
    });

    for (const [what, waitMs] of [
      ["at once", 0],
      ["a year later", 365 * DAY_MS],
    ] as const) {
      it(`locks a new unknown name like a known one ${what}, where locks without end fill the places`, async (t) => {
        const { store, clock } = await openWith(open, t, 4, { limits: { shadowsMax: 10 } });
        resourceOf(await store.execute(setPolicy({ attemptsMax: { PASSWORD: 4 }, permanentAfter: 1 })));
        for (let i = 0; i < 10; i++) await fail(store, { shadow: `locked-${i}` }, 4);
        await store.sweep();
        clock.time += waitMs;
        const newcomer = { shadow: "newcomer" };
        for (let i = 1; i <= 4; i++) {
          clock.time += 31_000;
          const known = await fail(store, U, 1);
          const unknown = await fail(store, newcomer, 1);
          assert.deepEqual([unknown.locked, unknown.attemptsLeft], [known.locked, known.attemptsLeft], `failure ${i}`);
          assert.equal(known.locked, i === 4);
          await store.sweep();
        }
        const results = [await store.execute(begin(U)), await store.execute(begin(newcomer))];
        assert.deepEqual(
          results.map((outcome) => resourceOf(outcome).result),
          ["DENIED", "DENIED"],
        );
      });
    }

    it("P3 bounds the counters of unknown users, the longest rested first, and keeps those of users", async (t) => {
      const opened = await openWith(open, t, 3, { limits: { shadowsMax: 10 } });
      const { store, clock } = opened;
      await fail(store, U, 2);
      const shadowOf = async (name: string) => ({
        shadow: await store.shadowOf(ORGANIZATION_ID, { identifier: name }),
      });
      for (let i = 0; i < 30; i++) {
        clock.time += 1;
        await fail(store, await shadowOf(`nobody-${i}`), 2);
      }
      await store.sweep();
      assert.equal(await attemptsLeft(opened), 1);
      const left = async (i: number) => (await fail(store, await shadowOf(`nobody-${i}`), 1)).locked;
      assert.deepEqual([await left(20), await left(29), await left(19), await left(0)], [true, true, false, false]);
    });

    it("P5 forgets what is under way with the counter of an unknown user, so its end brings nothing back", async (t) => {
      const { store, clock } = await openWith(open, t, 3, { limits: { shadowsMax: 4 } });
      const forgotten = { shadow: "forgotten" };
      resourceOf(await store.execute(begin(forgotten, "of-forgotten")));
      for (let i = 0; i < 10; i++) {
        clock.time += 1;
        await fail(store, { shadow: `other-${i}` }, 1);
      }
      await store.sweep();
      clock.time += RESERVATION_MS;
      await store.sweep();
      const answer = resourceOf(await store.execute(begin(forgotten)));
      assert.deepEqual([answer.attemptsLeft, answer.user.organizationId], [2, ORGANIZATION_ID]);
    });

    it("P4 P5 stands for an unknown name in one way: normalised, secret, by organization", async (t) => {
      const { store } = await openWith(open, t, 3);
      const of = (name: Parameters<Store["shadowOf"]>[1], organization = ORGANIZATION_ID) =>
        store.shadowOf(organization, name);
      const one = await of({ identifier: "Zoé" });
      assert.match(one, /^[\w-]{43}$/);
      for (const same of [" zoé", "ZOE\u0301", "ｚｏé"]) assert.equal(await of({ identifier: same }), one);
      const others = [
        await of({ identifier: "zoe" }),
        await of({ identifier: "Zoé" }, "other"),
        await of({ userId: "Zoé" }),
        await of({ userId: "zoé" }),
      ];
      assert.equal(new Set([one, ...others]).size, 5);
      const { store: elsewhere } = await open(t);
      assert.notEqual(
        await elsewhere.shadowOf(ORGANIZATION_ID, { identifier: "Zoé" }),
        one,
        "every database has its own",
      );
    });

    it("locks a shadow like a user, without an event, and lets it go in time", async (t) => {
      const opened = await openWith(open, t, 2);
      const { store, clock } = opened;
      const nobody = { shadow: await store.shadowOf(ORGANIZATION_ID, { identifier: "nobody" }) };
      const locked = await fail(store, nobody, 2);
      assert.deepEqual([locked.locked, locked.user.restrictions[0]?.cause], [true, "POLICY"]);
      assert.equal(resourceOf(await store.execute(begin(nobody))).result, "DENIED");
      clock.time += HOUR_MS;
      assert.equal(resourceOf(await store.execute(begin(nobody))).result, "ADMITTED");
      clock.time += RESERVATION_MS;
      await store.sweep();
      assert.equal(resourceOf(await store.execute(record(nobody))).locked, true, "what timed out has counted");
      assert.deepEqual(await eventsOf(opened), ["UserCreated"]);
    });
  });
}
