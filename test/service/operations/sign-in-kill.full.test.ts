/** P3: counters, attempts under way and locks outlive the process, kill -9 included. */

import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { State } from "../../../gen/lockkeeper/user/v1/user_pb.ts";
import { seededRandom } from "../../support/random.ts";
import { assertRefused } from "../../support/refusals.ts";
import { scaled } from "../../support/scale.ts";
import { ADMIN_KEY, clientsOf, ended, spawnService, temporaryFolder } from "../../support/service.ts";
import { until } from "../../support/until.ts";
import { attempt, begin, check, complete, fail, historyOf, limit, setPolicy } from "../support/sign-ins.ts";

const ROUNDS = scaled({ quick: 1, full: 2, soak: 30 });

test("P3 failures and locks survive kill -9, and what was under way counts when its time is over", async (t) => {
  const path = join(await temporaryFolder(t), "lockkeeper.db");
  const before = await spawnService(t, { path });
  const first = clientsOf(before.url, ADMIN_KEY);
  for (const userId of ["ann", "bob", "eve"]) await first.users.createUser({ userId });
  await setPolicy(first, { limits: limit(3), reservationTime: { seconds: 60n } });
  await fail(first, 1);
  const { attemptId: kept } = await begin(first);
  await setPolicy(first, { reservationTime: { seconds: 1n } });
  await fail(first, 3, { userId: "bob" });
  const { attemptId: settled } = await begin(first, { userId: "eve" });
  await complete(first, settled, false);
  const { attemptId: lost } = await begin(first);
  before.process.kill("SIGKILL");
  assert.equal(await ended(before), "SIGKILL");

  const after = await spawnService(t, { path });
  const gate = clientsOf(after.url, ADMIN_KEY);
  assert.equal((await check(gate)).attemptsLeft, 0, "one failure and two under way");
  assert.equal((await check(gate, "bob")).state, State.LOCKED);
  assert.equal((await check(gate, "eve")).attemptsLeft, 2);
  await assertRefused(complete(gate, settled, true), "FailedPrecondition", "ATTEMPT_SETTLED");
  await complete(gate, kept, false);
  await until(async () => !(await check(gate)).allowed, "the count of what was under way");
  await assertRefused(complete(gate, lost, true), "FailedPrecondition", "ATTEMPT_EXPIRED");
  assert.deepEqual(await historyOf(gate), ["userCreated", "userLocked"]);
});

test(`P3 no failure that was answered is forgotten over ${ROUNDS} kills under load`, async (t) => {
  const random = seededRandom(t);
  const path = join(await temporaryFolder(t), "lockkeeper.db");
  const users = Array.from({ length: 10 }, (_, index) => `user-${index}`);
  /** By user: failures that were answered, and those that were cut off. */
  const told = new Map(users.map((userId) => [userId, { sure: 0, unsure: 0 }]));
  for (let round = 0; round <= ROUNDS; round++) {
    const child = await spawnService(t, { path });
    const gate = clientsOf(child.url, ADMIN_KEY);
    if (round === 0) {
      for (const userId of users) await gate.users.createUser({ userId });
      await setPolicy(gate, { limits: limit(100), reservationTime: { seconds: 600n } });
    }
    for (const [userId, { sure, unsure }] of told) {
      const counted = 100 - ((await check(gate, userId)).attemptsLeft ?? 0);
      assert.ok(counted >= sure && counted <= sure + unsure, `${userId}: ${counted} of ${sure} to ${sure + unsure}`);
    }
    if (round === ROUNDS) break;
    const work = users.map(async (userId) => {
      const own = told.get(userId);
      assert.ok(own !== undefined);
      const most = Math.floor(90 / ROUNDS);
      for (let i = 0; i < most; i++) {
        own.unsure++;
        try {
          await attempt(gate, false, { userId });
        } catch {
          return;
        }
        own.unsure--;
        own.sure++;
      }
    });
    await delay(random.below(200));
    child.process.kill("SIGKILL");
    assert.equal(await ended(child), "SIGKILL", child.stderr());
    await Promise.all(work);
  }
});
