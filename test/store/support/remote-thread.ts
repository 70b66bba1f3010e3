/** A thread that opens stores of the main thread and hands each one on: what uses it there has crossed twice. */
import { parentPort } from "node:worker_threads";
import { openRemoteStore } from "../../../src/store/open-store.ts";
import type { RemoteStoreData } from "../../../src/store/remote/messages.ts";
import { StoreHost } from "../../../src/store/remote/store-host.ts";

const port = parentPort;
if (port === null) throw new Error("this module runs in a thread");
port.on("message", async (data: RemoteStoreData) => {
  const { workerData, transferList } = new StoreHost(await openRemoteStore(data)).attach();
  port.postMessage(workerData, transferList);
});
