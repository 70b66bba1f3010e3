/** A thread that opens stores of the main thread and hands each one on: what uses it there has crossed twice. */
import { parentPort } from "node:worker_threads";
import { openRemoteStore } from "../../../src/store/open-store.ts";
import type { RemoteStoreData } from "../../../src/store/remote/messages.ts";
import { StoreHost } from "../../../src/store/remote/store-host.ts";
import { TestClock } from "./sqlite-fixture.ts";

const port = parentPort;
if (port === null) throw new Error("this module runs in a thread");
port.on("message", async ({ data, clock }: { readonly data: RemoteStoreData; readonly clock: TestClock["memory"] }) => {
  const store = await openRemoteStore(data, { clock: new TestClock(clock).read });
  const { workerData, transferList } = new StoreHost(store).attach();
  port.postMessage(workerData, transferList);
});
