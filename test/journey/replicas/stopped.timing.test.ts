/** A replica that stops while it holds the head of the log: the others go on soon, and it comes back without harm. */
import assert from "node:assert/strict";
import { describe, type TestContext, test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import pg from "pg";
import { noPostgres, sharedPostgres } from "../../support/postgres.ts";
import { assertWholeHistory } from "../../support/postgres-history.ts";
import { assertRefused } from "../../support/refusals.ts";
import { ADMIN_KEY, type Child, clientsOf, spawnService } from "../../support/service.ts";
import { until } from "../../support/until.ts";

/** The promise: how long the others may be held up. */
const HELD_UP_MS_MAX = 6_000;

interface Pair {
  readonly stopping: Child;
  readonly other: Child;
  readonly path: string;
}

async function startPair(t: TestContext): Promise<Pair> {
  const path = await (await sharedPostgres()).createDatabase(t);
  const start = (): Promise<Child> => spawnService(t, { path });
  const stopping = await start();
  return { stopping, other: await start(), path };
}

/**
 * Stops a replica while its transaction has the head: the test takes it first, lets the replica wait for it, stops the
 * replica, and gives the head up. `write` begins the transaction.
 */
async function stopWithHead(path: string, { process }: Child, write: () => void): Promise<void> {
  const client = new pg.Client({ connectionString: path });
  await client.connect();
  try {
    await client.query("BEGIN; SELECT 1 FROM log_head FOR UPDATE");
    write();
    const waiting = "SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND usename = current_user";
    await until(async () => (await client.query(waiting)).rowCount === 1, "a replica that waits for the head");
    process.kill("SIGSTOP");
    // It has stopped when it is told to the parent; the kernel needs a moment.
    await delay(50);
    await client.query("COMMIT");
  } finally {
    await client.end();
  }
}

describe("a replica that stops", { skip: (await noPostgres()) ?? false }, () => {
  test(`with the head holds the others up for at most ${HELD_UP_MS_MAX} ms, and then tells nothing untrue`, async (t) => {
    const { stopping, other, path } = await startPair(t);
    const [mine, theirs] = [clientsOf(stopping.url, ADMIN_KEY), clientsOf(other.url, ADMIN_KEY)];
    for (const userId of ["ann", "bob", "eve"]) await theirs.users.createUser({ userId });
    const { session, token } = await theirs.sessions.createSession({ userId: "eve" });
    const { secret, apiKey } = await theirs.keys.createApiKey({ role: "owner" });
    const keyed = clientsOf(stopping.url, secret);
    await keyed.users.getUser({ userId: "ann" });
    assert.equal(
      (await mine.sessions.verifySession({ key: { case: "token", value: token } })).session?.sessionId,
      session?.sessionId,
    );

    let held: Promise<unknown> | undefined;
    await stopWithHead(path, stopping, () => {
      held = mine.users.lockUser({ userId: "ann", requestId: "held" });
      held.catch(() => undefined);
    });
    const stoppedAt = performance.now();
    await theirs.users.lockUser({ userId: "bob" });
    const heldUpMs = Math.round(performance.now() - stoppedAt);
    t.diagnostic(`the others were held up for ${heldUpMs} ms`);
    assert.ok(heldUpMs <= HELD_UP_MS_MAX, `${heldUpMs} ms`);
    await theirs.users.banUser({ userId: "eve" });
    await theirs.keys.revokeApiKey({ apiKeyId: apiKey?.apiKeyId ?? "" });

    stopping.process.kill("SIGCONT");
    const late = await Promise.all([
      mine.sessions.verifySession({ key: { case: "token", value: token } }).then(({ active }) => active),
      keyed.users.getUser({ userId: "bob" }).catch((error: unknown) => error),
      keyed.users.lockUser({ userId: "bob" }).catch((error: unknown) => error),
    ]);
    assert.equal(late[0], false, "a session of a banned user");
    for (const error of late.slice(1)) {
      await assertRefused(Promise.reject(error), "Unauthenticated", "CREDENTIAL_INVALID");
    }
    // Either its own attempt has written, or it knows that it has not.
    const isLocked = await held?.then(
      () => true,
      () => false,
    );
    const { events } = await theirs.users.listUserEvents({ userId: "ann" });
    t.diagnostic(`its own change was ${isLocked ? "made" : "refused"}`);
    assert.equal(events.length, isLocked ? 2 : 1);
    await mine.users.lockUser({ userId: "ann", requestId: "held" });
    await mine.users.unlockUser({ userId: "bob" });
    await assertWholeHistory(path);
  });
});
