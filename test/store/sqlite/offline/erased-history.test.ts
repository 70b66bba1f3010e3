/** A history from which values were erased: it goes on after a crash, is backed up, verified and restored. */
import assert from "node:assert/strict";
import { copyFileSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { it } from "node:test";
import { setImmediate } from "node:timers/promises";
import Database from "better-sqlite3";
import { CHAIN_START } from "../../../../src/store/history.ts";
import { restoreFile } from "../../../../src/store/sqlite/offline/restore-file.ts";
import { verifyFile } from "../../../../src/store/sqlite/offline/verify-database.ts";
import { openSqliteStore } from "../../../../src/store/sqlite/sqlite-store.ts";
import { erase, PERSON, SECRET, tells } from "../../contract/erased-person.ts";
import { createUser, lockUser, unlockUser } from "../../support/commands.ts";
import { resourceOf } from "../../support/outcomes.ts";
import { makeFolder, openFixture } from "../../support/sqlite-fixture.ts";

it("is erased to its end after a crash, and verified, backed up and restored", async (t) => {
  const { store, path, clock } = await openFixture(t);
  resourceOf(await store.execute(createUser("u", PERSON)));
  const changes = Array.from({ length: 500 }, () => [
    store.execute(lockUser("u", { note: SECRET })),
    store.execute(unlockUser("u", { note: SECRET })),
  ]);
  await Promise.all(changes.flat());
  const erasing = store.execute(erase());
  while ((await store.readUser("u"))?.state.deleted !== true) await setImmediate();
  // What a crash leaves on the disk, mostly in the middle: SQLite writes only in turns of this thread.
  const crashed = join(makeFolder(t), "crashed.db");
  for (const suffix of ["", "-wal"]) copyFileSync(`${path}${suffix}`, `${crashed}${suffix}`);
  resourceOf(await erasing);
  await store.close();

  const again = await openSqliteStore({ path: crashed, clock: clock.read, sweepIntervalMs: 3_600_000 });
  const left = (): number => {
    const database = new Database(crashed, { readonly: true });
    const count = database.prepare<[], number>("SELECT count(*) FROM event_private").pluck().get() ?? 0;
    database.close();
    return count;
  };
  for (let round = 0; left() > 0 && round < 100; round++) await again.sweep();
  assert.equal(left(), 0);
  const head = await again.history.head();
  const { faults } = await again.history.verify({ head, place: CHAIN_START, held: [] });
  assert.deepEqual(faults, []);
  const file = join(makeFolder(t), "backup.db");
  const chunks: Buffer[] = [];
  for await (const chunk of (await again.createBackup()).chunks()) chunks.push(Buffer.from(chunk));
  writeFileSync(file, Buffer.concat(chunks));
  await again.close();

  // Nothing verifies a summary: this one would hide all events from lists.
  const edited = new Database(file);
  edited.exec("DELETE FROM event_summaries; INSERT INTO event_summaries VALUES (0, x'', x'', ',None,')");
  edited.close();
  const restoredTo = join(makeFolder(t), "restored.db");
  await restoreFile({ file, path: restoredTo, clock: clock.read, replace: false });
  assert.equal((await verifyFile(restoredTo)).users, 1);
  assert.ok(!readFileSync(restoredTo).includes(SECRET));
  const restored = await openSqliteStore({ path: restoredTo, clock: clock.read });
  t.after(() => restored.close());
  const filter = { type: ["UserCreated"] };
  const listed = await restored.listEvents({ scope: null, filter, order: "oldest_first", pageSize: 10 });
  assert.deepEqual(
    listed.items.map(({ event, erasedNames }) => [event.type, erasedNames]),
    [["UserCreated", ["attributes.billing", "profile.email", "profile.username"]]],
  );
  assert.equal(tells(listed), false);
});
