/** examples/resource-server/watched-epochs: it asks once for each user, until something happens to that user. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { createLockkeeperClient } from "../../clients/typescript/src/node.ts";
import { WatchedEpochs } from "../../examples/resource-server/watched-epochs.ts";
import { defer } from "../support/cleanup.ts";
import { GENERATION, startService } from "../support/service.ts";
import { until } from "../support/until.ts";

test("P24 epochs that are kept by the feed change with a ban, and are asked for again when the stream has ended", async (t) => {
  const { users, keys, url } = await startService(t);
  const { apiKey, secret } = await keys.createApiKey({ permissions: ["session.read", "events.read"] });
  const client = createLockkeeperClient({ baseUrl: url, key: secret });
  let asked = 0;
  const checkSignIn: typeof client.signIns.checkSignIn = (...parameters) => {
    asked++;
    return client.signIns.checkSignIn(...parameters);
  };
  const controller = new AbortController();
  defer(t, () => {
    controller.abort();
    client.close();
  });
  const epochs = new WatchedEpochs(
    { signIns: { ...client.signIns, checkSignIn }, events: client.events },
    controller.signal,
  );
  await users.createUser({ userId: "ann" });
  const first = Number(GENERATION) + 1;
  const isKept = async (): Promise<boolean> => {
    const before = asked;
    await epochs.epochOf("ann");
    return asked === before;
  };
  await until(isKept, "the epoch to be kept");
  assert.equal(await epochs.epochOf("ann"), first);
  await users.banUser({ userId: "ann" });
  await until(async () => (await epochs.epochOf("ann")) === first + 1, "the epoch after the ban");
  await until(isKept, "the new epoch to be kept");
  await keys.revokeApiKey({ apiKeyId: apiKey?.apiKeyId ?? "" });
  await until(
    () =>
      epochs.epochOf("ann").then(
        () => false,
        () => true,
      ),
    "the end of the stream",
  );
});

test("epochs are forgotten after a silence, also when the stream goes on", async (t) => {
  let now = 1_000_000;
  t.mock.method(performance, "now", () => now);
  let asked = 0;
  let hear = (): void => undefined;
  const controller = new AbortController();
  defer(t, () => controller.abort());
  async function* watchEvents() {
    while (!controller.signal.aborted) {
      yield { events: [], cursor: "" };
      await new Promise<void>((resolve) => {
        hear = resolve;
      });
    }
  }
  const checkSignIn = async () => ({ decision: { revocationEpoch: BigInt(++asked) } });
  const client = { signIns: { checkSignIn }, events: { watchEvents } };
  const epochs = new WatchedEpochs(
    client as unknown as ConstructorParameters<typeof WatchedEpochs>[0],
    controller.signal,
  );
  const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
  await turn();
  assert.deepEqual([await epochs.epochOf("ann"), await epochs.epochOf("ann")], [1, 1]);
  now += 29_000;
  hear();
  await turn();
  assert.equal(await epochs.epochOf("ann"), 1);
  now += 31_000;
  hear();
  await turn();
  assert.equal(await epochs.epochOf("ann"), 2);
});
