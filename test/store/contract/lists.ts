/** The contract of the lists: orders, filters on settled users, and tokens. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { User } from "../../../src/domain/user.ts";
import type { UserQuery } from "../../../src/store/queries.ts";
import type { Store } from "../../../src/store/store.ts";
import {
  banUser,
  createApiKey,
  createOrganization,
  createUser,
  deleteUser,
  importUser,
  lockUser,
  unlockUser,
} from "../support/commands.ts";
import { readAll, resourceOf } from "../support/outcomes.ts";
import { START_TIME } from "../support/sqlite-fixture.ts";
import { conditionsOf, type UserFilter } from "../support/user-filter.ts";
import type { OpenStore } from "./contract.ts";

const HOUR_MS = 3_600_000;
const ORDERS = ["creation_asc", "creation_desc", "change_desc"] as const;

/** Small enough that lists must walk and pages end short. */
const NARROW = { limits: { sliceRows: 7 } } as const;

function query(filter: Partial<UserFilter> = {}, more: Partial<UserQuery> = {}): UserQuery {
  return {
    ...conditionsOf({ organizationId: null, showDeleted: false, ...filter }),
    order: "creation_asc",
    pageSize: 3,
    ...more,
  };
}

function listAll(store: Store, asked: UserQuery): Promise<User[]> {
  return readAll((after) => store.listUsers({ ...asked, ...(after === undefined ? {} : { after }) }));
}

async function idsOf(store: Store, asked: UserQuery): Promise<string[]> {
  return (await listAll(store, asked)).map(({ state }) => state.id);
}

/** Creates users 00 to 29, one each millisecond; every third is banned, every fifth locked. */
async function fill({ store, clock }: Awaited<ReturnType<OpenStore>>): Promise<string[]> {
  const ids = Array.from({ length: 30 }, (_, index) => `user-${String(index).padStart(2, "0")}`);
  for (const id of ids) {
    clock.time += 1;
    const profile = { username: `Name ${id}`, email: `${id}@Example.com` };
    resourceOf(await store.execute(createUser(id, { profile })));
  }
  for (const [index, id] of ids.entries()) {
    clock.time += 1;
    if (index % 3 === 0) resourceOf(await store.execute(banUser(id, { reasonCode: index === 9 ? "spam" : "fraud" })));
    if (index % 5 === 0) resourceOf(await store.execute(lockUser(id, { reasonCode: "risk" })));
  }
  return ids;
}

export function describeLists(engine: string, open: OpenStore): void {
  describe(`${engine}: lists of users`, () => {
    for (const limits of [{}, NARROW]) {
      const how = limits === NARROW ? "in slices of 7 rows" : "in one slice";

      it(`lists in the order of creation and of change, ${how}`, async (t) => {
        const contract = await open(t, limits);
        const ids = await fill(contract);
        assert.deepEqual(await idsOf(contract.store, query()), ids);
        assert.deepEqual(await idsOf(contract.store, query({}, { order: "creation_desc" })), ids.toReversed());
        const changed = await listAll(contract.store, query({}, { order: "change_desc" }));
        const times = changed.map(({ state }) => state.changeTime);
        assert.equal(new Set(changed.map(({ state }) => state.id)).size, ids.length);
        assert.deepEqual(
          times,
          times.toSorted((a, b) => b - a),
        );
      });

      it(`filters by state, kind, reason code, id and search in every order, ${how}`, async (t) => {
        const contract = await open(t, limits);
        const { store } = contract;
        const ids = await fill(contract);
        const banned = ids.filter((_, index) => index % 3 === 0);
        const locked = ids.filter((_, index) => index % 5 === 0 && index % 3 !== 0);
        const cases: readonly (readonly [Partial<UserFilter>, readonly string[]])[] = [
          [{ states: ["BANNED"] }, banned],
          [{ states: ["LOCKED"] }, locked],
          [{ states: ["ACTIVE"] }, ids.filter((id) => !banned.includes(id) && !locked.includes(id))],
          [{ restrictionKinds: ["LOCK"] }, ids.filter((_, index) => index % 5 === 0)],
          [{ restrictionKinds: ["LOCK"], states: ["BANNED"] }, ids.filter((_, index) => index % 15 === 0)],
          [{ reasonCodes: ["spam"] }, ["user-09"]],
          [{ reasonCodes: ["spam"], restrictionKinds: ["LOCK"] }, []],
          [{ idPrefix: "user-1" }, ids.slice(10, 20)],
          [{ idPrefix: "user-1", states: ["BANNED"] }, ["user-12", "user-15", "user-18"]],
          [{ search: " NAME USER-2" }, ids.slice(20)],
          [{ search: "user-07@" }, ["user-07"]],
          [{ search: "ｕｓｅｒ-07@example.COM" }, ["user-07"]],
          [{ search: "no such" }, []],
          [{ search: " \u3000\t" }, []],
          [{ organizationId: "default", states: ["BANNED"] }, banned],
          [{ organizationId: "other" }, []],
        ];
        for (const [filter, expected] of cases) {
          for (const order of ORDERS) {
            const found = await idsOf(store, query(filter, { order }));
            assert.deepEqual(found.toSorted(), expected, `${JSON.stringify(filter)} ${order}`);
            if (order === "creation_asc") assert.deepEqual(found, expected);
          }
        }
      });

      it(`does not lose or repeat users when others are inserted between pages, ${how}`, async (t) => {
        const contract = await open(t, limits);
        const { store } = contract;
        const ids = await fill(contract);
        const seen: string[] = [];
        let after: string | undefined;
        let inserted = 0;
        do {
          const page = await store.listUsers(
            query({}, { order: "creation_desc", ...(after === undefined ? {} : { after }) }),
          );
          seen.push(...page.items.map(({ state }) => state.id));
          after = page.next;
          contract.clock.time += 1;
          await store.execute(createUser(`late-${inserted++}`));
          await store.execute(importUser(`early-${inserted}`, { creationTime: 1 }));
        } while (after !== undefined && inserted < 100);
        assert.deepEqual(
          seen.filter((id) => id.startsWith("user-")),
          ids.toReversed(),
        );
        assert.equal(new Set(seen).size, seen.length);
      });
    }

    it("evaluates filters on settled users, before the sweeper has come", async (t) => {
      const { store, clock } = await open(t);
      await store.execute(createUser("expires"));
      await store.execute(lockUser("expires"));
      await store.execute(createUser("starts"));
      await store.execute(banUser("starts", { startTime: START_TIME + HOUR_MS }));
      assert.deepEqual(await idsOf(store, query({ states: ["LOCKED"] })), ["expires"]);
      assert.deepEqual(await idsOf(store, query({ states: ["BANNED"] })), []);
      clock.time += HOUR_MS;
      assert.deepEqual(await idsOf(store, query({ states: ["LOCKED"] })), []);
      assert.deepEqual(await idsOf(store, query({ states: ["ACTIVE"] })), ["expires"]);
      const [starts] = await listAll(store, query({ states: ["BANNED"] }));
      assert.deepEqual([starts?.state.id, starts?.state.sequence, starts?.state.epoch], ["starts", 3, 2]);
      assert.deepEqual(await idsOf(store, query({ restrictionKinds: ["LOCK"] })), []);
    });

    it("finds users that the clock changes before an instant, also with other filters and unwritten changes", async (t) => {
      const { store, clock } = await open(t);
      for (const id of ["never", "early", "late", "starts"]) await store.execute(createUser(id));
      await store.execute(banUser("never"));
      await store.execute(lockUser("early"));
      await store.execute(lockUser("late", { expiry: { kind: "for", durationMs: 3 * HOUR_MS } }));
      await store.execute(banUser("starts", { startTime: clock.time + 2 * HOUR_MS }));
      const due = (hours: number, more: Partial<UserFilter> = {}, order: UserQuery["order"] = "creation_asc") =>
        idsOf(store, query({ dueBefore: START_TIME + hours * HOUR_MS, ...more }, { order }));
      assert.deepEqual(await due(1), []);
      assert.deepEqual(await due(1.01), ["early"]);
      assert.deepEqual(await due(2.5), ["early", "starts"]);
      assert.deepEqual(await due(9, {}, "change_desc"), ["starts", "late", "early"]);
      assert.deepEqual(await due(9, { states: ["LOCKED"] }), ["early", "late"]);
      assert.deepEqual(await due(9, { organizationId: "elsewhere" }), []);
      clock.time += HOUR_MS;
      assert.deepEqual(await due(2.5), ["starts"], "what has passed is not due");
      await assert.rejects(
        async () => {
          const page = { pageSize: 1 };
          const { next = "" } = await store.listUsers(query({ dueBefore: START_TIME + 9 * HOUR_MS }, page));
          await store.listUsers(query({ dueBefore: START_TIME + 8 * HOUR_MS }, { ...page, after: next }));
        },
        { name: "PageTokenError" },
      );
    });

    it("shows deleted users only on request", async (t) => {
      const { store } = await open(t);
      await store.execute(createUser("gone", { profile: { username: "gone" } }));
      await store.execute(createUser("here"));
      await store.execute(deleteUser("gone"));
      assert.deepEqual(await idsOf(store, query()), ["here"]);
      assert.deepEqual(await idsOf(store, query({ showDeleted: true })), ["gone", "here"]);
      assert.deepEqual(await idsOf(store, query({ showDeleted: true, states: ["DELETED"] })), ["gone"]);
      assert.deepEqual(await idsOf(store, query({ showDeleted: true, search: "gone" })), []);
    });

    it("has no empty page before the end, however few users match", async (t) => {
      const contract = await open(t, NARROW);
      const { store, clock } = contract;
      await store.execute(createOrganization("acme"));
      for (let index = 0; index < 60; index++) {
        clock.time += 1;
        const id = `user-${String(index).padStart(2, "0")}`;
        resourceOf(await store.execute(createUser(id, { organizationId: index < 10 ? "acme" : "default" })));
        if (index > 10 && index < 50) resourceOf(await store.execute(banUser(id)));
        if (index >= 50) resourceOf(await store.execute(deleteUser(id)));
      }
      const asked: readonly Partial<UserFilter>[] = [
        { states: ["DELETED"], showDeleted: true },
        { states: ["DELETED"], showDeleted: true, organizationId: "default" },
        { states: ["ACTIVE"] },
        { organizationId: "acme" },
        { idPrefix: "user-5", showDeleted: true, states: ["ACTIVE", "DELETED"] },
      ];
      for (const filter of asked) {
        for (const order of ORDERS) {
          const sizes: number[] = [];
          const users = await readAll(async (after) => {
            const page = await store.listUsers(query(filter, { order, ...(after === undefined ? {} : { after }) }));
            sizes.push(page.items.length);
            return page;
          });
          assert.ok(users.length >= 10, JSON.stringify(filter));
          assert.ok(!sizes.slice(0, -1).includes(0), `${JSON.stringify(filter)} ${order}: pages of ${sizes}`);
        }
      }
    });

    it("finds a folded name by each of its spellings", async (t) => {
      const { store } = await open(t);
      await store.execute(createUser("u", { profile: { username: "Straße ΟΔΟΣ" } }));
      for (const search of ["strasse", "STRASSE", "straße οδοσ", "Straße Οδος"]) {
        assert.deepEqual(await idsOf(store, query({ search })), ["u"], search);
      }
    });

    it("keeps organizations apart", async (t) => {
      const { store } = await open(t, NARROW);
      await store.execute(createOrganization("acme"));
      for (let index = 0; index < 10; index++) {
        await store.execute(createUser(`a${index}`, { organizationId: "acme" }));
        await store.execute(createUser(`d${index}`));
      }
      for (const order of ORDERS) {
        const ids = await idsOf(store, query({ organizationId: "acme" }, { order }));
        assert.equal(ids.length, 10, order);
        assert.ok(ids.every((id) => id.startsWith("a")));
      }
    });

    it("refuses tokens that are malformed or belong to another list", async (t) => {
      const contract = await open(t);
      const { store } = contract;
      await fill(contract);
      const next = (await store.listUsers(query())).next ?? "";
      const wrong: readonly UserQuery[] = [
        query({ states: ["ACTIVE"] }, { after: next }),
        query({}, { order: "creation_desc", after: next }),
        query({ organizationId: "default" }, { after: next }),
        query({}, { after: "" }),
        query({}, { after: "not a token" }),
        query({}, { after: next.slice(0, -4) }),
        query({}, { after: Buffer.from("[]").toString("base64url") }),
      ];
      for (const asked of wrong) await assert.rejects(store.listUsers(asked), { name: "PageTokenError" });
      assert.equal((await store.listUsers(query({}, { after: next, pageSize: 1 }))).items[0]?.state.id, "user-03");
      await assert.rejects(store.listOrganizations({ pageSize: 1, after: next }), { name: "PageTokenError" });
      await assert.rejects(store.listApiKeys({ organizationId: null, pageSize: 1, after: next }), {
        name: "PageTokenError",
      });
      const events = { userId: "user-00", order: "oldest_first", pageSize: 1 } as const;
      await assert.rejects(store.listUserEvents({ ...events, after: next }), { name: "PageTokenError" });
      const eventToken = (await store.listUserEvents(events)).next ?? "";
      await assert.rejects(store.listUserEvents({ ...events, userId: "user-03", after: eventToken }), {
        name: "PageTokenError",
      });
    });
  });

  describe(`${engine}: other lists`, () => {
    for (const limits of [{}, NARROW]) {
      it(`lists a long history in both orders, ${limits === NARROW ? "in slices of 7 rows" : "in one slice"}`, async (t) => {
        const { store } = await open(t, limits);
        await store.execute(createUser("u"));
        for (let index = 0; index < 300; index++) {
          await Promise.all([
            store.execute(lockUser("u")),
            store.execute(unlockUser("u")),
            store.execute(createUser(`v${index}`)),
          ]);
        }
        const sequences = async (order: "oldest_first" | "newest_first") =>
          (
            await readAll((after) =>
              store.listUserEvents({ userId: "u", order, pageSize: 50, ...(after === undefined ? {} : { after }) }),
            )
          ).map(({ sequence }) => sequence);
        const expected = Array.from({ length: 601 }, (_, index) => index + 1);
        assert.deepEqual(await sequences("oldest_first"), expected);
        assert.deepEqual(await sequences("newest_first"), expected.toReversed());
        assert.deepEqual(await store.listUserEvents({ userId: "nobody", order: "oldest_first", pageSize: 5 }), {
          items: [],
        });
      });
    }

    it("shows an event with its personal values and its place in the chain", async (t) => {
      const { store } = await open(t);
      await store.execute(createUser("u", { note: "vip", profile: { email: "a@b.c" } }));
      const { items } = await store.listUserEvents({ userId: "u", order: "oldest_first", pageSize: 5 });
      const [event] = items;
      assert.deepEqual(event?.event.personal, { "profile.email": "a@b.c", note: "vip" });
      assert.deepEqual([event?.previousPosition, event?.organizationId, event?.hash.length], [null, "default", 32]);
    });

    it("lists keys by id, of one organization or of all", async (t) => {
      const { store } = await open(t);
      for (const id of ["c", "a"]) await store.execute(createApiKey(id));
      await store.execute(createApiKey("b", { organizationId: "default" }));
      const list = (organizationId: string | null) =>
        readAll((after) =>
          store.listApiKeys({ organizationId, pageSize: 1, ...(after === undefined ? {} : { after }) }),
        );
      assert.deepEqual(
        (await list(null)).map(({ id }) => id),
        ["a", "b", "c"],
      );
      assert.deepEqual(
        (await list("default")).map(({ id }) => id),
        ["b"],
      );
    });
  });
}
