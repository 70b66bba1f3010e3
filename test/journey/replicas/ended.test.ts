/** What one replica has ended is ended on all of them, for every call that begins after the answer. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { noPostgres } from "../../support/postgres.ts";
import { refusalOf } from "../../support/refusals.ts";
import { scaled } from "../../support/scale.ts";
import { clientsOf, type Running, startReplicas } from "../../support/service.ts";

const REPLICAS = 3;
const SESSIONS = scaled({ quick: 150, full: 800, soak: 10_000 });
const KEYS = scaled({ quick: 4, full: 8, soak: 200 });
/** Callers of each replica while something ends. */
const CALLERS = 4;
const CONCURRENT = 100;

function pick(replicas: readonly Running[], index: number): Running {
  return replicas[index % replicas.length] ?? assert.fail();
}

/** Runs work for each number below `count`, some of it at once. */
async function each<T>(count: number, work: (index: number) => Promise<T>): Promise<readonly T[]> {
  const done: T[] = [];
  let next = 0;
  const lane = async (): Promise<void> => {
    for (let index = next++; index < count; index = next++) done[index] = await work(index);
  };
  await Promise.all(Array.from({ length: CONCURRENT }, lane));
  return done;
}

/**
 * Calls on all replicas while `end` runs and a moment longer. Asserts that each call succeeds that was answered before
 * `end` was called, and that none does that began after it was answered.
 */
async function endMeanwhile(
  replicas: readonly Running[],
  succeeds: (replica: Running, index: number) => Promise<boolean>,
  end: () => Promise<unknown>,
): Promise<void> {
  let [phase, calls, late, wrong]: ["before" | "ending" | "ended", number, number, number] = ["before", 0, 0, 0];
  const callers = replicas.flatMap((replica) =>
    Array.from({ length: CALLERS }, async () => {
      // Each asks once more when it knows that it has ended.
      for (let isLast = false; !isLast; ) {
        const began = phase;
        isLast = began === "ended";
        const isRight = await succeeds(replica, calls++);
        if (began === "ended") late++;
        if (isRight ? began === "ended" : phase === "before") wrong++;
      }
    }),
  );
  while (calls < callers.length * 3) await new Promise((resolve) => setImmediate(resolve));
  phase = "ending";
  await end();
  phase = "ended";
  await Promise.all(callers);
  assert.deepEqual({ wrong, late }, { wrong: 0, late: callers.length });
}

describe("replicas", { skip: (await noPostgres()) ?? false }, () => {
  test(`verify none of ${SESSIONS} sessions after the ban of their user, whichever is asked`, async (t) => {
    const { replicas } = await startReplicas(t, REPLICAS);
    await pick(replicas, 0).users.createUser({ userId: "u" });
    const tokens = await each(SESSIONS, async (index) => {
      const { token } = await pick(replicas, index).sessions.createSession({ userId: "u" });
      return token;
    });
    const isActive = async ({ sessions }: Running, index: number): Promise<boolean> => {
      const key = { case: "token", value: tokens[index % SESSIONS] ?? "" } as const;
      return (await sessions.verifySession({ key })).active === true;
    };
    await endMeanwhile(replicas, isActive, () => pick(replicas, 1).users.banUser({ userId: "u" }));
    const active = await each(SESSIONS, (index) => isActive(pick(replicas, index + 1), index));
    assert.deepEqual(active.filter(Boolean), []);
  });

  test("admit nothing by a key after its revocation, neither reads nor writes", async (t) => {
    const { replicas } = await startReplicas(t, REPLICAS);
    await pick(replicas, 0).users.createUser({ userId: "u" });
    for (let round = 0; round < KEYS; round++) {
      const { secret, apiKey } = await pick(replicas, round).keys.createApiKey({ role: "operator" });
      const clients = new Map(replicas.map(({ url }) => [url, clientsOf(url, secret)]));
      const isAdmitted = async ({ url }: Running, index: number): Promise<boolean> => {
        const { users } = clients.get(url) ?? assert.fail();
        const call =
          index % 3 === 0
            ? users.getUser({ userId: "u" })
            : index % 3 === 1
              ? users.listUsers({})
              : users.updateUser({
                  userId: "u",
                  profile: { givenName: `${index}` },
                  updateMask: { paths: ["profile"] },
                });
        const reason = await call.then(
          () => "",
          async (error: unknown) => (await refusalOf(Promise.reject(error))).reason,
        );
        // An address with many failures learns no more than that.
        assert.match(reason, /^(?:CREDENTIAL_INVALID|AUTHENTICATION_RATE)?$/);
        return reason === "";
      };
      const { keys } = pick(replicas, round + 1);
      await endMeanwhile(replicas, isAdmitted, () => keys.revokeApiKey({ apiKeyId: apiKey?.apiKeyId ?? "" }));
    }
  });
});
