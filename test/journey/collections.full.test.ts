/** What a call leaves among the old objects of the heap stays until all of the heap is collected, which every call pays. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { createRequire } from "node:module";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import * as grpc from "@grpc/grpc-js";
import { defer } from "../support/cleanup.ts";
import { ADMIN_KEY, type Child, spawnService, temporaryFolder } from "../support/service.ts";

/** Of Node, as the launcher sets them. */
const { NODE_OPTIONS } = createRequire(import.meta.url)("../../bin/memory.cjs") as {
  readonly NODE_OPTIONS: readonly string[];
};
/** Until V8 has optimized Node's streams: before that it keeps each closure until a full collection. */
const WARM_UP_CALLS = 24_000;
const CALLS = 16_000;
const CONNECTIONS = 8;
const IN_FLIGHT = 128;
/** A call leaves 300 to 600 bytes: Node makes the values of its headers there. With its stream these are 4,000 and more. */
const COLLECTIONS_MAX = 2;

/** Makes one call. `lane`: its number, below IN_FLIGHT. */
type Call = (lane: number) => Promise<void>;

test("a call over gRPC leaves next to nothing among the old objects", async (t) => {
  const child = await spawnService(t, {
    path: join(await temporaryFolder(t), "lockkeeper.db"),
    nodeArguments: [...NODE_OPTIONS, "--import", join(import.meta.dirname, "../support/collections-probe.ts")],
    channel: true,
  });
  const call = connectGrpc(t, new URL(child.url));
  await makeCalls(call, WARM_UP_CALLS);
  const before = await collectionsOf(child);
  await makeCalls(call, CALLS);
  const collections = (await collectionsOf(child)) - before;
  t.diagnostic(`${CALLS} calls: ${collections} collections of the whole heap`);
  assert.ok(collections <= COLLECTIONS_MAX, `${collections} collections`);
});

async function makeCalls(call: Call, count: number): Promise<void> {
  let left = count;
  const run = async (lane: number): Promise<void> => {
    while (left-- > 0) await call(lane);
  };
  await Promise.all(Array.from({ length: IN_FLIGHT }, (_, lane) => run(lane)));
}

async function collectionsOf({ process: child }: Child): Promise<number> {
  child.send("count");
  const [count] = (await once(child, "message")) as [number];
  return count;
}

/** WhoAmI, whose request is empty. */
function connectGrpc(t: TestContext, { host }: URL): Call {
  // Else all clients share one connection.
  const options = { "grpc.use_local_subchannel_pool": 1 };
  const clients = Array.from(
    { length: CONNECTIONS },
    () => new grpc.Client(host, grpc.credentials.createInsecure(), options),
  );
  defer(t, () => {
    for (const client of clients) client.close();
  });
  const metadata = new grpc.Metadata();
  metadata.set("authorization", `Bearer ${ADMIN_KEY}`);
  const asIs = (bytes: Buffer): Buffer => bytes;
  const path = "/lockkeeper.admin.v1.AdminService/WhoAmI";
  return (lane) =>
    new Promise((resolve, reject) => {
      clients[lane % CONNECTIONS]?.makeUnaryRequest(path, asIs, asIs, Buffer.alloc(0), metadata, (error) =>
        error === null ? resolve() : reject(error),
      );
    });
}
