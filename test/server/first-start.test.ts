/** Replicas that start at once on one empty database. */
import assert from "node:assert/strict";
import { randomUUIDv7 } from "node:crypto";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { hashSecret } from "../../src/auth/secret.ts";
import { prepareFirstStart } from "../../src/server/first-start.ts";
import { openStore } from "../../src/store/open-store.ts";
import { defer } from "../support/cleanup.ts";
import { ADMIN_KEY, temporaryFolder } from "../support/service.ts";

const REPLICAS = 3;

async function open(t: TestContext) {
  const database = { engine: "sqlite", path: join(await temporaryFolder(t), "a.db") } as const;
  const store = await openStore(database, { clock: Date.now });
  defer(t, () => store.close());
  const start = (adminKey?: string) => prepareFirstStart({ store, newId: randomUUIDv7, adminKey });
  const startAll = (adminKey?: string) => Promise.all(Array.from({ length: REPLICAS }, () => start(adminKey)));
  return { store, start, startAll };
}

test("make one organization and one owner key, which one of them shows", async (t) => {
  const { store, start, startAll } = await open(t);
  const prepared = await startAll();
  assert.equal(prepared.filter(({ isNew }) => isNew).length, 1);
  const [secret = "", ...others] = prepared.flatMap(({ adminKey }) => adminKey ?? []);
  assert.deepEqual(others, []);
  const hashes = (await store.loadApiKeys()).map(({ secretHash }) => secretHash);
  assert.deepEqual(hashes, [hashSecret(secret)]);
  const { items } = await store.listOrganizations({ pageSize: 10 });
  assert.deepEqual(
    items.map(({ id }) => id),
    ["default"],
  );
  assert.deepEqual(await start(), { isNew: false }, "a later start makes nothing");
});

test("make one key of a key that is set, and none of them shows it", async (t) => {
  const { store, startAll } = await open(t);
  for (const adminKey of [ADMIN_KEY, `${ADMIN_KEY}-second`]) {
    for (const prepared of await startAll(adminKey)) assert.equal(prepared.adminKey, undefined);
  }
  const hashes = (await store.loadApiKeys()).map(({ secretHash }) => secretHash);
  assert.deepEqual(new Set(hashes), new Set([ADMIN_KEY, `${ADMIN_KEY}-second`].map(hashSecret)));
  assert.equal(hashes.length, 2);
});
