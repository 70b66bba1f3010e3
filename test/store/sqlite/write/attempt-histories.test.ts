/** Random commands on attempts: what is read from the disk each time answers like what stays in memory. */
import assert from "node:assert/strict";
import { it } from "node:test";
import type Database from "better-sqlite3";
import { settleCounter } from "../../../../src/domain/attempt.ts";
import { FACTORS } from "../../../../src/domain/policy.ts";
import type { Command, Outcome } from "../../../../src/store/commands.ts";
import { Batch } from "../../../../src/store/commit/batch.ts";
import { counterKey } from "../../../../src/store/commit/entries.ts";
import { WorkingSet } from "../../../../src/store/commit/working-set.ts";
import { type Random, seededRandom } from "../../../support/random.ts";
import { scaled } from "../../../support/scale.ts";
import { begin, complete, RESERVATION_MS, record, setPolicy } from "../../support/attempts.ts";
import { context, createOrganization, createUser, deleteUser, importUser, unlockUser } from "../../support/commands.ts";
import { openFixture, type SqliteFixture, START_TIME } from "../../support/sqlite-fixture.ts";

const STEPS = scaled({ quick: 1_500, soak: 100_000 });
const SUBJECTS = [{ userId: "u" }, { userId: "v" }, { shadow: "s" }] as const;
const USERS = ["u", "v"] as const;

/** Returns a set for which nothing is stored: it has only what earlier commands put into it. */
function emptySet(): WorkingSet {
  const none = () => undefined;
  return new WorkingSet({
    instance: none,
    user: none,
    organization: none,
    apiKey: none,
    lastingOwners: none,
    session: none,
    policy: none,
    counter: none,
    countedFactors: none,
    attempt: none,
    request: none,
    personal: none,
    erasure: none,
  });
}

function randomCommand(random: Random, ids: string[]): Command {
  const subject = random.pick(SUBJECTS);
  const userId = random.pick(USERS);
  const factor = random.pick(["PASSWORD", "OTP"] as const);
  switch (random.below(16)) {
    case 0:
      return { ...record(subject, random.below(2) === 0), factor };
    case 1:
      return unlockUser(userId);
    case 2:
      return random.below(3) === 0 ? deleteUser(userId) : createUser(userId);
    case 3:
      return random.below(2) === 0 ? createUser(userId) : importUser(userId, { creationTime: 1 });
    case 4:
      return setPolicy({
        attemptsMax: { PASSWORD: random.below(5), OTP: 1 + random.below(3) },
        reservationMs: 1 + random.below(RESERVATION_MS),
        countingWindowMs: 1 + random.below(2 * RESERVATION_MS),
        resetOnUnlock: random.below(2) === 0,
        resetOnSuccess: random.below(2) === 0,
      });
    case 5:
    case 6: {
      const settle = { type: "SettleAttempts", restrictionId: `settled-${ids.length}`, context: context() } as const;
      return { ...settle, subject, factor };
    }
    case 7:
    case 8:
    case 9:
    case 10:
      return complete(random.pick(ids), random.below(3) === 0);
    default: {
      const command = { ...begin(subject), factor };
      ids.push(command.attemptId);
      return command;
    }
  }
}

/** Returns what a caller sees of an outcome. */
function seen(outcome: Outcome): unknown {
  return outcome.ok ? outcome.resource : outcome.refusal;
}

/** Asserts that counters are read as they are held, and that rows of attempts under way say when the first ends. */
async function assertSame({ store }: SqliteFixture, reader: Database.Database, set: WorkingSet): Promise<void> {
  for (const [places, nextDue] of reader
    .prepare<[], [string, number]>("SELECT places, next_due FROM attempt_places")
    .raw()
    .all()) {
    const ends = (JSON.parse(places) as [string, number][]).map(([, endTime]) => endTime);
    assert.equal(nextDue, Math.min(...ends), places);
  }
  for (const userId of USERS) {
    for (const factor of FACTORS) {
      const held = set.held(counterKey({ userId }, factor));
      const view = await store.readSignIn({ userId, factor });
      if (held === undefined || view === undefined) continue;
      const { counter, lock } = settleCounter(held.counter, view.policy, factor, view.now);
      assert.deepEqual(view.counter, lock === undefined ? counter : held.counter, `${userId} ${factor}`);
    }
  }
}

it(`answers ${STEPS} commands, in batches and with restarts, as if nothing was ever read again`, async (t) => {
  const random = seededRandom(t);
  let fixture = await openFixture(t);
  const { path, clock } = fixture;
  const reader = fixture.connect({ readonly: true });
  const set = emptySet();
  const oracle = (command: Command) => new Batch(set, clock.time, (session) => session).execute(command);
  oracle(createOrganization());
  const ids = ["of-nobody"];
  for (let step = 0; step < STEPS; ) {
    const commands = Array.from({ length: 1 + random.below(4) }, () => randomCommand(random, ids));
    const outcomes = await Promise.all(commands.map((command) => fixture.store.execute(command)));
    for (const [index, command] of commands.entries()) {
      const expected = seen(oracle(command));
      assert.deepEqual(seen(outcomes[index] ?? assert.fail()), expected, `step ${step}: ${JSON.stringify(command)}`);
      step++;
    }
    await assertSame(fixture, reader, set);
    if (random.below(4) === 0) clock.time += random.below(RESERVATION_MS);
    if (random.below(60) === 0) {
      await fixture.store.close();
      fixture = await openFixture(t, { path, clock: clock.read });
    }
  }
  clock.time = START_TIME + 1_000 * 86_400_000;
  await fixture.store.sweep();
  assert.equal(reader.prepare("SELECT count(*) FROM attempt_places").pluck().get(), 0);
});
