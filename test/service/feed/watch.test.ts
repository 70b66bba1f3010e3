/** WatchEvents: every event once and in order on every wire, also when readers are killed and resume. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { parseExposition, sumOf } from "../../support/exposition.ts";
import { seededRandom } from "../../support/random.ts";
import { scaled } from "../../support/scale.ts";
import { ADMIN_KEY, type Running, startService } from "../../support/service.ts";
import { until } from "../../support/until.ts";
import { type Seen, WATCHES, watchWithKills } from "../support/watchers.ts";

const USERS = scaled({ quick: 20, soak: 100 });
const ROUNDS = scaled({ quick: 15, soak: 200 });

/** Locks and unlocks users while others read. */
async function write({ users }: Running): Promise<void> {
  await Promise.all(
    Array.from({ length: USERS }, async (_, index) => {
      const userId = `user-${index}`;
      await users.createUser({ userId });
      for (let round = 0; round < ROUNDS; round++) {
        await users.lockUser({ userId });
        await users.unlockUser({ userId });
      }
    }),
  );
}

/** Each user's events are there once, in order. */
function assertComplete(seen: readonly Seen[]): void {
  const sequences = new Map<string, number>();
  for (const { userId, sequence } of seen) {
    if (userId === "") continue;
    assert.equal(sequence, (sequences.get(userId) ?? 0) + 1, userId);
    sequences.set(userId, sequence);
  }
  assert.deepEqual(
    [...sequences.values()],
    Array.from({ length: USERS }, () => 2 * ROUNDS + 1),
  );
}

async function openStreams({ url }: Running): Promise<number> {
  const headers = { authorization: `Bearer ${ADMIN_KEY}` };
  return sumOf(parseExposition(await (await fetch(`${url}/metrics`, { headers })).text()), "lockkeeper_streams");
}

const countOf = (seen: readonly Seen[]): number => seen.filter(({ userId }) => userId !== "").length;
const isDone = (seen: readonly Seen[]): boolean => countOf(seen) >= USERS * (2 * ROUNDS + 1);

describe("P30 WatchEvents", () => {
  test("gives every event once and in order on all wires, also to readers that are killed and resume", async (t) => {
    const random = seededRandom(t);
    const running = await startService(t);
    const killAfter = (): number => random.below(4);
    const readers = Object.values(WATCHES).map((watch) =>
      watchWithKills(watch, () => running.url, ADMIN_KEY, { isDone, killAfter }),
    );
    await write(running);
    const all = await Promise.all(readers);
    await until(async () => (await openStreams(running)) === 0, "the end of the streams whose readers were killed");
    for (const seen of all) {
      assertComplete(seen);
      assert.deepEqual(
        seen.map(({ cursor }) => cursor),
        all[0]?.map(({ cursor }) => cursor),
      );
    }
  });
});
