/** Processes: one per file, and what kill -9 leaves behind. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { describe, it } from "node:test";
import { setTimeout as wait } from "node:timers/promises";
import Database from "better-sqlite3";
import { verifyChain } from "../../../src/store/log/verify-chain.ts";
import { chainOf } from "../../../src/store/sqlite/offline/chain-rows.ts";
import { openSqliteStore } from "../../../src/store/sqlite/sqlite-store.ts";
import { scaled } from "../../support/scale.ts";
import { startChild } from "../support/child.ts";
import { makeFolder } from "../support/sqlite-fixture.ts";
import { verifyUserRows } from "../support/verify-rows.ts";

const KILLS = scaled({ quick: 10, soak: 200 });
/** Then a new file: each verification replays everything, which would take longer with every kill. */
const KILLS_PER_FILE = 10;
/** Lines before the child is killed, so that it is at work. */
const LINES_MIN = 50;

interface Recorded {
  readonly restrictionOf: ReadonlyMap<string, string>;
  readonly restrictions: ReadonlySet<string>;
}

/** What the log holds: `user sequence` → restriction id where there is one. */
function readLog(database: Database.Database): Recorded {
  const rows = database
    .prepare<[], { place: string; restriction: string | null }>(
      `SELECT user_id || ' ' || sequence AS place,
        json_extract(CAST(substr(body, 2) AS TEXT), '$.data.restriction.id') AS restriction
        FROM events WHERE user_id IS NOT NULL`,
    )
    .all();
  return {
    restrictionOf: new Map(rows.map(({ place, restriction }) => [place, restriction ?? "-"])),
    restrictions: new Set(rows.map(({ restriction }) => restriction ?? "-")),
  };
}

/** The last line may be cut off; all others are whole. */
function assertKept(lines: readonly string[], log: Recorded): void {
  for (const line of lines) {
    const [word, first = "", second = "", third] = line.split(" ");
    if (word === "refused" && second === "") {
      assert.ok(!log.restrictions.has(first), `the refused ${first} is in the log`);
    } else if (word === "ok" && third !== undefined) {
      assert.equal(log.restrictionOf.get(`${first} ${second}`), third, `the acknowledged ${line} is not in the log`);
    }
  }
}

describe("processes", () => {
  it("keep every acknowledged change, no refused one and none half, over kill -9", async (t) => {
    const folder = makeFolder(t);
    let acknowledged = 0;
    for (let run = 0; run < KILLS; run++) {
      const path = join(folder, `${Math.floor(run / KILLS_PER_FILE)}.db`);
      const child = startChild("locking-child.ts", [path, `${run}`]);
      await child.waitForLines(LINES_MIN);
      await wait(Math.random() * 150);
      child.process.kill("SIGKILL");
      await child.ended;
      const database = new Database(path);
      assertKept(child.lines, readLog(database));
      assert.deepEqual((await verifyChain(chainOf(database))).faults, []);
      assert.deepEqual((await verifyUserRows(database)).faults, []);
      database.close();
      acknowledged += child.lines.filter((line) => line.startsWith("ok ")).length;
    }
    t.diagnostic(`${KILLS} kills survived, ${acknowledged} acknowledged changes kept`);
  });

  it("cannot share a file, and leave it free when they are killed", async (t) => {
    const path = join(makeFolder(t), "lockkeeper.db");
    const child = startChild("locking-child.ts", [path, "0"]);
    await child.waitForLines(1);
    const open = () => openSqliteStore({ path, clock: Date.now });
    await assert.rejects(open(), {
      message: `the database ${path} is in use by another process, which holds ${path}.lock; stop it first, or use another file`,
    });
    child.process.kill("SIGKILL");
    await child.ended;
    await (await open()).close();
  });
});
