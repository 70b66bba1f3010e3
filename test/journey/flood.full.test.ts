/** Floods of strangers: they cost no read of the store, and callers with a key are served meanwhile. */
import assert from "node:assert/strict";
import { randomUUIDv7 } from "node:crypto";
import { once } from "node:events";
import { connect } from "node:net";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import type { Admission } from "../../src/auth/admission.ts";
import { ApiKeyCache } from "../../src/auth/api-key-cache.ts";
import { RequestGate } from "../../src/auth/request-gate.ts";
import { hashSecret } from "../../src/auth/secret.ts";
import { createLog } from "../../src/observability/log.ts";
import { createReflection, mounts } from "../../src/server/serving/mounts.ts";
import { ListLanes } from "../../src/service/list-lanes.ts";
import { createOperations } from "../../src/service/operations/operations.ts";
import { createStreamPlaces } from "../../src/service/stream-places.ts";
import { openSqliteStore } from "../../src/store/sqlite/sqlite-store.ts";
import { Health } from "../../src/transport/builtin/health.ts";
import { createTransport } from "../../src/transport/transport.ts";
import { createApiKey, createOrganization, createUser } from "../store/support/commands.ts";
import { defer } from "../support/cleanup.ts";
import { scaled } from "../support/scale.ts";
import { ADMIN_KEY, clientsOf, startService, temporaryFolder } from "../support/service.ts";
import { RAW_WIRES, RawClient, readAnswer } from "../support/wires.ts";

const REQUESTS = scaled({ quick: 120, soak: 100_000 });
/** Both ends of each are open files of this process. */
const SLOW = scaled({ quick: 100, soak: 8_000 });
/** Most wait about a second for their answers. */
const AT_ONCE = scaled({ quick: 60, soak: 1_000 });
const STRANGERS = [{}, { authorization: "Bearer wrong" }, { authorization: "Basic eDp5" }];

/** A real service whose store notes each time it is asked for something. */
async function openCounting(t: TestContext): Promise<{ url: string; asked: string[] }> {
  const clock = Date.now;
  const store = await openSqliteStore({ path: join(await temporaryFolder(t), "a.db"), clock });
  defer(t, () => store.close());
  await store.execute(createOrganization("default"));
  await store.execute(createApiKey("owner", { secretHash: hashSecret(ADMIN_KEY) }));
  await store.execute(createUser("alice"));
  const keyCache = await ApiKeyCache.open({ store, clock, onTrouble: (error) => assert.fail(String(error)) });
  defer(t, () => keyCache.close());
  const asked: string[] = [];
  const noted = new Proxy(store, {
    get(target, name) {
      const member: unknown = Reflect.get(target, name, target);
      if (typeof member !== "function") return member;
      return (...args: unknown[]): unknown => {
        asked.push(String(name));
        return Reflect.apply(member, target, args) as unknown;
      };
    },
  });
  const health = new Health();
  const gate = new RequestGate({ keyCache, clock });
  const log = createLog({ level: "off", format: "json", clock, sink: () => undefined });
  const operations = createOperations({ store: noted, gate, newId: randomUUIDv7, lists: new ListLanes() });
  const streams = createStreamPlaces({ streamsMax: 1, streamsOfCallerMax: 1 });
  const transport = createTransport<Admission | undefined>({
    mounts: mounts({ operations, store: noted, keyCache, gate, health, reflection: createReflection(), streams, log }),
    newCallId: randomUUIDv7,
    finished: () => undefined,
    logInternal: (error) => assert.fail(String(error)),
    health,
  });
  defer(t, () => transport.stop({ graceMs: 0 }));
  const { url } = await transport.listen({ host: "127.0.0.1", port: 0 });
  return { url, asked };
}

/** Over all wires in turn; answers how many were refused as they should be. */
async function flood(url: string, requests: number): Promise<number> {
  const client = new RawClient(url, 60_000);
  let [next, refused] = [0, 0];
  const stranger = async (): Promise<void> => {
    for (let index = next++; index < requests; index = next++) {
      const wire = RAW_WIRES[index % RAW_WIRES.length];
      if (wire === undefined) return;
      const request = wire.request("LockUser", { userId: "alice" });
      const headers = { ...request.headers, ...STRANGERS[index % STRANGERS.length] };
      const said = readAnswer(await client.send(wire.http, { ...request, headers }));
      if (typeof said === "object" && /^(?:CREDENTIAL_|AUTHENTICATION_RATE)/.test(said.reason)) refused++;
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, stranger));
  client.close();
  return refused;
}

test("strangers cost no look at the store", async (t) => {
  const { url, asked } = await openCounting(t);
  assert.equal(await flood(url, REQUESTS), REQUESTS);
  assert.deepEqual(asked, []);
  await clientsOf(url, ADMIN_KEY).users.lockUser({ userId: "alice" });
  assert.notEqual(asked.length, 0, "the store is asked for those who may");
});

test("callers with a key are served while strangers call and hold slow connections", async (t) => {
  const { url, users } = await startService(t);
  await users.createUser({ userId: "alice" });
  const { hostname, port } = new URL(url);
  for (let i = 0; i < SLOW; i++) {
    const socket = connect(Number(port), hostname);
    socket.on("error", () => undefined);
    t.after(() => socket.destroy());
    await once(socket, "connect");
    socket.write("POST /v1/users HTTP/1.1\r\nHost: a\r\nX-Slow: ");
  }
  const flooded = flood(url, REQUESTS);
  for (let i = 0; i < 50; i++) {
    await users.lockUser({ userId: "alice" });
    await users.unlockUser({ userId: "alice" });
  }
  assert.equal(await flooded, REQUESTS);
  const { events } = await users.listUserEvents({ userId: "alice", pageSize: 1000 });
  assert.equal(events.length, 101);
});

test("an address that is refused too often gets its answers late, and its neighbours with a key do not", async (t) => {
  const { url, users } = await startService(t);
  await users.createUser({ userId: "alice" });
  let told = 0;
  const strangers = Array.from({ length: 60 }, async () => {
    const answer = await fetch(`${url}/v1/users/alice`);
    told += 1;
    return answer.status;
  });
  // While the first refusals come in, no later than the twentieth.
  while (told < 20) await new Promise((resolve) => setImmediate(resolve));
  await users.lockUser({ userId: "alice" });
  assert.ok(told < 40, `${told} of 60 were answered before a call with a key was answered`);
  assert.deepEqual(new Set(await Promise.all(strangers)), new Set([401]));
});
