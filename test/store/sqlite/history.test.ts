/** Random histories: whatever is done at whatever moment, replaying the events gives the rows, and the chain holds. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import type { UserCommand } from "../../../src/domain/command.ts";
import { settle } from "../../../src/domain/settle.ts";
import { nextDue } from "../../../src/domain/user.ts";
import type { Outcome } from "../../../src/store/commands.ts";
import { replayUser } from "../../../src/store/log/replay.ts";
import { verifyChain } from "../../../src/store/log/verify-chain.ts";
import type { RecordedEvent } from "../../../src/store/queries.ts";
import { chainOf } from "../../../src/store/sqlite/offline/chain-rows.ts";
import { scaled } from "../../support/scale.ts";
import {
  banUser,
  context,
  createUser,
  deleteUser,
  importUser,
  lockUser,
  requestContext,
  settleUser,
  unbanUser,
  unlockUser,
  updateUser,
} from "../support/commands.ts";
import { readAll } from "../support/outcomes.ts";
import { openFixture, type SqliteFixture } from "../support/sqlite-fixture.ts";
import { verifyUserRows } from "../support/verify-rows.ts";

const RUNS = scaled({ quick: 8, soak: 500 });
const SEED = Number(process.env.TEST_SEED ?? Date.now() % 2 ** 31);
const USERS = ["a", "b", "c"];

/** How long after the step before; many restrictions start and end in between. */
const pause = fc.constantFrom(0, 0, 0, 1, 500, 1_000, 4_000, 3_600_000);
const user = fc.constantFrom(...USERS);
const start = fc.constantFrom(undefined, undefined, 0, 500, 2_000);
const length = fc.constantFrom(1, 500, 1_000, 3_000);

type Make = (now: number) => UserCommand;

function startAt(now: number, offset: number | undefined): { readonly startTime?: number } {
  return offset === undefined ? {} : { startTime: now + offset };
}

const make: fc.Arbitrary<Make> = fc.oneof(
  fc.tuple(user, fc.string()).map(
    ([id, username]) =>
      () =>
        createUser(id, { profile: { username }, note: username }),
  ),
  fc.tuple(user, start, length, fc.constantFrom("refuse", "restart", "succeed"), fc.boolean()).map(
    ([id, offset, durationMs, ifAlready, revokeSessions]) =>
      (now: number) =>
        lockUser(id, {
          expiry: { kind: "for", durationMs },
          ifAlready,
          revokeSessions,
          note: `for ${durationMs}`,
          ...startAt(now, offset),
        }),
  ),
  fc.tuple(user, start, length).map(
    ([id, offset, durationMs]) =>
      (now: number) =>
        banUser(id, { expiry: { kind: "for", durationMs }, ifAlready: "restart", ...startAt(now, offset) }),
  ),
  user.map((id) => () => unlockUser(id, { ifAlready: "succeed" })),
  user.map((id) => () => unbanUser(id)),
  user.map((id) => () => deleteUser(id)),
  user.map((id) => () => settleUser(id)),
  user.map((id) => () => lockUser(id, { context: context({ validateOnly: true }) })),
  fc.tuple(user, fc.integer({ min: 1, max: 3 })).map(
    ([id, request]) =>
      () =>
        unlockUser(id, { ifAlready: "succeed", context: requestContext(`${id}-${request}`) }),
  ),
  fc.tuple(user, fc.string(), fc.json()).map(
    ([id, email, json]) =>
      () =>
        updateUser(id, {
          profile: { email },
          fields: ["email", "username"],
          attributes: { x: json },
          namespaces: ["x"],
        }),
  ),
  fc.tuple(user, length, fc.constantFrom("error", "skip", "update")).map(
    ([id, durationMs, ifExists]) =>
      (now: number) =>
        importUser(id, {
          ifExists,
          profile: { displayName: `import ${durationMs}` },
          restrictions: [
            {
              id: `imported-${now}`,
              kind: "LOCK",
              cause: "POLICY",
              reasonCode: "",
              note: "old",
              actor: "",
              startTime: now - 250,
              expiry: { kind: "for", durationMs },
            },
          ],
        }),
  ),
);

/** Steps whose commands are handed in at once, so that some share a batch. */
const history = fc.array(fc.tuple(pause, fc.array(make, { minLength: 1, maxLength: 6 })), {
  minLength: 1,
  maxLength: 25,
});

function readEvents({ store }: SqliteFixture, userId: string): Promise<RecordedEvent[]> {
  return readAll((after) =>
    store.listUserEvents({ userId, order: "oldest_first", pageSize: 100, ...(after === undefined ? {} : { after }) }),
  );
}

/** Each start and each expiry is there once, and none before the restriction. */
function assertDueOnce(events: readonly RecordedEvent[]): void {
  const seen = new Set<string>();
  for (const { event } of events) {
    if (event.type !== "RestrictionStarted" && event.type !== "RestrictionExpired") continue;
    const name = `${event.type} ${event.data.restrictionId}`;
    assert.ok(!seen.has(name), `${name} is there twice`);
    seen.add(name);
  }
}

describe("random histories", () => {
  it(`replay to the rows and leave the chain intact (${RUNS} runs, seed ${SEED})`, async () => {
    await fc.assert(
      fc.asyncProperty(history, async (steps) => {
        const ends: (() => unknown)[] = [];
        const fixture = await openFixture({ after: (end) => void ends.push(end as () => unknown) });
        const { store, clock } = fixture;
        try {
          for (const [pauseMs, makes] of steps) {
            clock.time += pauseMs;
            await Promise.all(makes.map((one): Promise<Outcome> => store.execute(one(clock.time))));
          }
          for (const id of USERS) {
            const events = await readEvents(fixture, id);
            const read = await store.readUser(id);
            assertDueOnce(events);
            if (events.length === 0) {
              assert.equal(read, undefined);
              continue;
            }
            const replayed = replayUser(events);
            assert.deepEqual(read, { ...replayed, state: settle(replayed.state, clock.time).state });
          }
          await store.sweep();
          const database = fixture.connect({ readonly: true });
          assert.deepEqual((await verifyChain(chainOf(database))).faults, []);
          assert.deepEqual((await verifyUserRows(database)).faults, []);
          for (const id of USERS) {
            const state = (await store.readUser(id))?.state;
            assert.equal((await readEvents(fixture, id)).length, state?.sequence ?? 0, "after a sweep nothing is due");
            assert.ok((nextDue(state ?? { restrictions: [] }) ?? Number.POSITIVE_INFINITY) > clock.time);
          }
        } finally {
          for (const end of ends) await end();
        }
      }),
      { seed: SEED, numRuns: RUNS },
    );
  });
});
