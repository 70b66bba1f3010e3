/**
 * A database from before events named their log continues unchanged.
 *
 * fixtures/before-body-0x02.db.gz is the file that commit cdefdea wrote, unchanged: 2 rounds of users, restrictions,
 * deletion, re-creation, import, keys, sessions, policies and attempts, with a raised generation between them.
 */
import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { it } from "node:test";
import { gunzipSync } from "node:zlib";
import Database from "better-sqlite3";
import { restoreFile } from "../../../src/store/sqlite/offline/restore-file.ts";
import { verifyFile } from "../../../src/store/sqlite/offline/verify-database.ts";
import { createUser, unbanUser, unlockUser } from "../support/commands.ts";
import { readAll, resourceOf } from "../support/outcomes.ts";
import { makeFolder, openFixture, START_TIME } from "../support/sqlite-fixture.ts";
import { conditionsOf } from "../support/user-filter.ts";

const FIXTURE = new URL("fixtures/before-body-0x02.db.gz", import.meta.url);
const NOW = START_TIME + 3_600_000;
/** Page tokens that the service of this database issued. */
const EVENTS_TOKEN = "WzMxNTM2MDE0LCJJOGlacFdyeW1nNiIsMV0";
const USERS_TOKEN = "WzMxNTM2MDE0LCJoSlhIaVZyWV95UyIsMTc2NzIyNDYwMDAwMCwiZXZlLW9uZSJd";

interface EventBytes {
  readonly position: number;
  readonly body: Buffer;
  readonly hash: Buffer;
}

function eventsOf(path: string): readonly EventBytes[] {
  const database = new Database(path, { readonly: true });
  try {
    return database.prepare<[], EventBytes>("SELECT position, body, hash FROM events ORDER BY position").all();
  } finally {
    database.close();
  }
}

it("events of the first version stay as written next to new ones, verify, and survive backup and restore", async (t) => {
  const folder = makeFolder(t);
  const path = join(folder, "a.db");
  writeFileSync(path, gunzipSync(readFileSync(FIXTURE)));
  const before = eventsOf(path);
  assert.deepEqual([before.length, new Set(before.map(({ body }) => body[0]))], [23, new Set([1])]);

  const { store } = await openFixture(t, { path, clock: () => NOW });
  for (const userId of ["ann-one", "ann-two"]) {
    // Its lock has expired by now; that event is new.
    assert.equal(resourceOf(await store.execute(unbanUser(userId))).state.sequence, 5, userId);
  }
  const history = await readAll((after) =>
    store.listUserEvents({
      userId: "ann-two",
      order: "oldest_first",
      pageSize: 2,
      ...(after === undefined ? {} : { after }),
    }),
  );
  assert.deepEqual(
    history.map(({ event }) => event.type),
    ["UserCreated", "UserLocked", "UserBanned", "RestrictionExpired", "UserUnbanned"],
  );
  resourceOf(await store.execute(createUser("new")));
  assert.deepEqual(resourceOf(await store.execute(unlockUser("new", { ifAlready: "succeed" }))).state.restrictions, []);
  const everybody = conditionsOf({ organizationId: null, showDeleted: false });
  for (const refused of [
    store.listUserEvents({ userId: "ann-two", order: "oldest_first", pageSize: 1, after: EVENTS_TOKEN }),
    store.listUsers({ ...everybody, order: "creation_asc", pageSize: 1, after: USERS_TOKEN }),
  ]) {
    await assert.rejects(refused, { name: "PageTokenError" });
  }

  const file = join(folder, "backup.db");
  const chunks: Buffer[] = [];
  for await (const chunk of (await store.createBackup()).chunks()) chunks.push(Buffer.from(chunk));
  writeFileSync(file, Buffer.concat(chunks));
  await store.close();

  const after = eventsOf(path);
  assert.deepEqual(after.slice(0, before.length), before, "what was written stays");
  assert.deepEqual(new Set(after.slice(before.length).map(({ body }) => body[0])), new Set([2]));
  assert.equal((await verifyFile(path)).events, after.length);

  const restored = await restoreFile({ file, path, clock: () => NOW, replace: true });
  assert.equal(restored.backup.events, after.length);
  assert.equal((await verifyFile(path)).events, after.length + 1, "and the event of the raised generation");
});
