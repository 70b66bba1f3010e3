/** What a scrape shows after known traffic, who may scrape, and where. */

import assert from "node:assert/strict";
import * as http2 from "node:http2";
import { describe, test } from "node:test";
import type { JsonObject } from "@bufbuild/protobuf";
import { ROLES } from "../../src/auth/permissions.ts";
import { Metrics } from "../../src/observability/metrics.ts";
import { type StoreStats, storeMetrics } from "../../src/store/stats.ts";
import { readVersion } from "../../src/version.ts";
import { defer } from "../support/cleanup.ts";
import { type Family, parseExposition, sumOf } from "../support/exposition.ts";
import { httpRequest } from "../support/http-client.ts";
import { ADMIN_KEY, type Running, type RunOptions, startService } from "../support/service.ts";
import { until } from "../support/until.ts";
import { RAW_WIRES, RawClient } from "../support/wires.ts";

const CALLS = "lockkeeper_call_duration_seconds";
const OWN_PORT: NonNullable<RunOptions["config"]> = { metricsListen: { host: "127.0.0.1", port: 0 } };

async function scrape(service: Running): Promise<ReadonlyMap<string, Family>> {
  const url = new URL(service.metricsUrl ?? assert.fail("the metrics have no port of their own"));
  const { status, headers, text } = await httpRequest(url.origin, url.pathname, { key: null });
  assert.equal(status, 200);
  assert.equal(headers["content-type"], "text/plain; version=0.0.4; charset=utf-8");
  return parseExposition(text);
}

/** Scrapes until so many calls have ended: a client may read an answer a moment before the service notices. */
async function scrapeAfter(service: Running, calls: number): Promise<ReadonlyMap<string, Family>> {
  let families = await scrape(service);
  const isOver = async (): Promise<boolean> => {
    families = await scrape(service);
    return sumOf(families, `${CALLS}_count`) >= calls;
  };
  await until(isOver, `the end of ${calls} calls`);
  return families;
}

/** The counts of calls that are not 0, as `RPC wire code`. */
function countsOf(families: ReadonlyMap<string, Family>): Readonly<Record<string, number>> {
  const samples = families.get(CALLS)?.samples.filter(({ name }) => name === `${CALLS}_count`) ?? [];
  return Object.fromEntries(
    samples.map(({ labels: { rpc, wire, code }, value }) => [`${rpc} ${wire} ${code}`, value] as const),
  );
}

function wireOf(name: string): string {
  if (name.startsWith("gRPC-Web")) return "grpc-web";
  return name.startsWith("gRPC") ? "grpc" : name.startsWith("Connect") ? "connect" : "rest";
}

describe("the counts", () => {
  test("are correct after a known number of calls of every outcome on every wire", async (t) => {
    const service = await startService(t, { config: OWN_PORT });
    const client = new RawClient(service.url);
    defer(t, () => client.close());
    const expected: Record<string, number> = {};
    let calls = 0;
    const count = (rpc: string, wire: string, code: string): void => {
      const key = `${rpc} ${wire} ${code}`;
      expected[key] = (expected[key] ?? 0) + 1;
      calls++;
    };
    for (const [index, wire] of RAW_WIRES.entries()) {
      const userId = `u${index}`;
      const send = async (rpc: string, message: JsonObject, key: string, code: string): Promise<void> => {
        const request = wire.request(rpc, message);
        await client.send(wire.http, {
          ...request,
          headers: { ...request.headers, ...(key === "" ? {} : { authorization: `Bearer ${key}` }) },
        });
        count(`lockkeeper.user.v1.UserService/${rpc}`, wireOf(wire.name), code);
      };
      await send("CreateUser", { userId }, ADMIN_KEY, "OK");
      await send("LockUser", { userId }, ADMIN_KEY, "OK");
      for (let again = 0; again <= index % 3; again++) {
        await send("LockUser", { userId }, ADMIN_KEY, "FAILED_PRECONDITION");
      }
      await send("LockUser", { userId: "nobody" }, ADMIN_KEY, "NOT_FOUND");
      await send("LockUser", { userId }, "", "UNAUTHENTICATED");
      await send("LockUser", { userId, reasonCode: "x".repeat(1000) }, ADMIN_KEY, "INVALID_ARGUMENT");
    }
    const families = await scrapeAfter(service, calls);
    assert.deepEqual(countsOf(families), expected);
    const refusals = Object.fromEntries(
      (families.get("lockkeeper_refusals_total")?.samples ?? []).map(({ labels, value }) => [
        `${labels.code} ${labels.reason}`,
        value,
      ]),
    );
    const sum = (code: string): number =>
      Object.entries(expected).reduce((all, [key, value]) => all + (key.endsWith(` ${code}`) ? value : 0), 0);
    assert.deepEqual(refusals, {
      "FAILED_PRECONDITION USER_ALREADY_LOCKED": sum("FAILED_PRECONDITION"),
      "NOT_FOUND USER_NOT_FOUND": sum("NOT_FOUND"),
      "UNAUTHENTICATED CREDENTIAL_MISSING": sum("UNAUTHENTICATED"),
      "INVALID_ARGUMENT FIELD_INVALID": sum("INVALID_ARGUMENT"),
    });
    // Calls came one after another: no command found another one waiting.
    assert.ok(sumOf(families, "lockkeeper_batch_commands_sum") >= 2 * RAW_WIRES.length);
    assert.ok(sumOf(families, "lockkeeper_commit_duration_seconds_count") >= 2 * RAW_WIRES.length);
    assert.ok(sumOf(families, `${CALLS}_sum`) > 0);
  });

  test("separate failed authentications by reason", async (t) => {
    const service = await startService(t, { config: OWN_PORT });
    const path = "/v1/users/alice:lock";
    for (let call = 0; call < 24; call++) {
      await httpRequest(service.url, path, { method: "POST", key: `${ADMIN_KEY}x` });
    }
    await httpRequest(service.url, path, { method: "POST", key: null });
    const families = await scrapeAfter(service, 25);
    const refused = (reason: string): number => sumOf(families, "lockkeeper_refusals_total", { reason });
    assert.equal(refused("CREDENTIAL_INVALID") + refused("AUTHENTICATION_RATE"), 24);
    assert.ok(refused("AUTHENTICATION_RATE") > 0);
    assert.equal(refused("CREDENTIAL_MISSING"), 1);
  });

  test("count every call that is not an RPC under one label", async (t) => {
    const service = await startService(t, { config: OWN_PORT });
    for (const path of ["/nothing", "/v1/alice", "/lockkeeper.user.v1.UserService/NoSuch", "/v1/users/a/b/c", "/%ff"]) {
      await httpRequest(service.url, path);
    }
    for (let call = 0; call < 50; call++) {
      await httpRequest(service.url, `/secret-${call}`, { method: "PUT", body: "{}" });
    }
    const families = await scrapeAfter(service, 55);
    assert.deepEqual([...new Set(families.get(CALLS)?.samples.map(({ labels }) => labels.rpc))], ["unmatched"]);
  });
});

describe("a scrape", () => {
  test("follows the naming rules: units are base units, and every metric has a help text", async (t) => {
    const families = await scrape(await startService(t, { config: OWN_PORT }));
    const own = [...families.values()].filter(({ name }) => name.startsWith("lockkeeper_"));
    assert.ok(own.length >= 20);
    for (const { name, type, help, samples } of own) {
      assert.match(name, /^lockkeeper_[a-z]+(?:_[a-z]+)*$/);
      assert.doesNotMatch(name, /_(?:ms|milliseconds|minutes|kb|mb|kib|mib|percent|count|sum|bucket)(?:_|$)/);
      if (type !== "counter") assert.doesNotMatch(name, /_total$/);
      assert.match(help, /^[A-Z1].*[.]$/, name);
      for (const { labels } of samples) assert.ok(Object.keys(labels).every((label) => /^[a-z]+$/.test(label)));
    }
    const [build] = families.get("lockkeeper_build_info")?.samples ?? [];
    assert.deepEqual(build?.labels, { version: readVersion(), node: process.version });
    assert.ok(sumOf(families, "process_resident_memory_bytes") > 0);
  });

  test("shows the calls in progress, and whether the service is ready", async (t) => {
    const service = await startService(t, { config: OWN_PORT });
    assert.equal(sumOf(await scrape(service), "lockkeeper_requests_in_flight"), 0);
    const session = http2.connect(service.url);
    defer(t, () => session.destroy());
    for (let watcher = 0; watcher < 3; watcher++) {
      const stream = session.request({
        ":method": "POST",
        ":path": "/grpc.health.v1.Health/Watch",
        "content-type": "application/grpc",
        te: "trailers",
      });
      stream.on("error", () => undefined);
      stream.end(Buffer.alloc(5));
      await new Promise((resolve) => stream.once("data", resolve));
    }
    const controller = new AbortController();
    const watch = service.events.watchEvents({}, { signal: controller.signal })[Symbol.asyncIterator]();
    await watch.next();
    const families = await scrape(service);
    assert.equal(sumOf(families, "lockkeeper_requests_in_flight"), 4);
    const open = ["watch", "export", "verify"].map((kind) => sumOf(families, "lockkeeper_streams", { kind }));
    assert.deepEqual(open, [1, 0, 0]);
    assert.equal(sumOf(families, "lockkeeper_connections"), 2);
    assert.equal(sumOf(families, "lockkeeper_serving"), 1);
    controller.abort();
    await until(async () => sumOf(await scrape(service), "lockkeeper_streams") === 0, "the end of the stream");
    assert.ok(sumOf(families, "lockkeeper_database_bytes") > 0);
  });

  test("adds what threads count, and keeps what they had counted when they end", async () => {
    const [main, runs, ended] = [0, 1, 2].map(() => new Metrics({ version: readVersion() })) as [
      Metrics,
      Metrics,
      Metrics,
    ];
    for (const metrics of [main, runs, ended]) {
      metrics.trouble();
      metrics.call({ rpc: undefined, wire: "rest", code: "NOT_FOUND", reason: "USER_NOT_FOUND", durationMs: 1 });
    }
    main.watchThreads(async () => [runs.figures]);
    main.absorb(ended.figures);
    for (let scrape = 0; scrape < 2; scrape++) {
      const text = await main.text();
      assert.match(text, /^lockkeeper_store_troubles_total 3$/m);
      assert.match(text, /^lockkeeper_refusals_total\{.*USER_NOT_FOUND.*\} 3$/m);
      assert.match(text, /^lockkeeper_call_duration_seconds_count\{.*\} 3$/m);
    }
  });

  test("shows how long the event loop was blocked", async () => {
    const metrics = new Metrics({ version: "1.2.3" });
    const late = async (): Promise<number> => {
      const families = parseExposition(await metrics.text());
      const upTo = (le: string): number => sumOf(families, "lockkeeper_event_loop_delay_seconds_bucket", { le });
      return upTo("+Inf") - upTo("0.25");
    };
    const before = await late();
    // The thread is blocked.
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 400);
    await until(async () => (await late()) > before, "the delay");
  });

  test("shows the other metrics if the store does not answer", async () => {
    const metrics = new Metrics({ version: "1.2.3" });
    const disk: { isGone: boolean } = { isGone: false };
    const store = (): StoreStats => {
      if (disk.isGone) throw new Error("the disk is gone");
      return {
        waitingCommands: 7,
        waitingBytes: 8,
        droppedCommands: 1,
        refusedCommands: 2,
        sweepLagMs: 4000,
        checkpointAgeMs: 6000,
        openErasures: 5,
        clockBehindMs: 9_000,
        engine: [
          { name: "lockkeeper_wal_wait_seconds_total", help: "w", kind: "counter", value: 3 },
          { name: "lockkeeper_backups_under_way", help: "b", kind: "gauge", value: 1 },
        ],
      };
    };
    metrics.watch({
      store: storeMetrics(store),
      load: () => ({ requests: 1, connections: 2 }),
      serving: () => false,
      streams: () => [["watch", 4]],
    });
    metrics.trouble();
    const well = parseExposition(await metrics.text());
    assert.equal(sumOf(well, "lockkeeper_queue_commands"), 7);
    assert.equal(sumOf(well, "lockkeeper_wal_wait_seconds_total"), 3);
    assert.equal(sumOf(well, "lockkeeper_sweep_lag_seconds"), 4);
    assert.equal(sumOf(well, "lockkeeper_checkpoint_age_seconds"), 6);
    assert.equal(sumOf(well, "lockkeeper_erasures_open"), 5);
    assert.equal(sumOf(well, "lockkeeper_backups_under_way"), 1);
    assert.equal(sumOf(well, "lockkeeper_clock_behind_seconds"), 9);
    disk.isGone = true;
    await new Promise((resolve) => setImmediate(resolve));
    const broken = parseExposition(await metrics.text());
    assert.deepEqual(broken.get("lockkeeper_queue_commands")?.samples, []);
    assert.equal(sumOf(broken, "lockkeeper_connections"), 2);
    assert.equal(sumOf(broken, "lockkeeper_serving"), 0);
    assert.equal(sumOf(broken, "lockkeeper_store_troubles_total"), 1);
  });
});

describe("on the main port", () => {
  async function statusOf(service: Running, key: string | null): Promise<string> {
    const { status, text } = await httpRequest(service.url, "/metrics", { key });
    if (status === 200) return `200 ${parseExposition(text).has(CALLS)}`;
    return `${status} ${(JSON.parse(text) as { details: { reason: string }[] }).details[0]?.reason}`;
  }

  test("metrics need metrics.read on the whole instance", async (t) => {
    const service = await startService(t);
    const keyOf = async (init: Parameters<Running["keys"]["createApiKey"]>[0]): Promise<string> =>
      (await service.keys.createApiKey(init)).secret;
    const said: Record<string, string> = {};
    for (const role of Object.keys(ROLES)) said[role] = await statusOf(service, await keyOf({ role }));
    said["metrics.read alone"] = await statusOf(service, await keyOf({ permissions: ["metrics.read"] }));
    said["user.read alone"] = await statusOf(service, await keyOf({ permissions: ["user.read"] }));
    said["of one organization"] = await statusOf(service, await keyOf({ role: "viewer", organizationId: "default" }));
    said.nobody = await statusOf(service, null);
    said["a bad key"] = await statusOf(service, `${ADMIN_KEY}x`);
    assert.deepEqual(said, {
      owner: "200 true",
      operator: "200 true",
      viewer: "200 true",
      login: "403 PERMISSION_MISSING",
      auditor: "403 PERMISSION_MISSING",
      "metrics.read alone": "200 true",
      "user.read alone": "403 PERMISSION_MISSING",
      "of one organization": "403 SCOPE_EXCEEDED",
      nobody: "401 CREDENTIAL_MISSING",
      "a bad key": "401 CREDENTIAL_INVALID",
    });
  });

  test("a scrape is counted and logged with its caller like other calls", async (t) => {
    const service = await startService(t);
    await httpRequest(service.url, "/metrics");
    await httpRequest(service.url, "/metrics", { key: null });
    const { text } = await httpRequest(service.url, "/metrics");
    assert.deepEqual(countsOf(parseExposition(text)), { "metrics http OK": 1, "metrics http UNAUTHENTICATED": 1 });
    const lines = service
      .log()
      .split("\n")
      .filter((line) => line.includes('"rpc":"metrics"'));
    assert.match(lines[0] ?? "", /"actor":"key:[0-9a-f]+".*"code":"OK"/);
    assert.match(lines[1] ?? "", /"code":"UNAUTHENTICATED","reason":"CREDENTIAL_MISSING"/);
  });

  test("accepts only GET and HEAD of /metrics", async (t) => {
    const service = await startService(t);
    const posted = await httpRequest(service.url, "/metrics", { method: "POST" });
    assert.deepEqual([posted.status, posted.headers.allow], [405, "GET, HEAD"]);
    assert.equal((await httpRequest(service.url, "/metrics/all")).status, 404);
    const head = await httpRequest(service.url, "/metrics", { method: "HEAD" });
    assert.deepEqual([head.status, head.text], [200, ""]);
    assert.ok(Number(head.headers["content-length"]) > 1000);
  });
});
