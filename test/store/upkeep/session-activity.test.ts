/** Two replicas over the same sessions: what one of them saw in use, the other one does not find idle. */
import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import type { Session } from "../../../src/domain/session.ts";
import { SessionActivity } from "../../../src/store/upkeep/session-activity.ts";
import { defer } from "../../support/cleanup.ts";
import { seededRandom } from "../../support/random.ts";
import { scaled } from "../../support/scale.ts";

const IDLE_MS = 10_000;
/** How often a round runs, in virtual time. */
const ROUND_MS = 1_000;

/** Replicas with one clock and one table of last activities. */
function open(t: TestContext) {
  const time = { now: 0 };
  const disk = new Map<string, number>();
  const replicas = [0, 1, 2].map(() => {
    const activity = new SessionActivity({
      write: async (times) => {
        for (const [id, each] of times) disk.set(id, Math.max(each, disk.get(id) ?? 0));
      },
      now: () => time.now,
      // The test runs the rounds.
      intervalMs: 3_600_000,
      onTrouble: (error) => assert.fail(String(error)),
    });
    defer(t, () => activity.close());
    return activity;
  });
  /** Uses a session at a replica. Returns whether it was active. */
  const use = async (replica: SessionActivity, id: string): Promise<boolean> => {
    const row = { id, idleTimeoutMs: IDLE_MS, lastActivityTime: disk.get(id) ?? 0 };
    const session = replica.known(row as Session);
    if (session.lastActivityTime + IDLE_MS <= time.now) return false;
    await replica.noteShared(session, time.now);
    return true;
  };
  return { time, disk, replicas, use };
}

test("a session that one replica found active is not idle for another before its time-out", async (t) => {
  const random = seededRandom(t);
  const { time, disk, replicas, use } = open(t);
  const last = new Map(["a", "b", "c"].map((id) => [id, 0]));
  const uses = scaled({ quick: 20_000, soak: 1_000_000 });
  let ended = 0;
  for (let index = 0; index < uses; index++) {
    const gapMs = random.pick([0, 1, 50, 400, 1_500, 4_999, 5_000, 9_000, 9_999]) / random.pick([1, 1, 3]);
    for (const end = time.now + Math.floor(gapMs); time.now < end; ) {
      const round = (Math.floor(time.now / ROUND_MS) + 1) * ROUND_MS;
      time.now = Math.min(end, round);
      if (time.now === round) await Promise.all(replicas.map((each) => each.flush()));
    }
    const id = random.pick([...last.keys()]);
    const isIdle = (last.get(id) ?? 0) + IDLE_MS <= time.now;
    assert.equal(await use(random.pick(replicas), id), !isIdle, `use ${index} of ${id} at ${time.now}`);
    if (isIdle) {
      ended++;
      last.delete(id);
      disk.set(`s${index}`, time.now);
    }
    last.set(isIdle ? `s${index}` : id, time.now);
  }
  assert.ok(ended > 0, "some sessions ended");
});
