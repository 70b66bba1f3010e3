/** Keys that another replica made: this one does not know them yet. */
import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { ApiKeyCache } from "../../src/auth/api-key-cache.ts";
import { RequestGate } from "../../src/auth/request-gate.ts";
import { createSecret, hashSecret } from "../../src/auth/secret.ts";
import { openRemoteStore } from "../../src/store/open-store.ts";
import type { RecordedEvent } from "../../src/store/queries.ts";
import { StoreHost } from "../../src/store/remote/store-host.ts";
import type { Follower, Store } from "../../src/store/store.ts";
import { createApiKey } from "../store/support/commands.ts";
import { resourceOf } from "../store/support/outcomes.ts";
import { atEnd, openFixture } from "../store/support/sqlite-fixture.ts";

const HOME = "192.0.2.1";

/** A replica's view of a store: its followers learn of a change when the replica looks at the database. */
function replicaOf(store: Store) {
  const unseen: (() => void)[] = [];
  const looks = { count: 0 };
  const replica = new Proxy(store, {
    get(target, name) {
      if (name === "follow") {
        return (follower: Follower) =>
          target.follow({
            apply: (events: readonly RecordedEvent[]) => void unseen.push(() => follower.apply(events)),
            reload: () => follower.reload(),
          });
      }
      if (name === "refresh") {
        return async () => {
          looks.count++;
          for (const tell of unseen.splice(0)) tell();
        };
      }
      const member: unknown = Reflect.get(target, name, target);
      return typeof member === "function" ? (member.bind(target) as unknown) : member;
    },
  });
  return { replica, looks };
}

async function openGate(t: TestContext, store: Store) {
  const clock = Date.now;
  const keyCache = await ApiKeyCache.open({ store, clock, onTrouble: (error) => assert.fail(String(error)) });
  atEnd(t, () => keyCache.close());
  const gate = new RequestGate({ keyCache, clock });
  return async (secret: string): Promise<string> => {
    const answer = await gate.authenticate(`Bearer ${secret}`, HOME);
    return answer.ok ? answer.actor.id : answer.refusal.reason;
  };
}

const THREADS = [
  ["the store's thread", async (_: TestContext, store: Store): Promise<Store> => store],
  [
    "a serving thread",
    async (t: TestContext, store: Store): Promise<Store> => {
      const host = new StoreHost(store as ConstructorParameters<typeof StoreHost>[0]);
      const remote = await openRemoteStore(host.attach().workerData, { clock: Date.now });
      atEnd(t, async () => {
        await remote.close();
        host.close();
      });
      return remote;
    },
  ],
] as const;

for (const [name, attach] of THREADS) {
  test(`a key that another replica made opens at once in ${name}`, async (t) => {
    const { store } = await openFixture(t);
    const { replica, looks } = replicaOf(store);
    const ask = await openGate(t, await attach(t, replica));
    const secret = createSecret("k1");
    resourceOf(await store.execute(createApiKey("k1", { secretHash: hashSecret(secret) })));
    assert.equal(await ask(secret), "key:k1");
    assert.equal(looks.count, 1);
    assert.equal(await ask(secret), "key:k1");
    assert.equal(looks.count, 1, "a known key costs no look at the database");
  });

  test(`many wrong keys cost one look at the database in ${name}`, async (t) => {
    const { store } = await openFixture(t);
    const { replica, looks } = replicaOf(store);
    const ask = await openGate(t, await attach(t, replica));
    const answers = await Promise.all(Array.from({ length: 10 }, (_, index) => ask(createSecret(`k${index}`))));
    assert.deepEqual(new Set(answers), new Set(["CREDENTIAL_INVALID"]));
    assert.equal(looks.count, 1);
  });
}

test("a wrong key is refused although the database cannot be asked", async (t) => {
  const { store } = await openFixture(t);
  const { replica } = replicaOf(store);
  const ask = await openGate(
    t,
    Object.create(replica, { refresh: { value: () => Promise.reject(new Error("gone")) } }),
  );
  assert.equal(await ask(createSecret("k1")), "CREDENTIAL_INVALID");
});
