/** The queues of two replicas over one database: neither learns what the other one settles. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { LocalAttemptQueue } from "../../../src/service/operations/attempt-waiters.ts";
import { begin, complete, setPolicy, U } from "../../store/support/attempts.ts";
import { createUser } from "../../store/support/commands.ts";
import { resourceOf } from "../../store/support/outcomes.ts";
import { openFixture } from "../../store/support/sqlite-fixture.ts";

test("an attempt that waits at one replica gets the place that an attempt at another one leaves", async (t) => {
  const { store } = await openFixture(t);
  resourceOf(await store.execute(createUser(U.userId)));
  resourceOf(await store.execute(setPolicy({ attemptsMax: { PASSWORD: 1 } })));
  const [here, there] = [new LocalAttemptQueue(store), new LocalAttemptQueue(store)];
  // Half of the longest wait: the last try of all comes at its end.
  const call = { deadlineTime: undefined, signal: AbortSignal.timeout(5_000) };
  const first = begin(U, "first");
  assert.equal((await here.begin(first, call)).result, "ADMITTED");
  let isOver = false;
  const second = there.begin(begin(U, "second"), call).finally(() => {
    isOver = true;
  });
  await delay(100);
  assert.equal(isOver, false, "it waits");
  here.settled(resourceOf(await store.execute(complete("first", true))));
  assert.equal((await second).result, "ADMITTED");
});
