/** Limits on how often who may call, through every wire: who is let in, who is told to come back when, and what it costs. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { connect, type IncomingHttpHeaders } from "node:http2";
import { describe, type TestContext, test } from "node:test";
import { gunzipSync } from "node:zlib";
import type { Config } from "../../src/config.ts";
import { ADMIN_KEY, type Running, startService, TestClock } from "../support/service.ts";
import { RAW_WIRES, type RawAnswer, RawClient, type RawWire, readAnswer } from "../support/wires.ts";

interface Lab {
  readonly service: Running;
  readonly client: RawClient;
  readonly clock: TestClock;
}

async function open(t: TestContext, config: Partial<Config>): Promise<Lab> {
  const clock = new TestClock();
  const service = await startService(t, { clock: () => clock.now, config, isOneProcess: true });
  const client = new RawClient(service.url);
  t.after(() => client.close());
  return { service, client, clock };
}

/** `ends` false: the body is announced and never sent whole. */
async function lock(
  { client }: Lab,
  wire: RawWire,
  { key = ADMIN_KEY, address = "192.0.2.1", ends = true } = {},
): Promise<RawAnswer> {
  const request = wire.request("LockUser", { userId: "nobody" });
  const headers = { ...request.headers, authorization: `Bearer ${key}`, "x-forwarded-for": address };
  return client.send(wire.http, { ...request, headers, ends });
}

function reasonOf(answer: RawAnswer): string {
  const said = readAnswer(answer);
  return typeof said === "object" ? said.reason : String(said);
}

function assertLimited(answer: RawAnswer, wire: RawWire, reason: string): void {
  const said = readAnswer(answer);
  assert.ok(typeof said === "object", wire.name);
  assert.deepEqual([said.code, said.reason], ["ResourceExhausted", reason], wire.name);
  if (!wire.name.startsWith("REST")) return;
  assert.deepEqual([answer.status, answer.headers["retry-after"]], [429, "2"], wire.name);
}

/** A proxy that is believed lets one test be many addresses. */
const trustedProxies = [{ address: "127.0.0.1", prefix: 32 }];

describe("--rate-limit-address", () => {
  test("the burst passes, the next call is answered when to come back, before its body is read, on every wire", async (t) => {
    const lab = await open(t, { trustedProxies, rateLimitAddress: { perSecond: 0.5, burst: 3 } });
    for (const [index, wire] of RAW_WIRES.entries()) {
      const address = `192.0.2.${index}`;
      for (const key of [ADMIN_KEY, "wrong", ADMIN_KEY]) {
        const reason = reasonOf(await lock(lab, wire, { address, key }));
        assert.equal(reason, key === "wrong" ? "CREDENTIAL_INVALID" : "USER_NOT_FOUND", wire.name);
      }
      const refused = await lock(lab, wire, { address, ends: false });
      assertLimited(refused, wire, "ADDRESS_RATE");
      assert.equal(reasonOf(await lock(lab, wire, { address: `198.51.100.${index}` })), "USER_NOT_FOUND");
      lab.clock.advance(2000);
      assert.equal(reasonOf(await lock(lab, wire, { address })), "USER_NOT_FOUND");
      assert.equal(reasonOf(await lock(lab, wire, { address })), "ADDRESS_RATE");
    }
  });

  test("counts an IPv6 address by its network", async (t) => {
    const lab = await open(t, { trustedProxies, rateLimitAddress: { perSecond: 1, burst: 1 } });
    const wire = RAW_WIRES[0] as RawWire;
    assert.equal(reasonOf(await lock(lab, wire, { address: "2001:db8:0:1::1" })), "USER_NOT_FOUND");
    assert.equal(reasonOf(await lock(lab, wire, { address: "2001:db8:0:1:ffff::2" })), "ADDRESS_RATE");
    assert.equal(reasonOf(await lock(lab, wire, { address: "2001:db8:0:2::1" })), "USER_NOT_FOUND");
  });

  /** What needs no credential, and is not a probe: the request, and its answer while it is not limited. */
  const STRAYS: readonly (readonly [method: string, path: string, contentType: string, status: number])[] = [
    ["GET", "/docs", "", 200],
    ["GET", "/openapi.json", "", 200],
    ["GET", "/docs/nothing", "", 404],
    ["PUT", "/docs", "", 405],
    ["GET", "/nothing", "", 404],
    ["GET", "/v1/users/%ff", "", 400],
    ["PUT", "/v1/users", "", 405],
    ["OPTIONS", "/v1/users", "", 204],
    ["POST", "/lockkeeper.user.v1.UserService/LockUser", "text/html", 415],
    ["POST", "/lockkeeper.user.v1.UserService/LockUser", "", 415],
    ["PUT", "/lockkeeper.user.v1.UserService/LockUser", "application/json", 405],
    ["OPTIONS", "/lockkeeper.user.v1.UserService/LockUser", "", 204],
  ];

  test("counts what needs no credential like calls, once each, and probes never", async (t) => {
    const lab = await open(t, { trustedProxies, rateLimitAddress: { perSecond: 0.5, burst: 1 } });
    const wire = RAW_WIRES[0] as RawWire;
    for (const [index, [method, path, contentType, status]] of STRAYS.entries()) {
      const name = `${method} ${path} ${contentType}`;
      const address = `192.0.2.${index}`;
      const ask = async (): Promise<readonly [status: number, body: string, retryAfter: string | null]> => {
        const headers = { "x-forwarded-for": address, ...(contentType === "" ? {} : { "content-type": contentType }) };
        const answer = await fetch(lab.service.url + path, { method, headers });
        return [answer.status, await answer.text(), answer.headers.get("retry-after")];
      };
      assert.equal((await ask())[0], status, name);
      const [refusedStatus, body, retryAfter] = await ask();
      assert.equal(refusedStatus, 429, name);
      assert.match(body, /calls from \W*192\.0\.2\.\d+\W* are limited to 30 a minute and 1 at once/, name);
      if (!path.startsWith("/lockkeeper.")) assert.equal(retryAfter, "2", name);
      assert.equal(reasonOf(await lock(lab, wire, { address })), "ADDRESS_RATE", name);
      lab.clock.advance(2000);
      assert.equal((await ask())[0], status, `${name}, later`);
    }
  });

  test("counts reflection, and tells of it in gRPC", async (t) => {
    const { service } = await open(t, { rateLimitAddress: { perSecond: 0.001, burst: 1 } });
    const session = connect(service.url);
    t.after(() => session.destroy());
    const ask = async (): Promise<string> => {
      const stream = session.request({
        ":method": "POST",
        ":path": "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo",
        "content-type": "application/grpc",
        te: "trailers",
      });
      let status = "";
      const note = (headers: IncomingHttpHeaders): void => {
        status = String(headers["grpc-status"] ?? status);
      };
      stream.on("response", note).on("trailers", note).resume();
      stream.end();
      await once(stream, "close");
      return status;
    };
    assert.equal(await ask(), "0");
    assert.equal(await ask(), "8");
  });

  test("does not hold for probes", async (t) => {
    const { service } = await open(t, { rateLimitAddress: { perSecond: 0.001, burst: 1 } });
    for (let i = 0; i < 5; i++) {
      assert.equal((await fetch(`${service.url}/healthz`)).status, 200);
      assert.equal((await fetch(`${service.url}/readyz`)).status, 200);
      const check = await fetch(`${service.url}/grpc.health.v1.Health/Check`, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: "{}",
      });
      assert.deepEqual(await check.json(), { status: "SERVING" });
    }
  });
});

describe("--rate-limit-caller", () => {
  test("one key is limited wherever it calls from, others are not, on every wire", async (t) => {
    const lab = await open(t, { rateLimitCaller: { perSecond: 0.5, burst: 2 }, trustedProxies });
    for (const wire of RAW_WIRES) {
      lab.clock.advance(4000);
      const { secret: key } = await lab.service.keys.createApiKey({ role: "operator", displayName: wire.name });
      for (const address of ["192.0.2.1", "192.0.2.2"]) {
        assert.equal(reasonOf(await lock(lab, wire, { key, address })), "USER_NOT_FOUND", wire.name);
      }
      assertLimited(await lock(lab, wire, { key, address: "192.0.2.3", ends: false }), wire, "CALLER_RATE");
      assert.equal(reasonOf(await lock(lab, wire)), "USER_NOT_FOUND", wire.name);
      // Callers without a credential take nothing away from those with one.
      assert.equal(reasonOf(await lock(lab, wire, { key: "wrong" })), "CREDENTIAL_INVALID", wire.name);
      lab.clock.advance(2000);
      assert.equal(reasonOf(await lock(lab, wire, { key })), "USER_NOT_FOUND", wire.name);
    }
    const limited = lab.service
      .log()
      .match(/"actor":"key:[^"]+","rpc":"[^"]+","code":"RESOURCE_EXHAUSTED","reason":"CALLER_RATE"/g);
    assert.equal(limited?.length, RAW_WIRES.length);
  });
});

test("by default nobody with a right key is limited, however many other calls fail", async (t) => {
  const lab = await open(t, {});
  const wire = RAW_WIRES.find(({ name }) => name === "gRPC, HTTP/2") as RawWire;
  const answers = await Promise.all(
    Array.from({ length: 400 }, (_, i) => lock(lab, wire, i % 2 === 0 ? {} : { key: "wrong" })),
  );
  const reasons = answers.map(reasonOf);
  assert.equal(reasons.filter((reason) => reason === "USER_NOT_FOUND").length, 200);
  assert.equal(reasons.filter((reason) => reason === "CREDENTIAL_INVALID").length, 20);
  assert.equal(reasons.filter((reason) => reason === "AUTHENTICATION_RATE").length, 180);
});

describe("what anybody may read", () => {
  const MIB = 1024 * 1024;

  test("is given to an address at a bounded rate, as gzip where that is taken", async (t) => {
    const { client, clock } = await open(t, { trustedProxies });
    const read = (headers: Readonly<Record<string, string>>): Promise<RawAnswer> =>
      client.send("1.1", { method: "GET", path: "/openapi.json", headers, body: new Uint8Array() });
    const flood = { "x-forwarded-for": "192.0.2.1" };
    const zipped = await read({ "accept-encoding": "gzip", "x-forwarded-for": "192.0.2.2" });
    const plain = await read({ "x-forwarded-for": "192.0.2.3" });
    assert.deepEqual(gunzipSync(zipped.body), plain.body);
    assert.ok(zipped.body.byteLength < plain.body.byteLength / 5);
    assert.equal(zipped.headers.vary, "Accept-Encoding");
    assert.notEqual(zipped.headers.etag, plain.headers.etag);
    let given = 0;
    let last = await read(flood);
    while (last.status === 200 && given < 17 * MIB) {
      given += last.body.byteLength;
      last = await read(flood);
    }
    assert.ok(given <= 16 * MIB && given > 15 * MIB, `${given} bytes`);
    assert.deepEqual([last.status, reasonOf(last)], [429, "ADDRESS_RATE"]);
    assert.equal((await read({ ...flood, "if-none-match": String(plain.headers.etag) })).status, 304);
    clock.advance(1000 * Number(last.headers["retry-after"]));
    assert.equal((await read(flood)).status, 200);
  });
});
