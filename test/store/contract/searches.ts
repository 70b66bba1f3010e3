/** The contract of searches by offset: any condition in any order finds the same as checking every user. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { SEARCH_KEY_BYTES_MAX, toSearchKey } from "../../../src/domain/search-key.ts";
import type { User } from "../../../src/domain/user.ts";
import { stateOf } from "../../../src/domain/user.ts";
import type { UserPredicate, UserSearch, UserSearchOrder } from "../../../src/store/queries.ts";
import { seededRandom } from "../../support/random.ts";
import { scaled } from "../../support/scale.ts";
import { createOrganization, createUser, deleteUser } from "../support/commands.ts";
import { reasonOf, resourceOf } from "../support/outcomes.ts";
import { EVERYBODY, fill, holds, idsOf, ORDERS, randomPredicate, searchOf } from "../support/predicates.ts";
import { START_TIME } from "../support/sqlite-fixture.ts";
import type { OpenStore } from "./contract.ts";

export function describeSearches(engine: string, open: OpenStore): void {
  describe(`${engine}: searches by offset`, () => {
    for (const limits of [{}, { limits: { sliceRows: 7 } }]) {
      const how = "limits" in limits ? "in slices of 7 rows" : "in one slice";

      it(`finds by any condition the same as checking every user, ${how}`, async (t) => {
        const contract = await open(t, limits);
        const random = seededRandom(t);
        const users = await fill(contract, random);
        let found = 0;
        for (let i = 0; i < scaled({ quick: 60, full: 120, soak: 5_000 }); i++) {
          const organizationId = random.pick([null, "default", "other"]);
          const where = randomPredicate(random, 3);
          const order = { by: random.pick(ORDERS), descending: random.below(2) === 0 };
          const expected = users
            .filter((user) => organizationId === null || user.state.organizationId === organizationId)
            .filter((user) => holds(where, user))
            .map(({ state }) => state.id);
          const search = searchOf({ organizationId, where, order });
          const { users: all, total, isTotalExact } = await contract.store.searchUsers(search);
          const said = JSON.stringify(search);
          assert.deepEqual(all.map(({ state }) => state.id).sort(), expected.sort(), said);
          assert.deepEqual([total, isTotalExact], [expected.length, true], said);
          const offset = random.below(20);
          const page = await idsOf(contract.store, { ...search, offset, limit: 5 });
          assert.deepEqual(
            page,
            all.slice(offset, offset + 5).map(({ state }) => state.id),
            said,
          );
          const uncounted = { ...search, offset, limit: 5, isTotalUnasked: true };
          assert.deepEqual(await idsOf(contract.store, uncounted), page, said);
          assert.equal((await contract.store.searchUsers({ ...search, limit: 0 })).total, expected.length, said);
          found += expected.length;
        }
        assert.ok(found > 400, `only ${found} were found`);
      });

      it(`keeps every order, both ways, ${how}`, async (t) => {
        const contract = await open(t, limits);
        const users = await fill(contract, seededRandom(t));
        for (const organizationId of [null, "default"]) {
          for (const by of ORDERS) {
            const keyed = (
              await contract.store.searchUsers(searchOf({ organizationId, order: { by, descending: false } }))
            ).users;
            assert.equal(
              keyed.length,
              users.filter(({ state }) => organizationId === null || state.organizationId === organizationId).length,
            );
            const keys = keyed.map((user) => keyOf(user, by));
            const named = keys.filter((key) => key !== undefined);
            assert.deepEqual(keys.slice(0, named.length), named, `${by}: those without come last`);
            for (const [index, key] of named.slice(1).entries()) {
              const before = named[index] ?? key;
              assert.ok(Buffer.compare(before, key) <= 0, `${by}: ${before} before ${key}`);
            }
            const back = await idsOf(contract.store, searchOf({ organizationId, order: { by, descending: true } }));
            const forth = keyed.map(({ state }) => state.id);
            const expected = [...forth.slice(0, named.length).toReversed(), ...forth.slice(named.length).toReversed()];
            assert.deepEqual(back, expected, by);
          }
        }
      });
    }

    it("answers a total that it did not count to the end, and refuses a page that it cannot know", async (t) => {
      const limits = { sliceRows: 7, searchRows: 21, searchMatches: 10, countRows: 30 };
      const { store } = await open(t, { limits });
      for (let i = 0; i < 40; i++) resourceOf(await store.execute(createUser(`user-${String(i).padStart(2, "0")}`)));
      const active: UserPredicate = { kind: "state", states: ["ACTIVE"] };
      const first = await store.searchUsers(searchOf({ where: active, limit: 5 }));
      assert.deepEqual([first.users.length, first.isTotalExact], [5, false]);
      assert.ok(first.total >= 10 && first.total < 40, `${first.total}`);
      const everybody = await store.searchUsers(searchOf({ limit: 5 }));
      assert.equal(everybody.isTotalExact, false, "more than countRows are not counted");
      const counted = await store.searchUsers(searchOf({ where: active, limit: 0 }));
      assert.deepEqual([counted.users.length, counted.isTotalExact], [0, false]);
      for (const broad of [
        searchOf({ where: active, offset: 30, limit: 5 }),
        searchOf({ order: { by: "username", descending: false }, limit: 5 }),
        searchOf({
          where: { kind: "text", field: "familyName", method: "contains", ignoreCase: true, value: "x" },
          limit: 5,
        }),
      ]) {
        await assert.rejects(store.searchUsers(broad), (error: { refusal?: { reason: string } }) => {
          assert.equal(error.refusal?.reason, "SEARCH_TOO_BROAD", JSON.stringify(broad));
          return true;
        });
      }
    });

    it("walks an organization by id as far as the page, however many users it has", async (t) => {
      const { store } = await open(t, { limits: { sliceRows: 7, searchRows: 14, searchMatches: 5 } });
      const ids = Array.from({ length: 40 }, (_, i) => `user-${String(i).padStart(2, "0")}`);
      for (const id of ids) resourceOf(await store.execute(createUser(id)));
      const order = { by: "id", descending: true } as const;
      assert.deepEqual(
        await idsOf(store, searchOf({ organizationId: "default", order, limit: 5 })),
        ids.toReversed().slice(0, 5),
      );
    });

    it("continues after a place among users of one instant, at the cost of one page", async (t) => {
      const limits = { sliceRows: 7, searchRows: 7, searchMatches: 5 };
      const { store } = await open(t, { limits });
      const ids = Array.from({ length: 40 }, (_, i) => `user-${String(i).padStart(2, "0")}`);
      for (const id of ids) resourceOf(await store.execute(createUser(id)));
      for (const descending of [false, true]) {
        const all = descending ? ids.toReversed() : ids;
        const order = { by: "creation", descending } as const;
        const after = { creationTime: START_TIME, id: all[29] ?? "" };
        for (const where of [
          EVERYBODY,
          { kind: "text", field: "id", method: "contains", ignoreCase: false, value: "user" } as const,
        ]) {
          const found = await idsOf(store, searchOf({ where, order, after, limit: 5, isTotalUnasked: true }));
          assert.deepEqual(found, all.slice(30, 35));
        }
        const few: UserPredicate = {
          kind: "or",
          of: all
            .slice(28, 33)
            .map((value) => ({ kind: "text", field: "id", method: "equals", ignoreCase: false, value })),
        };
        assert.deepEqual(await idsOf(store, searchOf({ where: few, order, after })), all.slice(30, 33), "candidates");
      }
    });

    it("refuses more conditions, and a larger page, than one search may have", async (t) => {
      const { store } = await open(t, { limits: { searchConditions: 10, searchChars: 5_000 } });
      const named = (value: string): UserPredicate => ({
        kind: "text",
        field: "username",
        method: "contains",
        ignoreCase: true,
        value,
      });
      const refuses = (search: UserSearch, why: RegExp): Promise<void> =>
        assert.rejects(store.searchUsers(search), (error: { refusal?: { reason: string; message: string } }) => {
          assert.equal(error.refusal?.reason, "SEARCH_TOO_BROAD");
          assert.match(error.refusal.message, why);
          return true;
        });
      const nine = Array.from({ length: 9 }, () => named("a"));
      assert.deepEqual(await idsOf(store, searchOf({ where: { kind: "and", of: nine } })), []);
      await refuses(searchOf({ where: { kind: "and", of: [...nine, named("b")] } }), /more than 10 conditions/);
      await refuses(
        searchOf({ where: { kind: "organization", ids: Array.from({ length: 11 }, (_, i) => `${i}`) } }),
        /more than 10/,
      );
      const attributes = { large: JSON.stringify({ text: "x".repeat(3_000) }), small: '{"a":1}' };
      for (const id of ["ann", "bob"]) resourceOf(await store.execute(createUser(id, { attributes })));
      await refuses(searchOf(), /more than 5000 characters/);
      const { users } = await store.searchUsers(searchOf({ namespaces: ["small", "constructor"] }));
      assert.deepEqual(
        users.map(({ person }) => person.attributes),
        [{ small: '{"a":1}' }, { small: '{"a":1}' }],
      );
    });

    it("finds by an exact prefix also texts that normalising composes", async (t) => {
      const { store } = await open(t);
      for (const username of ["e\u0301cole", "ecole", "École", "e"]) {
        resourceOf(await store.execute(createUser(`user ${username}`.normalize("NFC"), { profile: { username } })));
      }
      const where: UserPredicate = {
        kind: "text",
        field: "username",
        method: "starts_with",
        ignoreCase: false,
        value: "e",
      };
      const found = (await store.searchUsers(searchOf({ where }))).users.map(({ person }) => person.profile.username);
      assert.deepEqual(found.sort(), ["e", "ecole", "e\u0301cole"].sort());
      const twice: UserPredicate = { ...where, value: "ec" };
      assert.equal((await store.searchUsers(searchOf({ where: twice }))).total, 1);
    });

    it("counts exactly, without deleted users, if the only condition is an organization", async (t) => {
      const { store } = await open(t, { limits: { sliceRows: 7, searchRows: 7 } });
      for (let i = 0; i < 30; i++) resourceOf(await store.execute(createUser(`user-${i}`)));
      for (let i = 0; i < 9; i++) resourceOf(await store.execute(deleteUser(`user-${i}`)));
      for (const [organizationId, total] of [
        [null, 21],
        ["default", 21],
        ["elsewhere", 0],
      ] as const) {
        for (const limit of [0, 1]) {
          const answer = await store.searchUsers(
            searchOf({ organizationId, limit, order: { by: "creation", descending: true } }),
          );
          assert.deepEqual([answer.total, answer.isTotalExact], [total, true], `${organizationId} ${limit}`);
        }
      }
    });

    it("finds by the longest name that is allowed, in the longest organization, and refuses a longer one", async (t) => {
      const { store } = await open(t);
      const random = seededRandom(t);
      // Four bytes each, in no order that could be packed; the last character is made of 18 when it is normalised.
      const rare = (count: number): string =>
        Array.from({ length: count }, () => String.fromCodePoint(0x20000 + random.below(40_000))).join("");
      const organizationId = rare(200);
      resourceOf(await store.execute(createOrganization(organizationId)));
      const longest = `${rare(300)}${"\ufdfa".repeat(9)}`;
      const bytes = Buffer.byteLength(toSearchKey(longest));
      assert.ok(SEARCH_KEY_BYTES_MAX - 33 < bytes && bytes <= SEARCH_KEY_BYTES_MAX, String(bytes));
      const profile = { username: longest, email: longest };
      resourceOf(await store.execute(createUser("u", { organizationId, profile })));
      assert.deepEqual(await store.findByIdentifier(organizationId, longest), ["u"]);
      for (const field of ["username", "email"]) {
        const outcome = await store.execute(
          createUser("v", { organizationId, profile: { ...profile, [field]: `${longest}\ufdfa` } }),
        );
        assert.equal(reasonOf(outcome), "FIELD_INVALID");
        assert.match(outcome.ok ? "" : outcome.refusal.message, new RegExp(`${field}.* 1500 are allowed`));
      }
    });
  });
}

/** Returns the value that an order compares, as the bytes that databases compare. */
function keyOf({ state, person }: User, by: UserSearchOrder["by"]): Buffer | undefined {
  const ofNumber = (value: number): Buffer => {
    const bytes = Buffer.alloc(8);
    bytes.writeBigUInt64BE(BigInt(value));
    return bytes;
  };
  switch (by) {
    case "id":
      return Buffer.from(state.id);
    case "creation":
      return ofNumber(state.creationTime);
    case "change":
      return ofNumber(state.changeTime);
    case "state":
      return ofNumber(["DELETED", "BANNED", "INACTIVE", "LOCKED", "ACTIVE"].indexOf(stateOf(state)));
    default: {
      const text = person.profile[by];
      return text === undefined ? undefined : Buffer.from(toSearchKey(text));
    }
  }
}
