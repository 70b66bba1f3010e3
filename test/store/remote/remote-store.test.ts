/** What is of the port alone: backups, errors, cancelled calls, and threads and stores that end. */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { describe, it } from "node:test";
import { Worker } from "node:worker_threads";
import { PageTokenError } from "../../../src/store/errors.ts";
import { openRemoteStore } from "../../../src/store/open-store.ts";
import { until } from "../../support/until.ts";
import { createApiKey, createUser, lockUser, revokeApiKey } from "../support/commands.ts";
import { resourceOf } from "../support/outcomes.ts";
import { openRemoteFixture, startThread } from "../support/remote-fixture.ts";
import { engineMetric } from "../support/sqlite-fixture.ts";

const thread = startThread();

describe("a store over a port", () => {
  it("streams a backup piece by piece, and ends the one of a reader that goes away", async (t) => {
    const { store, opened } = await openRemoteFixture(t, thread);
    const backup = await store.createBackup?.();
    assert.ok(backup);
    const hash = createHash("sha256");
    let bytes = 0;
    const pieces = backup.chunks();
    for (;;) {
      const { done, value } = await pieces.next();
      if (done) {
        assert.deepEqual(Buffer.from(value), hash.digest());
        break;
      }
      hash.update(value);
      bytes += value.length;
    }
    assert.equal(bytes, backup.info.bytes);
    const isUnderWay = (): boolean => engineMetric(opened, "lockkeeper_backups_under_way") === 1;
    assert.equal(isUnderWay(), false);

    const left = await store.createBackup?.();
    await assert.rejects(async () => store.createBackup?.(), { name: "RefusalError", message: /BACKUP_UNDER_WAY/ });
    left?.close();
    await until(() => !isUnderWay(), "the end of the backup");
  });

  it("keeps the classes of errors", async (t) => {
    const { store } = await openRemoteFixture(t, thread);
    const query = { organizationId: null, activeOnly: false, pageSize: 1, after: "no token" };
    await assert.rejects(store.listSessions(query), PageTokenError);
  });

  it("stops waiting when the caller does", async (t) => {
    const { store } = await openRemoteFixture(t, thread);
    const query = { organizationId: null, activeOnly: false, pageSize: 1 };
    const reason = new Error("gone");
    await assert.rejects(store.listSessions(query, { signal: AbortSignal.abort(reason) }), reason);
    const caller = new AbortController();
    const listed = store.listSessions(query, { signal: caller.signal });
    caller.abort(reason);
    await assert.rejects(listed, reason);
    assert.deepEqual((await store.listSessions(query)).items, []);
  });

  it("stops reading for a thread that has ended", async (t) => {
    const { opened, host } = await openRemoteFixture(t, thread);
    const { workerData } = host.attach();
    const direct = await openRemoteStore(workerData, { clock: Date.now });
    const begun = Promise.withResolvers<void>();
    let failure: unknown;
    const list = opened.listSessions.bind(opened);
    // A list that takes as long as it may.
    opened.listSessions = async (query, options) => {
      begun.resolve();
      if (options?.signal?.aborted === false) await once(options.signal, "abort");
      const page = list(query, options);
      page.catch((error: unknown) => (failure = error));
      return page;
    };
    const listed = direct.listSessions({ organizationId: null, activeOnly: false, pageSize: 1 });
    await begun.promise;
    workerData.port.close();
    await assert.rejects(listed, { name: "StoreUnavailableError" });
    await until(() => failure !== undefined, "the list to be given up");
    assert.equal((failure as Error).name, "AbortError");
  });

  it("fails no other thread when one ends in the middle of its calls", async (t) => {
    const { store, host } = await openRemoteFixture(t, thread);
    const other = startThread();
    const { workerData, transferList } = host.attach();
    other.postMessage(workerData, transferList);
    const second = host.attach();
    const direct = await openRemoteStore(second.workerData, { clock: Date.now });
    resourceOf(await store.execute(createUser("u")));
    const locked = direct.execute(lockUser("u"));
    await other.terminate();
    resourceOf(await locked);
    assert.equal((await store.readUser("u"))?.state.sequence, 2);
    await direct.close();
  });

  it("knows of a change of the configuration in the turn in which it decides, once it is answered", async (t) => {
    const { opened, host } = await openRemoteFixture(t, thread);
    const { workerData, transferList } = host.attach();
    const go = new Int32Array(new SharedArrayBuffer(4));
    const url = new URL("../support/deciding-thread.ts", import.meta.url);
    const other = new Worker(url, { workerData: { data: workerData, go }, transferList: [...transferList] });
    // Its last message and its exit may come in one turn.
    const exited = once(other, "exit");
    await once(other, "message");
    resourceOf(await opened.execute(createApiKey("k", { role: "viewer" })));
    resourceOf(await opened.execute(createUser("u")));
    resourceOf(await opened.execute(revokeApiKey("k")));
    opened.tail.lose();
    Atomics.store(go, 0, 1);
    Atomics.notify(go, 0);
    const [known] = await once(other, "message");
    assert.deepEqual(known, ["ApiKeyCreated", "ApiKeyRevoked", "reload"]);
    await exited;
  });

  it("says that the fate of a command is unknown when the store's thread is gone", async (t) => {
    const { host } = await openRemoteFixture(t, thread);
    const direct = await openRemoteStore(host.attach().workerData, { clock: Date.now });
    const command = direct.execute(createUser("u"));
    const read = direct.listOrganizations({ pageSize: 1 });
    host.close();
    await assert.rejects(command, { name: "StoreUnavailableError", outcome: "UNKNOWN" });
    await assert.rejects(read, { name: "StoreUnavailableError", outcome: undefined });
    await assert.rejects(direct.readUser("u"), { name: "StoreUnavailableError", outcome: undefined });
    await assert.rejects(direct.execute(createUser("v")), { name: "StoreUnavailableError", outcome: "NOT_APPLIED" });
  });
});
