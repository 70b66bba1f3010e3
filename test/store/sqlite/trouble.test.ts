/** Storage trouble: UNAVAILABLE for the commands that meet it, and a store that goes on when it is over. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import Database from "better-sqlite3";
import { StoreUnavailableError } from "../../../src/store/errors.ts";
import { verifyChain } from "../../../src/store/log/verify-chain.ts";
import { chainOf } from "../../../src/store/sqlite/offline/chain-rows.ts";
import { toStoreError } from "../../../src/store/sqlite/trouble.ts";
import { createUser, lockUser } from "../support/commands.ts";
import { resourceOf } from "../support/outcomes.ts";
import { openFixture } from "../support/sqlite-fixture.ts";
import { mountTmpfs } from "../support/tmpfs.ts";
import { verifyUserRows } from "../support/verify-rows.ts";

const NOT_APPLIED = { name: "StoreUnavailableError", outcome: "NOT_APPLIED" };

describe("storage trouble", () => {
  it("distinguishes a failed COMMIT from one with an unknown outcome", () => {
    const outcomeOf = (code: string, atCommit: boolean) => {
      const error = toStoreError(new Database.SqliteError("", code), atCommit);
      return error instanceof StoreUnavailableError ? error.outcome : "REJECTED";
    };
    const rows: readonly (readonly [string, string, string])[] = [
      ["SQLITE_FULL", "NOT_APPLIED", "NOT_APPLIED"],
      ["SQLITE_BUSY", "NOT_APPLIED", "NOT_APPLIED"],
      ["SQLITE_READONLY_DBMOVED", "NOT_APPLIED", "NOT_APPLIED"],
      ["SQLITE_CANTOPEN", "NOT_APPLIED", "UNKNOWN"],
      ["SQLITE_IOERR_WRITE", "NOT_APPLIED", "UNKNOWN"],
      ["SQLITE_IOERR_FSYNC", "NOT_APPLIED", "UNKNOWN"],
      ["SQLITE_CONSTRAINT_TRIGGER", "REJECTED", "REJECTED"],
      ["SQLITE_TOOBIG", "REJECTED", "UNKNOWN"],
    ];
    for (const [code, inWork, atCommit] of rows) {
      assert.deepEqual([outcomeOf(code, false), outcomeOf(code, true)], [inWork, atCommit], code);
    }
  });

  it("answers UNAVAILABLE while the file is moved away and goes on when it is back", async (t) => {
    const { store, path, connect } = await openFixture(t);
    await store.execute(createUser("u"));
    renameSync(path, `${path}.moved`);
    await assert.rejects(store.execute(lockUser("u")), NOT_APPLIED);
    await assert.rejects(store.check(), { name: "StoreUnavailableError" });
    writeFileSync(path, "another file in its place");
    await assert.rejects(store.execute(lockUser("u")), NOT_APPLIED);
    rmSync(path);
    renameSync(`${path}.moved`, path);
    await store.check();
    assert.equal(resourceOf(await store.execute(lockUser("u"))).state.sequence, 2);
    assert.deepEqual((await verifyChain(chainOf(connect({ readonly: true })))).faults, []);
  });

  it("answers UNAVAILABLE while another program holds the database", async (t) => {
    const { store, connect } = await openFixture(t);
    await store.execute(createUser("u"));
    const other = connect();
    other.exec("BEGIN IMMEDIATE");
    await assert.rejects(store.execute(lockUser("u")), NOT_APPLIED);
    assert.equal((await store.readUser("u"))?.state.sequence, 1, "reads go on");
    other.exec("ROLLBACK");
    resourceOf(await store.execute(lockUser("u")));
  });

  it("answers UNAVAILABLE while the disk is full and goes on when there is room", async (t) => {
    const folder = mountTmpfs(t, "size=4m");
    if (folder === undefined) return;
    mkdirSync(join(folder, "data"));
    const { store, connect } = await openFixture(t, { path: join(folder, "data", "lockkeeper.db") });
    for (let index = 0; index < 50; index++) await store.execute(createUser(`u${index}`));
    const ballast = join(folder, "ballast");
    assert.throws(() => execFileSync("dd", ["if=/dev/zero", `of=${ballast}`, "bs=4k"], { stdio: "ignore" }));
    const results = await Promise.allSettled(
      Array.from({ length: 50 }, (_, index) => store.execute(lockUser(`u${index}`))),
    );
    const failed = results.filter(({ status }) => status === "rejected");
    assert.ok(failed.length > 0);
    for (const result of failed) {
      assert.ok(result.status === "rejected" && result.reason instanceof StoreUnavailableError);
      assert.equal(result.reason.outcome, "NOT_APPLIED");
    }
    assert.equal((await store.readUser("u1"))?.state.id, "u1", "reads go on");
    rmSync(ballast);
    for (const [index, result] of results.entries()) {
      const user = await store.readUser(`u${index}`);
      assert.equal(user?.state.restrictions.length, result.status === "fulfilled" ? 1 : 0);
      if (result.status === "rejected") resourceOf(await store.execute(lockUser(`u${index}`)));
    }
    const database = connect({ readonly: true });
    assert.deepEqual((await verifyChain(chainOf(database))).faults, []);
    assert.deepEqual((await verifyUserRows(database)).faults, []);
  });
});
