/** Behind a proxy: whose address is logged and whose failures are counted, on every wire. */
import assert from "node:assert/strict";
import { describe, type TestContext, test } from "node:test";
import type { Config } from "../../src/config.ts";
import { type Running, startService } from "../support/service.ts";
import { RAW_WIRES, RawClient, type RawWire, readAnswer } from "../support/wires.ts";

const LOOPBACK = [{ address: "127.0.0.0", prefix: 8 }];
/** How many wrong credentials an address may show in a second. */
const FAILURES_MAX = 20;

async function open(t: TestContext, config: Partial<Config>): Promise<{ service: Running; client: RawClient }> {
  // The clock stands still, so that all failures fall into one second.
  const service = await startService(t, { clock: () => Date.UTC(2026, 0, 1), config, isOneProcess: true });
  const client = new RawClient(service.url);
  t.after(() => client.close());
  return { service, client };
}

async function guess(client: RawClient, wire: RawWire, forwarded: Readonly<Record<string, string>>): Promise<string> {
  const request = wire.request("LockUser", { userId: "alice" });
  const headers = { ...request.headers, ...forwarded, authorization: "Bearer wrong" };
  const said = readAnswer(await client.send(wire.http, { ...request, headers }));
  return typeof said === "object" ? said.reason : String(said);
}

function loggedAddresses(service: Running): ReadonlySet<unknown> {
  const lines = service.log().split("\n");
  return new Set(lines.filter((line) => line !== "").map((line) => (JSON.parse(line) as { address?: string }).address));
}

describe("X-Forwarded-For", () => {
  test("P26 of who is not trusted changes neither the log nor what failures are counted by", async (t) => {
    const { service, client } = await open(t, { trustedProxies: [{ address: "192.0.2.0", prefix: 24 }] });
    for (let i = 0; i < FAILURES_MAX; i++) {
      const wire = RAW_WIRES[i % RAW_WIRES.length] as RawWire;
      assert.equal(await guess(client, wire, { "x-forwarded-for": `203.0.113.${i}` }), "CREDENTIAL_INVALID");
    }
    // At once: each of these answers is held for about a second.
    const tooMany = RAW_WIRES.map(async (wire) => {
      const forwarded = { "x-forwarded-for": "203.0.113.99", forwarded: "for=203.0.113.98" };
      assert.equal(await guess(client, wire, forwarded), "AUTHENTICATION_RATE", wire.name);
    });
    await Promise.all(tooMany);
    assert.deepEqual(loggedAddresses(service), new Set(["127.0.0.1"]));
  });

  test("of a trusted proxy names who is logged and whose failures are counted", async (t) => {
    const { service, client } = await open(t, { trustedProxies: LOOPBACK });
    for (let i = 0; i < FAILURES_MAX; i++) {
      const wire = RAW_WIRES[i % RAW_WIRES.length] as RawWire;
      // What the client itself has put before the proxy's word differs each time.
      const forwarded = { "x-forwarded-for": `203.0.113.${i}, 192.0.2.1` };
      assert.equal(await guess(client, wire, forwarded), "CREDENTIAL_INVALID");
    }
    const others = RAW_WIRES.map(async (wire) => {
      assert.equal(await guess(client, wire, { "x-forwarded-for": "192.0.2.1" }), "AUTHENTICATION_RATE", wire.name);
      const neighbour = { "x-forwarded-for": `192.0.2.${wire.name.length}` };
      assert.equal(await guess(client, wire, neighbour), "CREDENTIAL_INVALID", wire.name);
    });
    await Promise.all(others);
    assert.ok(loggedAddresses(service).has("192.0.2.1"));
    assert.ok(!loggedAddresses(service).has("127.0.0.1"));
  });
});

describe("Forwarded", () => {
  test("is trusted instead of the other header if the setting says so", async (t) => {
    const { service, client } = await open(t, { trustedProxies: LOOPBACK, trustedProxyHeader: "forwarded" });
    for (const wire of RAW_WIRES) {
      await guess(client, wire, { forwarded: 'for="[2001:db8::1]:80"', "x-forwarded-for": "203.0.113.1" });
    }
    assert.deepEqual(loggedAddresses(service), new Set(["2001:db8::1"]));
  });
});
