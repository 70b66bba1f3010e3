/** Replicas that start at once on one empty database. */
import assert from "node:assert/strict";
import { randomUUIDv7 } from "node:crypto";
import { join } from "node:path";
import { describe, type TestContext, test } from "node:test";
import { hashSecret } from "../../src/auth/secret.ts";
import { prepareFirstStart } from "../../src/server/first-start.ts";
import { openStore } from "../../src/store/open-store.ts";
import type { Store } from "../../src/store/store.ts";
import { defer } from "../support/cleanup.ts";
import { sharedPostgres } from "../support/postgres.ts";
import { ADMIN_KEY, temporaryFolder } from "../support/service.ts";

const server = await sharedPostgres();
const REPLICAS = 3;

/** The stores of all replicas: SQLite has one process, so one store stands for all of them there. */
const ENGINES: Readonly<Record<string, (t: TestContext) => Promise<readonly Store[]>>> = {
  async SQLite(t) {
    const database = { engine: "sqlite", path: join(await temporaryFolder(t), "a.db") } as const;
    const store = await openStore(database, { clock: Date.now });
    defer(t, () => store.close());
    return Array.from({ length: REPLICAS }, () => store);
  },
  async PostgreSQL(t) {
    const url = await server.createDatabase(t);
    const database = { engine: "postgres", url, prepare: true, connections: 4 } as const;
    const stores: Store[] = [];
    for (let index = 0; index < REPLICAS; index++) {
      const store = await openStore(database, { clock: Date.now });
      defer(t, () => store.close());
      stores.push(store);
    }
    return stores;
  },
};

const start = (store: Store, adminKey?: string) => prepareFirstStart({ store, newId: randomUUIDv7, adminKey });

const hashesIn = async (store: Store): Promise<readonly string[]> =>
  (await store.loadApiKeys()).map(({ secretHash }) => secretHash);

for (const [name, open] of Object.entries(ENGINES)) {
  describe(`replicas that start at once on ${name}`, () => {
    test("make one organization and one owner key, which one of them shows", async (t) => {
      const stores = await open(t);
      const prepared = await Promise.all(stores.map((store) => start(store)));
      assert.equal(prepared.filter(({ isNew }) => isNew).length, 1);
      const [secret = "", ...others] = prepared.flatMap(({ adminKey }) => adminKey ?? []);
      assert.deepEqual(others, []);
      for (const store of stores) {
        assert.deepEqual(await hashesIn(store), [hashSecret(secret)]);
        const { items } = await store.listOrganizations({ pageSize: 10 });
        assert.equal(items.map(({ id }) => id).join(), "default");
        assert.deepEqual(await start(store), { isNew: false }, "a later start makes nothing");
      }
    });

    test("make one key of a key that is set, and none of them shows it", async (t) => {
      const stores = await open(t);
      const adminKeys = [ADMIN_KEY, `${ADMIN_KEY}-second`];
      for (const adminKey of adminKeys) {
        const prepared = await Promise.all(stores.map((store) => start(store, adminKey)));
        for (const each of prepared) assert.equal(each.adminKey, undefined);
      }
      for (const store of stores) {
        assert.deepEqual([...(await hashesIn(store))].sort(), adminKeys.map(hashSecret).sort());
      }
    });
  });
}
