/** Reads of a thread by itself: while the store's thread is busy, as new as every answer, and never of lost files. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { renameSync } from "node:fs";
import { describe, it } from "node:test";
import { Worker } from "node:worker_threads";
import { openRemoteStore } from "../../../../src/store/open-store.ts";
import { StoreHost } from "../../../../src/store/remote/store-host.ts";
import type { Store } from "../../../../src/store/store.ts";
import { context, createApiKey, createSession, createUser, revokeApiKey } from "../../support/commands.ts";
import { resourceOf } from "../../support/outcomes.ts";
import { atEnd, openFixture, type SqliteFixture, START_TIME } from "../../support/sqlite-fixture.ts";

type Ending = Parameters<typeof openFixture>[0];

/** Opens a store with several users of it, each with reads of its own. */
async function openReaders(test: Ending, count: number): Promise<SqliteFixture & { readonly readers: Store[] }> {
  const fixture = await openFixture(test);
  const host = new StoreHost(fixture.store);
  const readers: Store[] = [];
  for (let i = 0; i < count; i++) {
    const reader = await openRemoteStore(host.attach().workerData, { clock: fixture.clock.read });
    atEnd(test, () => reader.close());
    readers.push(reader);
  }
  return { ...fixture, readers };
}

function updatePolicy(policyId: string, attempts: number) {
  const values = { attemptsMax: { PASSWORD: attempts } };
  return { type: "UpdatePolicy", policyId, values, cleared: [], context: context() } as const;
}

describe("reads of a thread", () => {
  it("go on while the store's thread is busy, and see all that was answered before", async (t) => {
    const { store } = await openFixture(t, { clock: Date.now });
    const { workerData: data, transferList } = new StoreHost(store).attach();
    const go = new Int32Array(new SharedArrayBuffer(4));
    const url = new URL("../../support/reading-thread.ts", import.meta.url);
    const thread = new Worker(url, { workerData: { data, go }, transferList: [...transferList] });
    // Its last message and its exit may come in one turn.
    const exited = once(thread, "exit");
    await once(thread, "message");
    resourceOf(await store.execute(createUser("u", { profile: { username: "ada" } })));
    resourceOf(await store.execute(createSession("s", "u")));
    resourceOf(await store.execute(createApiKey("k", { role: "viewer" })));
    const { revokeTime } = resourceOf(await store.execute(revokeApiKey("k")));
    resourceOf(await store.execute(updatePolicy("default", 3)));
    Atomics.store(go, 0, 1);
    Atomics.notify(go, 0);
    assert.notEqual(Atomics.wait(go, 0, 1, 30_000), "timed-out", "the thread needed this one");
    const [found] = await once(thread, "message");
    const own = { user: 1, signIn: 3, session: "ACTIVE", organization: "default", policy: 3 };
    assert.deepEqual(found, { ...own, key: revokeTime, identified: ["u"] });
    await exited;
  });

  it("keep policies and organizations until they change", async (t) => {
    const { store, readers, connect } = await openReaders(t, 1);
    const [reader] = readers as [Store];
    resourceOf(await store.execute(createUser("u")));
    const limit = async () => (await reader.readSignIn({ userId: "u", factor: "PASSWORD" }))?.policy.attemptsMax;
    assert.equal((await limit())?.PASSWORD, 10);
    const name = async () => (await reader.readOrganization("default"))?.displayName;
    const before = await name();
    connect().exec("UPDATE organizations SET display_name = 'unknown to the log'");
    assert.equal(await name(), before);
    for (const attempts of [2, 3]) {
      resourceOf(await store.execute(updatePolicy("", attempts)));
      assert.equal((await limit())?.PASSWORD, attempts);
    }
  });

  it("do not end a session that another thread saw within its time", async (t) => {
    const { store, clock, readers } = await openReaders(t, 2);
    const [one, other] = readers as [Store, Store];
    resourceOf(await store.execute(createUser("u")));
    resourceOf(await store.execute(createSession("s", "u", { idleTimeoutMs: 100_000 })));
    const statusAt = async (reader: Store, second: number): Promise<string | undefined> => {
      clock.time = START_TIME + second * 1_000;
      return (await reader.readSession({ id: "s", scope: null }, { touch: true }))?.status;
    };
    assert.equal(await statusAt(one, 99), "ACTIVE");
    assert.equal(await statusAt(other, 198), "ACTIVE", "the row is of the beginning");
    assert.equal(await statusAt(one, 297), "ACTIVE");
    const shown = await other.readSession({ id: "s", scope: null }, { touch: false });
    assert.equal(shown?.session.lastActivityTime, START_TIME + 297_000);
    assert.equal(await statusAt(other, 398), "IDLE");
    assert.equal(await statusAt(one, 398), "IDLE");
  });

  it("have the store's clock, which no record is ahead of", async (t) => {
    const { store, clock, readers } = await openReaders(t, 1);
    const [reader] = readers as [Store];
    clock.time += 50_000;
    resourceOf(await store.execute(createUser("u")));
    clock.time -= 50_000;
    assert.equal(await reader.now(), START_TIME + 50_000);
    clock.time += 60_000;
    assert.equal(await reader.now(), START_TIME + 60_000);
  });

  it("are refused like those of the store's thread while its files are lost", async (t) => {
    const { store, path, readers } = await openReaders(t, 1);
    const [reader] = readers as [Store];
    resourceOf(await store.execute(createUser("u")));
    assert.equal((await reader.readUser("u"))?.state.sequence, 1);
    renameSync(`${path}-wal`, `${path}.away`);
    const refusal = { name: "StoreUnavailableError", message: /write-ahead log .* was moved/ };
    await assert.rejects(store.check(), refusal);
    await assert.rejects(reader.readUser("u"), refusal);
    await assert.rejects(reader.readSession({ id: "s", scope: null }, { touch: true }), refusal);
    renameSync(`${path}.away`, `${path}-wal`);
    assert.equal((await reader.readUser("u"))?.state.sequence, 1);
  });
});
