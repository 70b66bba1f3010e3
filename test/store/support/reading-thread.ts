/** A thread that reads while the store's thread is busy, and says what it found. */
import { parentPort, workerData } from "node:worker_threads";
import { openRemoteStore } from "../../../src/store/open-store.ts";
import type { RemoteStoreData } from "../../../src/store/remote/messages.ts";

const { data, go } = workerData as { readonly data: RemoteStoreData; readonly go: Int32Array };
const store = await openRemoteStore(data, { clock: Date.now });
parentPort?.postMessage("ready");
Atomics.wait(go, 0, 0);
const signIn = await store.readSignIn({ userId: "u", factor: "PASSWORD" });
const session = await store.readSession({ id: "s", scope: null }, { touch: true });
const found = {
  user: (await store.readUser("u"))?.state.sequence,
  signIn: signIn?.policy.attemptsMax.PASSWORD,
  session: session?.status,
  organization: (await store.readOrganization("default"))?.id,
  policy: (await store.readPolicy("default"))?.values.attemptsMax?.PASSWORD,
  key: (await store.readApiKey({ id: "k" }))?.revokeTime,
  identified: await store.findByIdentifier("default", "Ada"),
};
parentPort?.postMessage(found);
Atomics.store(go, 0, 2);
Atomics.notify(go, 0);
await store.close();
