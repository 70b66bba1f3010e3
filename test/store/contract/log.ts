/** The contract of the list of all events: its filters, both orders, short pages, and tokens. */
import assert from "node:assert/strict";
import { describe, it, type TestContext } from "node:test";
import { type EventFilter, FILTER_FIELDS, matches, narrow } from "../../../src/domain/event-filter.ts";
import type { ListedEvent, LogPage, LogQuery } from "../../../src/store/queries.ts";
import type { Store } from "../../../src/store/store.ts";
import { type Random, seededRandom } from "../../support/random.ts";
import { banUser, context, createApiKey, createOrganization, createUser, lockUser } from "../support/commands.ts";
import { readAll, resourceOf } from "../support/outcomes.ts";
import { START_TIME } from "../support/sqlite-fixture.ts";
import type { ContractStore, OpenStore } from "./contract.ts";

/** More than two blocks, which get a summary, and some events after them. */
const EVENTS = 2_200;
/** Slices end within a block, and each is a page of its own. */
const NARROW = { limits: { sliceRows: 150, listMs: 0 } } as const;
const ORDERS = ["oldest_first", "newest_first"] as const;
const EVERYTHING: LogQuery = { scope: null, filter: {}, order: "oldest_first", pageSize: 1_000 };

/** Fills a log. The organization `rare` and the actor `key:rare` are in the first block alone; the clock goes on. */
async function fill({ store, clock }: ContractStore): Promise<void> {
  const rare = { context: context({ actor: "key:rare" }) };
  resourceOf(await store.execute(createOrganization("rare", rare)));
  resourceOf(await store.execute(createUser("rare", { organizationId: "rare", ...rare })));
  resourceOf(await store.execute(createApiKey("k")));
  for (let made = 0; made < EVENTS; ) {
    clock.time += 1_000;
    const wave = Array.from({ length: 200 }, (_, i) => `u${(made + i) % 700}`);
    const more = { context: context({ actor: `key:${made % 3}` }) };
    const commands = wave.map((id, i) => {
      if (made + i < 700) return createUser(id, more);
      return made + i < 1_400
        ? lockUser(id, { ifAlready: "restart", ...more })
        : banUser(id, { ifAlready: "restart", ...more });
    });
    for (const outcome of await Promise.all(commands.map((command) => store.execute(command)))) resourceOf(outcome);
    made += wave.length;
  }
}

function listAll(store: Store, query: LogQuery): Promise<ListedEvent[]> {
  return readAll((after) => store.listEvents(after === undefined ? query : { ...query, after }));
}

const VALUES = {
  type: ["UserCreated", "UserLocked", "UserBanned", "OrganizationCreated", "PolicyReset"],
  user: ["u1", "u3", "u5", "u7", "u500", "u699", "rare", "nobody", ""],
  organization: ["default", "rare", "none", ""],
  actor: ["key:0", "key:1", "key:rare", "system"],
  initiator: ["ADMIN", "SYSTEM"],
} as const;

function randomFilter(random: Random): EventFilter {
  let filter: EventFilter = {};
  for (const field of FILTER_FIELDS) {
    const values: readonly string[] = VALUES[field];
    // More users than are read one by one.
    const most = field === "user" && random.below(2) === 0 ? 9 : 3;
    const some = Array.from({ length: 1 + random.below(most) }, () => random.pick(values));
    if (random.below(3) === 0) filter = narrow(filter, field, some);
  }
  const instant = (): number => START_TIME + random.below(13_000);
  if (random.below(3) === 0) filter = { ...filter, from: instant() };
  return random.below(3) === 0 ? { ...filter, before: instant() } : filter;
}

/** Compares the pages of random queries with what of the whole log matches. */
async function compareRandom(
  t: TestContext,
  store: Store,
  { whole, queries }: { readonly whole: readonly ListedEvent[]; readonly queries: number },
): Promise<void> {
  const random = seededRandom(t);
  for (let i = 0; i < queries; i++) {
    const query: LogQuery = {
      scope: random.pick([null, null, "default", "rare", "none"]),
      filter: randomFilter(random),
      order: random.pick(ORDERS),
      pageSize: random.pick([7, 100, 1_000]),
      ...(random.below(4) === 0 ? { afterPosition: random.below(whole.length) } : {}),
    };
    const expected = whole.filter(
      (event) =>
        matches(query.filter, event) &&
        (query.scope === null || event.organizationId === query.scope) &&
        event.position > (query.afterPosition ?? 0),
    );
    if (query.order === "newest_first") expected.reverse();
    const found = await listAll(store, query);
    assert.deepEqual(
      found.map(({ position }) => position),
      expected.map(({ position }) => position),
      JSON.stringify(query),
    );
  }
}

async function pagesOf(store: Store, query: LogQuery): Promise<readonly LogPage[]> {
  const pages: LogPage[] = [];
  for (let after: string | undefined; ; ) {
    const page = await store.listEvents(after === undefined ? query : { ...query, after });
    pages.push(page);
    after = page.next;
    if (after === undefined) return pages;
  }
}

export function describeLog(engine: string, open: OpenStore): void {
  describe(`the list of all events on ${engine}`, () => {
    it("has what matches, in both orders, before and after the log is summarised", async (t) => {
      const fixture = await open(t);
      const { store } = fixture;
      await fill(fixture);
      const whole = await listAll(store, EVERYTHING);
      assert.deepEqual(
        whole.map(({ position }) => position),
        whole.map((_, index) => index + 1),
      );
      assert.ok(whole.length > EVENTS);
      const [one] = (await store.listUserEvents({ userId: "u1", order: "newest_first", pageSize: 1 })).items;
      assert.deepEqual(
        whole.find(({ cursor }) => cursor === one?.cursor),
        one,
      );
      await compareRandom(t, store, { whole, queries: 20 });
      await store.sweep();
      await compareRandom(t, store, { whole, queries: 20 });
    });

    it("ends a page at the budget, short or empty, and passes over blocks by their summaries", async (t) => {
      const fixture = await open(t, NARROW);
      const { store } = fixture;
      await fill(fixture);
      const whole = await listAll(store, EVERYTHING);
      await compareRandom(t, store, { whole, queries: 6 });
      for (const order of ORDERS) {
        const rare: LogQuery = { scope: null, filter: { organization: ["rare"] }, order, pageSize: 10 };
        const pages = await pagesOf(store, rare);
        assert.equal(pages.flatMap(({ items }) => items).length, 2);
        assert.ok(pages.length > 10, `${pages.length} pages`);
        for (const [index, { position }] of pages.entries()) {
          const before = pages[index - 1]?.position;
          if (before !== undefined) assert.ok(order === "oldest_first" ? position >= before : position <= before);
        }
      }
      await store.sweep();
      for (const order of ORDERS) {
        for (const filter of [{ organization: ["rare"] }, { actor: ["key:rare"] }, { type: ["OrganizationCreated"] }]) {
          const pages = await pagesOf(store, { scope: null, filter, order, pageSize: 10 });
          // The first block, which has them, and the end without a summary are read.
          assert.ok(pages.length < 12, `${pages.length} pages of ${JSON.stringify(filter)}`);
        }
      }
      await compareRandom(t, store, { whole, queries: 6 });
    });

    it("goes on with every page where a filter names many users with long histories", async (t) => {
      const { store } = await open(t);
      const user = Array.from({ length: 12 }, (_, index) => `u${index}`);
      await Promise.all(user.map((id) => store.execute(createUser(id))));
      for (let round = 0; round < 300; round++) {
        await Promise.all(user.map((id) => store.execute(lockUser(id, { ifAlready: "restart" }))));
      }
      for (const order of ORDERS) {
        for (const users of [user, user.slice(0, 4)]) {
          const listed = await listAll(store, {
            ...EVERYTHING,
            filter: { user: users.toSorted() },
            order,
            pageSize: 100,
          });
          assert.equal(listed.length, 301 * users.length);
        }
      }
    });

    it("reads the histories of many users alone where they are short, not the log between them", async (t) => {
      const fixture = await open(t, NARROW);
      const { store } = fixture;
      await fill(fixture);
      const some = Array.from({ length: 30 }, (_, index) => `u${index * 20}`);
      const whole = (await listAll(store, EVERYTHING)).filter(({ userId }) => some.includes(userId ?? ""));
      for (const order of ORDERS) {
        const query: LogQuery = { ...EVERYTHING, filter: { user: [...some, "nobody"].toSorted() }, order };
        const expected = order === "oldest_first" ? whole : whole.toReversed();
        // A page ends after 150 rows; every one of them is one of these.
        const pages = await pagesOf(store, query);
        assert.equal(pages.length, 1);
        const small = await pagesOf(store, { ...query, pageSize: 7 });
        assert.equal(small.length, Math.ceil(whole.length / 7));
        assert.deepEqual(
          [pages, small].map((found) => found.flatMap(({ items }) => items)),
          [expected, expected],
        );
        const after = whole[40] ?? assert.fail();
        const rest = await listAll(store, { ...query, afterPosition: after.position, pageSize: 7 });
        assert.deepEqual(
          rest,
          expected.filter(({ position }) => position > after.position),
        );
      }
    });

    it("looks at no event of a user of another organization", async (t) => {
      const { store } = await open(t, NARROW);
      resourceOf(await store.execute(createOrganization("beta")));
      resourceOf(await store.execute(createUser("bob", { organizationId: "beta" })));
      for (let round = 0; round < 3; round++) {
        const locks = Array.from({ length: 150 }, () => store.execute(lockUser("bob", { ifAlready: "restart" })));
        for (const outcome of await Promise.all(locks)) resourceOf(outcome);
      }
      for (const order of ORDERS) {
        for (const query of [
          { scope: "default", filter: {} },
          { scope: null, filter: { organization: ["default"] } },
        ]) {
          const filter = { ...query.filter, user: ["bob"] };
          assert.equal((await store.listEvents({ ...query, filter, order, pageSize: 1 })).next, undefined);
        }
      }
    });

    it("goes on from the last position for what is recorded later", async (t) => {
      const { store } = await open(t);
      const first = await store.listEvents(EVERYTHING);
      assert.deepEqual([first.next, first.position], [undefined, first.items.length]);
      assert.equal(first.cursor, first.items.at(-1)?.cursor);
      assert.deepEqual(await store.listEvents({ ...EVERYTHING, afterPosition: first.position }), {
        items: [],
        position: first.position,
        cursor: first.cursor,
      });
      resourceOf(await store.execute(createUser("later")));
      const { items } = await store.listEvents({ ...EVERYTHING, afterPosition: first.position });
      assert.deepEqual(
        items.map(({ userId, event }) => [userId, event.type]),
        [["later", "UserCreated"]],
      );
    });

    it("refuses tokens of other lists, filters, orders and scopes", async (t) => {
      const { store } = await open(t);
      for (const id of ["a", "b", "c"]) resourceOf(await store.execute(createUser(id)));
      const query: LogQuery = { ...EVERYTHING, filter: { type: ["UserCreated"] }, pageSize: 1 };
      const { next: after = "" } = await store.listEvents(query);
      const others: readonly LogQuery[] = [
        { ...query, scope: "default", after },
        { ...query, filter: {}, after },
        { ...query, filter: { user: ["UserCreated"] }, after },
        { ...query, order: "newest_first", after },
        { ...query, afterPosition: 1, after },
        { ...query, after: `${after}x` },
        { ...query, after: "AQAAAAE" },
      ];
      for (const other of others) await assert.rejects(store.listEvents(other), { name: "PageTokenError" });
      const events = { userId: "a", order: "oldest_first", pageSize: 1, after } as const;
      await assert.rejects(store.listUserEvents(events), { name: "PageTokenError" });
      assert.equal((await store.listEvents({ ...query, after, pageSize: 2 })).items.length, 2);
    });
  });
}
