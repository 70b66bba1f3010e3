/** The contract of long searches: other reads run in between, and a search that takes too long stops. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { UserSearch } from "../../../src/store/queries.ts";
import type { Store } from "../../../src/store/store.ts";
import { createUser } from "../support/commands.ts";
import { resourceOf } from "../support/outcomes.ts";
import { conditionsOf } from "../support/user-filter.ts";
import type { OpenStore } from "./contract.ts";

/** Takes far longer than a millisecond: it compares each user's name with 1,900 others. */
const SLOW: UserSearch = {
  organizationId: null,
  order: { by: "creation", descending: false },
  offset: 0,
  where: {
    kind: "or",
    of: Array.from({ length: 1_900 }, (_, i) => ({
      kind: "text",
      field: "username",
      method: "contains",
      ignoreCase: true,
      value: `none ${i}`,
    })),
  },
  limit: 5,
};

async function makeNamed(store: Store, count: number): Promise<void> {
  for (let i = 0; i < count; i++) {
    resourceOf(await store.execute(createUser(`user-${i}`, { profile: { username: `name ${i}` } })));
  }
}

export function describeSearchTurns(name: string, open: OpenStore): void {
  describe(`${name}: searches that take long`, () => {
    it("lets other reads run in between, and stops at its deadline", async (t) => {
      const { store } = await open(t, { limits: { sliceRows: 2, searchMs: 1e6, searchesMax: 1, searchRows: 1e9 } });
      await makeNamed(store, 200);
      let over = 0;
      const searches = [1, 2, 3].map(() => store.searchUsers(SLOW).finally(() => over++));
      const everybody = conditionsOf({ organizationId: null, showDeleted: false });
      await store.listUsers({ ...everybody, order: "creation_asc", pageSize: 1 });
      assert.ok(over < 3, "a list waits for a slice, not for all searches");
      await Promise.all(searches);
      await assert.rejects(store.searchUsers(SLOW, { deadlineTime: Date.now() + 1 }));
      assert.equal(
        (await store.searchUsers({ ...SLOW, where: { kind: "and", of: [] } })).total,
        200,
        "later searches have their turn",
      );
    });

    it("stops when its time is over", async (t) => {
      const { store } = await open(t, { limits: { sliceRows: 2, searchMs: 1, searchesMax: 1, searchRows: 1e9 } });
      await makeNamed(store, 20);
      const settled = await Promise.allSettled([1, 2, 3].map(() => store.searchUsers(SLOW)));
      assert.deepEqual(
        settled.map(({ status }) => status),
        ["rejected", "rejected", "rejected"],
      );
    });
  });
}
