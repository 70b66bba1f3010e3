/** P1 and P2 under real concurrency: many connections, all at once, right and wrong guesses, one service. */

import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { describe, type TestContext, test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { type Client, createClient } from "@connectrpc/connect";
import { createGrpcTransport, Http2SessionManager } from "@connectrpc/connect-node";
import { AttemptOutcome, SignInService } from "../../../gen/lockkeeper/signin/v1/sign_in_service_pb.ts";
import { defer } from "../../support/cleanup.ts";
import { type Random, seededRandom } from "../../support/random.ts";
import { scaled } from "../../support/scale.ts";
import { ADMIN_KEY, type Running, startService } from "../../support/service.ts";
import { startStopwatch } from "../../support/stopwatch.ts";
import { check, historyOf, limit, of, setPolicy } from "../support/sign-ins.ts";

const ATTEMPTS = scaled({ quick: 150, soak: 500 });
const CONNECTIONS = scaled({ quick: 15, soak: 50 });
const ROUNDS = scaled({ quick: 2, soak: 20 });
const THRESHOLD = 10;

type SignIns = Client<typeof SignInService>;

/** Clients with a connection each, open already: the attempts are to meet, not the handshakes. */
async function connect(t: TestContext, { url }: Running): Promise<readonly SignIns[]> {
  return Promise.all(
    Array.from({ length: CONNECTIONS }, async () => {
      const sessionManager = new Http2SessionManager(url);
      defer(t, () => sessionManager.abort());
      const transport = createGrpcTransport({
        baseUrl: url,
        sessionManager,
        interceptors: [
          (next) => (request) => {
            request.header.set("Authorization", `Bearer ${ADMIN_KEY}`);
            return next(request);
          },
        ],
      });
      await sessionManager.connect();
      return createClient(SignInService, transport);
    }),
  );
}

interface Tally {
  /** How many reached the verifier. */
  verified: number;
  allowed: number;
  locks: number;
  denied: number;
  readonly refusals: string[];
  underWay: number;
  underWayMost: number;
}

interface Load {
  readonly userId: string;
  readonly random: Random;
  readonly isRight: (index: number) => boolean;
}

/** All attempts at the same moment, spread over the connections. */
async function storm(clients: readonly SignIns[], { userId, random, isRight }: Load): Promise<Tally> {
  const tally: Tally = {
    verified: 0,
    allowed: 0,
    locks: 0,
    denied: 0,
    refusals: [],
    underWay: 0,
    underWayMost: 0,
  };
  const plan = Array.from({ length: ATTEMPTS }, (_, index) => ({
    verifierMs: 1 + random.below(20),
    isRight: isRight(index),
  }));
  const attempts = plan.map(async (each, index) => {
    const client = clients[index % clients.length];
    assert.ok(client !== undefined);
    const attemptId = randomUUID();
    const { admitted } = await client.beginAttempt({ attemptId, ...of({ userId }) });
    if (!admitted) {
      tally.denied++;
      return;
    }
    tally.verified++;
    tally.underWay++;
    tally.underWayMost = Math.max(tally.underWayMost, tally.underWay);
    await delay(each.verifierMs);
    tally.underWay--;
    const outcome = each.isRight ? AttemptOutcome.SUCCEEDED : AttemptOutcome.FAILED;
    const { decision, locked } = await client.completeAttempt({ attemptId, outcome });
    if (locked) tally.locks++;
    if (each.isRight && decision?.allowed) tally.allowed++;
  });
  for (const result of await Promise.allSettled(attempts)) {
    if (result.status === "rejected") tally.refusals.push(String(result.reason));
  }
  return tally;
}

describe(`${ATTEMPTS} attempts at once over ${CONNECTIONS} connections, threshold ${THRESHOLD}`, () => {
  test("P1 of wrong ones at most as many reach the verifier as are allowed; P2 right ones are all admitted", async (t) => {
    const random = seededRandom(t);
    const running = await startService(t);
    await setPolicy(running, { limits: limit(THRESHOLD) });
    const clients = await connect(t, running);
    for (let round = 0; round < ROUNDS; round++) {
      const [eve, ann] = [`eve-${round}`, `ann-${round}`];
      for (const userId of [eve, ann]) await running.users.createUser({ userId });
      const wrongWatch = startStopwatch();
      const wrong = await storm(clients, { userId: eve, random, isRight: () => false });
      const wrongTime = wrongWatch.text();
      const rightWatch = startStopwatch();
      assert.deepEqual(
        [wrong.refusals, wrong.verified, wrong.denied, wrong.locks],
        [[], THRESHOLD, ATTEMPTS - THRESHOLD, 1],
        `seed ${random.seed}, round ${round}`,
      );
      assert.deepEqual(await historyOf(running, eve), ["userCreated", "userLocked"]);
      const right = await storm(clients, { userId: ann, random, isRight: () => true });
      const rightTime = rightWatch.text();
      assert.deepEqual(
        [right.refusals, right.verified, right.allowed, right.locks],
        [[], ATTEMPTS, ATTEMPTS, 0],
        `seed ${random.seed}, round ${round}`,
      );
      assert.ok(right.underWayMost <= THRESHOLD, `${right.underWayMost} were under way at once`);
      assert.deepEqual(await historyOf(running, ann), ["userCreated"]);
      assert.equal((await check(running, ann)).attemptsLeft, THRESHOLD);
      t.diagnostic(`round ${round}: wrong ${wrongTime}, right ${rightTime}`);
    }
  });

  test("P1 between two successes never more wrong ones are verified than are allowed, however they are mixed", async (t) => {
    const random = seededRandom(t);
    const running = await startService(t);
    await setPolicy(running, { limits: limit(THRESHOLD), resetOnSuccess: false });
    const clients = await connect(t, running);
    for (let round = 0; round < ROUNDS; round++) {
      const userId = `user-${round}`;
      await running.users.createUser({ userId });
      const share = random.below(10);
      let wrong = 0;
      const rights = Array.from({ length: ATTEMPTS }, () => random.below(10) < share);
      const tally = await storm(clients, {
        userId,
        random,
        isRight: (index) => {
          const isRight = rights[index] === true;
          if (!isRight) wrong++;
          return isRight;
        },
      });
      // Nothing resets here: every failure that was verified counts.
      const failures = THRESHOLD - ((await check(running, userId)).attemptsLeft ?? 0);
      assert.equal(tally.locks, wrong >= THRESHOLD ? 1 : 0, `seed ${random.seed}: ${wrong} wrong ones`);
      if (tally.locks === 0) assert.deepEqual([tally.verified, failures, tally.refusals], [ATTEMPTS, wrong, []]);
      assert.ok(tally.verified - tally.allowed <= THRESHOLD, `${tally.verified - tally.allowed} were not successful`);
    }
  });
});
