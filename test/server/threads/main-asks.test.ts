/** What a thread leaves behind when it ends: its places are free for the lists of the others. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { LocalCounts } from "../../../src/auth/caller-counts.ts";
import { MainAsks, type ProcessWide } from "../../../src/server/threads/main-asks.ts";
import { ListLanes } from "../../../src/service/list-lanes.ts";
import { LocalAttemptQueue } from "../../../src/service/operations/attempt-waiters.ts";
import { createStreamPlaces } from "../../../src/service/stream-places.ts";
import { openFixture } from "../../store/support/sqlite-fixture.ts";
import { until } from "../../support/until.ts";

/** A thread by its messages alone. */
class Thread {
  /** The questions that were answered well. */
  readonly answered: number[] = [];
  readonly asks: MainAsks;

  constructor(parts: ProcessWide) {
    this.asks = new MainAsks(parts, (id, { ok }) => {
      if (ok) this.answered.push(id);
    });
  }

  beginList(id: number, actorId: string): void {
    this.asks.take({ kind: "ask", id, name: "beginList", parameters: ["lists", actorId, null] });
  }
}

test("the lists of a thread that ends give back their places, and those that wait no longer do", async (t) => {
  const { store } = await openFixture(t);
  const parts = {
    counts: new LocalCounts({ clock: Date.now }),
    attempts: new LocalAttemptQueue(store),
    lists: new ListLanes(),
    streams: createStreamPlaces({ streamsMax: 3, streamsOfCallerMax: 2 }),
    metrics: async () => "",
  };
  const [dying, other] = [new Thread(parts), new Thread(parts)];
  for (const [id, actorId] of ["a", "a", "b", "b"].entries()) dying.beginList(id + 1, actorId);
  await until(() => dying.answered.length === 3, "all places to be taken");
  for (const [id, actorId] of ["c", "c", "d"].entries()) other.beginList(id + 1, actorId);
  await new Promise((resolve) => setImmediate(resolve));
  assert.deepEqual(other.answered, []);
  dying.asks.close();
  await until(() => other.answered.length === 3, "the places of the thread that has ended");
  assert.deepEqual(dying.answered, [1, 2, 3]);
  other.asks.take({ kind: "end list", id: 1 });
  other.beginList(4, "d");
  await until(() => other.answered.includes(4), "the place of a list that has ended");
});
