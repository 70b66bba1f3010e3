/** Stores as a thread has them: the calls of a test go to the thread, and from there to the store of the test's own. */
import { once } from "node:events";
import type { TestContext } from "node:test";
import { Worker } from "node:worker_threads";
import type { Limits } from "../../../src/store/limits.ts";
import { openRemoteStore } from "../../../src/store/open-store.ts";
import type { RemoteStoreData } from "../../../src/store/remote/messages.ts";
import { StoreHost } from "../../../src/store/remote/store-host.ts";
import type { Store } from "../../../src/store/store.ts";
import { atEnd, openFixture, type SqliteFixture } from "./sqlite-fixture.ts";

type Ending = Pick<TestContext, "after">;

export interface RemoteFixture extends Omit<SqliteFixture, "store"> {
  /** The thread's store; `sweep` is the one of the store below it. */
  readonly store: Store & { sweep(): Promise<void> };
  readonly opened: SqliteFixture["store"];
  readonly host: StoreHost;
}

/** Starts a thread for the stores of one test file. It keeps no process alive. */
export function startThread(): Worker {
  const thread = new Worker(new URL("./remote-thread.ts", import.meta.url));
  thread.unref();
  return thread;
}

/** Opens a store in the test's own thread, and the same one in `thread`. */
export async function openRemoteFixture(
  test: Ending,
  thread: Worker,
  options: { readonly limits?: Partial<Limits> } = {},
): Promise<RemoteFixture> {
  const { store: opened, ...fixture } = await openFixture(test, options);
  const host = new StoreHost(opened);
  const { workerData, transferList } = host.attach();
  thread.postMessage({ data: workerData, clock: fixture.clock.memory }, transferList);
  thread.ref();
  const [data] = (await once(thread, "message")) as [RemoteStoreData];
  thread.unref();
  const remote = await openRemoteStore(data, { clock: fixture.clock.read });
  atEnd(test, async () => {
    await remote.close();
    host.close();
  });
  return { ...fixture, opened, host, store: Object.assign(remote, { sweep: () => opened.sweep() }) };
}
