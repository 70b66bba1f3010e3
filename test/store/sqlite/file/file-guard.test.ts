/** Files that vanish under the open store: nothing is answered OK, and what was acknowledged reaches the database file. */
import assert from "node:assert/strict";
import { copyFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import { createUser, lockUser } from "../../support/commands.ts";
import { resourceOf } from "../../support/outcomes.ts";
import { makeFolder, openFixture } from "../../support/sqlite-fixture.ts";

describe("a file next to the database", () => {
  for (const suffix of ["-wal", "-shm", ".lock"]) {
    it(`${suffix}: deleted, it refuses changes, is reported, and everything acknowledged is in the database`, async (t) => {
      const { store, path, troubles } = await openFixture(t);
      for (let index = 0; index < 50; index++) resourceOf(await store.execute(createUser(`u${index}`)));
      rmSync(path + suffix);
      const refusal = {
        name: "StoreUnavailableError",
        outcome: "NOT_APPLIED",
        message: `the ${{ "-wal": "write-ahead log", "-shm": "shared memory of the write-ahead log" }[suffix] ?? "lock file"} ${path}${suffix} was moved, replaced or deleted while it was open; every acknowledged change is in the database file: restart the service`,
      };
      await assert.rejects(store.execute(lockUser("u1")), refusal);
      await assert.rejects(store.check(), refusal);
      await assert.rejects(store.readUser("u1"), { name: "StoreUnavailableError" });
      await assert.rejects(store.readSignIn({ userId: "u1", factor: "PASSWORD" }), {
        name: "StoreUnavailableError",
      });
      await assert.rejects(store.listOrganizations({ pageSize: 10 }), { name: "StoreUnavailableError" });
      assert.equal(troubles.length, 1);
      assert.equal(store.stats().waitingCommands, 0, "what is measured is still told");
      await store.sweep();
      assert.equal(troubles.length, 2, "the sweeper notices it without a call");
      // What kill -9 would leave: the database file alone.
      const left = join(makeFolder(t), "left.db");
      copyFileSync(path, left);
      const restarted = await openFixture(t, { path: left });
      assert.equal((await restarted.store.readUser("u49"))?.state.sequence, 1);
    });

    it(`${suffix}: moved away, it refuses changes until it is back`, async (t) => {
      const { store, path } = await openFixture(t);
      await store.execute(createUser("u"));
      renameSync(path + suffix, `${path}.away`);
      await assert.rejects(store.execute(lockUser("u")), { outcome: "NOT_APPLIED" });
      renameSync(`${path}.away`, path + suffix);
      await store.check();
      resourceOf(await store.execute(lockUser("u")));
    });
  }

  for (const suffix of ["-wal", "-shm"]) {
    it(`${suffix}: deleted, and made again by a reader, it costs no change either`, async (t) => {
      const { store, path } = await openFixture(t);
      resourceOf(await store.execute(createUser("u")));
      rmSync(path + suffix);
      // The reader thread opens the database with the first list, and SQLite creates what is missing.
      await store.listOrganizations({ pageSize: 10 }).catch(() => undefined);
      await assert.rejects(store.execute(lockUser("u")), {
        message: /every acknowledged change is in the database file/,
      });
      const left = join(makeFolder(t), "left.db");
      copyFileSync(path, left);
      assert.equal((await (await openFixture(t, { path: left })).store.readUser("u"))?.state.sequence, 1);
    });
  }

  it("replaced by another log, it is not mixed with the database", async (t) => {
    const { store, path } = await openFixture(t);
    await store.execute(createUser("u"));
    renameSync(`${path}-wal`, `${path}.away`);
    writeFileSync(`${path}-wal`, "frames of another history");
    await assert.rejects(store.execute(lockUser("u")), {
      outcome: "NOT_APPLIED",
      message: /deleted while it was open; put it back$/,
    });
    rmSync(`${path}-wal`);
    renameSync(`${path}.away`, `${path}-wal`);
    assert.equal(resourceOf(await store.execute(lockUser("u"))).state.sequence, 2);
  });
});
