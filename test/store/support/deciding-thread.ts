/** A thread that waits without an event loop, and then decides by what it knows. */
import { parentPort, workerData } from "node:worker_threads";
import { openRemoteStore } from "../../../src/store/open-store.ts";
import type { RemoteStoreData } from "../../../src/store/remote/messages.ts";

const { data, go } = workerData as { readonly data: RemoteStoreData; readonly go: Int32Array };
const store = await openRemoteStore(data, { clock: Date.now });
const known: string[] = [];
store.follow({
  apply: (events) => void known.push(...events.map(({ event }) => event.type)),
  reload: () => void known.push("reload"),
});
parentPort?.postMessage("ready");
Atomics.wait(go, 0, 0);
store.catchUp();
parentPort?.postMessage([...known]);
await store.close();
