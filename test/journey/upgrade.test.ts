/**
 * Requests remembered before keys had a scope are still known after the upgrade.
 *
 * fixtures/before-request-scope.db.gz is the file that commit cdefdea wrote: an owner's key of the instance and one of
 * `acme` each created and locked a user with request ids. One row of a subject of an issuer was added.
 */
import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { gunzipSync } from "node:zlib";
import Database from "better-sqlite3";
import { ADMIN_KEY, clientsOf, startService, temporaryFolder } from "../support/service.ts";

const FIXTURE = new URL("fixtures/before-request-scope.db.gz", import.meta.url);
/** An hour after the newest record. */
const NOW = 1_795_873_825_967 + 3_600_000;
const ACME_KEY = "lk_01a2226be43c7307b4b2a20cc5fbe19a_orcP7SRwKQ1j8XRDXjDZ0c2SHPblV5lWWbkhLuBJDJg_0f035f0a";

test("API keys get the answers from before the upgrade; rows of subjects are dropped", async (t) => {
  const path = join(await temporaryFolder(t), "a.db");
  writeFileSync(path, gunzipSync(readFileSync(FIXTURE)));
  const service = await startService(t, { path, clock: () => NOW });
  for (const [userId, key] of [
    ["u-whole", ADMIN_KEY],
    ["u-acme", ACME_KEY],
  ] as const) {
    const { users } = clientsOf(service.url, key);
    const created = await users.createUser({ userId, requestId: "r1" });
    const locked = await users.lockUser({ userId, requestId: "r2" });
    // The earlier answers, without running again: the user exists, and its lock has expired by now.
    assert.deepEqual([created.details?.sequence, locked.details?.sequence], [1n, 2n], userId);
    await assert.rejects(users.lockUser({ userId, requestId: "r2", note: "other" }), /REQUEST_ID|request_id/, userId);
  }
  await service.stop();
  const database = new Database(path, { readonly: true });
  t.after(() => database.close());
  const scopes = database.prepare<[], string>("SELECT DISTINCT scope FROM requests ORDER BY scope").pluck().all();
  assert.deepEqual(scopes, ["", "acme"]);
  assert.deepEqual(database.prepare("SELECT id FROM requests WHERE actor LIKE 'oidc:%'").all(), []);
});
