/** Traces: the settings, and what a real receiver gets from real calls. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { describe, type TestContext, test } from "node:test";
import { readTraceSettings, type TraceSettings } from "../../src/observability/traces.ts";
import { readVersion } from "../../src/version.ts";
import { defer } from "../support/cleanup.ts";
import { ADMIN_KEY, type Child, ended, spawnService, temporaryFolder } from "../support/service.ts";
import { RAW_WIRES, RawClient, type RawWire } from "../support/wires.ts";
import { type ReceivedSpan, type Receiver, startReceiver } from "./support/otlp-receiver.ts";

const LOCK_USER = "lockkeeper.user.v1.UserService/LockUser";
const CLOCK_NS = 5_000_000n;
const PARENT_SPAN = "00f067aa0ba902b7";

interface Traced {
  readonly receiver: Receiver;
  readonly child: Child;
  readonly client: RawClient;
}

async function startTraced(t: TestContext, environment: Readonly<Record<string, string>> = {}): Promise<Traced> {
  const receiver = await startReceiver(t);
  const child = await spawnService(t, {
    path: join(await temporaryFolder(t), "lockkeeper.db"),
    arguments: ["--log-level", "info", "--log-format", "json"],
    environment: { OTEL_EXPORTER_OTLP_ENDPOINT: receiver.url, OTEL_BSP_SCHEDULE_DELAY: "50", ...environment },
  });
  const client = new RawClient(child.url);
  defer(t, () => client.close());
  return { receiver, child, client };
}

async function send(
  { client }: Traced,
  wire: RawWire,
  rpc: string,
  userId: string,
  headers: Readonly<Record<string, string>> = {},
): Promise<void> {
  const request = wire.request(rpc, { userId });
  await client.send(wire.http, {
    ...request,
    headers: { ...request.headers, authorization: `Bearer ${ADMIN_KEY}`, ...headers },
  });
}

/** A trace id that identifies its sender. */
const traceIdOf = (index: number): string => `4bf92f3577b34da6a3ce929d0e0e${index.toString(16).padStart(4, "0")}`;
const REST = RAW_WIRES.find(({ name }) => name === "REST, HTTP/1.1") as RawWire;

function serverSpans(receiver: Receiver, name = LOCK_USER): readonly ReceivedSpan[] {
  return receiver.spans.filter((span) => span.kind === 2 && span.name === name);
}

describe("a receiver", { concurrency: 2 }, () => {
  test("gets one span per call on every wire, below the caller's, with the store's below it; logs name the trace", async (t) => {
    const traced = await startTraced(t, {
      OTEL_EXPORTER_OTLP_HEADERS: "x-tenant=lab",
      OTEL_SERVICE_NAME: "locks",
      OTEL_RESOURCE_ATTRIBUTES: "deployment.environment.name=test",
    });
    const { receiver, child } = traced;
    for (const [index, wire] of RAW_WIRES.entries()) {
      const traceparent = `00-${traceIdOf(index)}-${PARENT_SPAN}-01`;
      await send(traced, wire, "CreateUser", `alice-${index}`);
      await send(traced, wire, "LockUser", `alice-${index}`, { traceparent, tracestate: "congo=t61rcWkgMzE" });
    }
    await receiver.until(() => serverSpans(receiver).length === RAW_WIRES.length);
    await receiver.until(() => receiver.spans.filter(({ kind }) => kind === 3).length === 2 * RAW_WIRES.length);
    for (const [index, wire] of RAW_WIRES.entries()) {
      const span = serverSpans(receiver).find(({ traceId }) => traceId === traceIdOf(index));
      assert.ok(span !== undefined, wire.name);
      assert.deepEqual([span.parentSpanId, span.traceState, span.status], [PARENT_SPAN, "congo=t61rcWkgMzE", 0]);
      checkAttributes(span, wire);
      const [below, ...others] = receiver.spans.filter(({ parentSpanId }) => parentSpanId === span.spanId);
      assert.ok(below !== undefined && others.length === 0, wire.name);
      assert.deepEqual(
        [below.traceId, below.name, below.kind, below.attributes],
        [span.traceId, "LockUser", 3, { "db.system.name": "sqlite", "db.operation.name": "LockUser" }],
      );
      // Each span takes the wall clock at its own start, so that corrections of the clock make spans differ.
      const isWithin = span.startTime - CLOCK_NS <= below.startTime && below.endTime <= span.endTime + CLOCK_NS;
      assert.ok(isWithin && below.startTime < below.endTime, wire.name);
      const line =
        child
          .stderr()
          .split("\n")
          .find((each) => each.includes(span.traceId)) ?? "";
      const logged = JSON.parse(line) as Record<string, string>;
      assert.deepEqual([logged.span_id, logged.callId], [span.spanId, span.attributes["lockkeeper.call_id"]]);
    }
    checkResource(receiver);
    // User ids must not leave the service.
    assert.doesNotMatch(
      JSON.stringify(receiver.spans.map(({ attributes, name }) => [name, attributes])),
      /alice|127\.0/,
    );
  });

  test("gets errors as errors, refusals with their codes, and a new trace for an invalid trace context", async (t) => {
    const traced = await startTraced(t);
    const { receiver, client } = traced;
    await send(traced, REST, "LockUser", "nobody");
    await client.send("1.1", { path: "/v1/secret-path", headers: {}, body: Buffer.of(), method: "GET" });
    await client.send("1.1", { path: "/healthz", headers: {}, body: Buffer.of(), method: "GET" });
    const malformed = [
      "nonsense",
      `00-${"0".repeat(32)}-${PARENT_SPAN}-01`,
      `00-${traceIdOf(1)}-${"0".repeat(16)}-01`,
      `ff-${traceIdOf(1)}-${PARENT_SPAN}-01`,
      `00-${traceIdOf(1).toUpperCase()}-${PARENT_SPAN}-01`,
      `00-${traceIdOf(1)}-${PARENT_SPAN}-01-more`,
      `00-${traceIdOf(1)}-${PARENT_SPAN}`,
      `00-${traceIdOf(1)}-${PARENT_SPAN}-01, 00-${traceIdOf(2)}-${PARENT_SPAN}-01`,
    ];
    for (const [index, traceparent] of malformed.entries()) {
      await send(traced, REST, "CreateUser", `u${index}`, { traceparent, tracestate: "a=b" });
    }
    await send(traced, REST, "CreateUser", "later", {
      traceparent: `cc-${traceIdOf(7)}-${PARENT_SPAN}-01-what-will-be`,
    });
    const created = "lockkeeper.user.v1.UserService/CreateUser";
    await receiver.until(() => serverSpans(receiver, created).length === malformed.length + 1);
    const [refused] = serverSpans(receiver);
    assert.deepEqual(
      [refused?.status, refused?.attributes["rpc.status_code"], refused?.attributes["error.type"]],
      [0, "NOT_FOUND", "NOT_FOUND"],
    );
    assert.equal(refused?.attributes["lockkeeper.reason"], "USER_NOT_FOUND");
    assert.equal(refused?.attributes["http.response.status_code"], 404);
    assert.deepEqual([serverSpans(receiver, "unmatched").length, serverSpans(receiver, "call").length], [1, 0]);
    const spans = serverSpans(receiver, created);
    const own = spans.filter(({ parentSpanId }) => parentSpanId === "");
    assert.equal(own.length, malformed.length);
    assert.ok(own.every(({ traceId, traceState }) => !traceId.startsWith("4bf92f35") && traceState === ""));
    assert.equal(spans.find(({ parentSpanId }) => parentSpanId === PARENT_SPAN)?.traceId, traceIdOf(7));
    assert.doesNotMatch(JSON.stringify(receiver.spans.map(({ attributes }) => attributes)), /secret/);
  });

  test("gets the buffered spans when the service stops", async (t) => {
    const traced = await startTraced(t, { OTEL_BSP_SCHEDULE_DELAY: "600000" });
    await send(traced, REST, "CreateUser", "alice");
    assert.equal(traced.receiver.spans.length, 0);
    traced.child.process.kill("SIGTERM");
    assert.equal(await ended(traced.child), 0);
    assert.deepEqual(traced.receiver.spans.map(({ kind }) => kind).sort(), [2, 3]);
  });

  test("that does not answer delays no call, and the stop only briefly", async (t) => {
    const silent = await startReceiver(t, { answers: false });
    const traced = await startTraced(t, { OTEL_EXPORTER_OTLP_ENDPOINT: silent.url });
    await send(traced, REST, "CreateUser", "alice");
    await silent.until(() => silent.requests.length > 0);
    await send(traced, REST, "LockUser", "alice");
    assert.equal(silent.givenUp(), 0, "the answer came while the first export was still waited for");
    traced.child.process.kill("SIGTERM");
    assert.equal(await ended(traced.child), 0);
    assert.match(traced.child.stderr(), /the receiver accepted none within 3000 ms/);
  });

  test("gets the share that the sampler selects, and no spans of callers that do not sample", async (t) => {
    const never = await startTraced(t, {
      OTEL_TRACES_SAMPLER: "parentbased_traceidratio",
      OTEL_TRACES_SAMPLER_ARG: "0",
    });
    await send(never, REST, "CreateUser", "a");
    await send(never, REST, "CreateUser", "b", { traceparent: `00-${traceIdOf(1)}-${PARENT_SPAN}-00` });
    await send(never, REST, "CreateUser", "c", { traceparent: `00-${traceIdOf(2)}-${PARENT_SPAN}-01` });
    never.child.process.kill("SIGTERM");
    assert.equal(await ended(never.child), 0);
    assert.deepEqual([...new Set(never.receiver.spans.map(({ traceId }) => traceId))], [traceIdOf(2)]);
    // The log names the trace anyway: other parts of it may have been kept.
    assert.match(never.child.stderr(), new RegExp(`"trace_id":"${traceIdOf(1)}"`));
  });
});

function checkAttributes({ attributes }: ReceivedSpan, { name }: RawWire): void {
  const wire = name.startsWith("gRPC-Web") ? "grpc-web" : (name.split(/[ ,]/)[0] ?? "").toLowerCase();
  const { "lockkeeper.call_id": callId, ...others } = attributes;
  assert.match(String(callId), /^[0-9a-f-]{36}$/);
  const system = wire === "rest" ? {} : { "rpc.system.name": wire === "connect" ? "connectrpc" : "grpc" };
  assert.deepEqual(others, {
    ...system,
    "rpc.method": LOCK_USER,
    "rpc.status_code": "OK",
    "http.request.method": "POST",
    "http.response.status_code": 200,
    "lockkeeper.wire": wire,
  });
}

function checkResource({ requests, spans }: Receiver): void {
  for (const { path, headers } of requests) {
    assert.equal(path, "/v1/traces");
    assert.equal(headers["content-type"], "application/x-protobuf");
    assert.equal(headers["x-tenant"], "lab");
  }
  const resource = spans[0]?.resource;
  assert.equal(resource?.["service.name"], "locks");
  assert.equal(resource?.["service.version"], readVersion());
  assert.equal(resource?.["deployment.environment.name"], "test");
}

describe("the settings", () => {
  const byDefault: TraceSettings = { sampler: { name: "parentbased_always_on", ratio: 1 }, batch: {} };
  const ENDPOINT = { OTEL_EXPORTER_OTLP_ENDPOINT: "http://127.0.0.1:4318" };
  const NONSENSE = { OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: "ftp://secret" };
  const NO_URL = (name: string): RegExp =>
    new RegExp(
      `^${name}: the value is not an http or https URL like http://127\\.0\\.0\\.1:4318, so there are no traces$`,
    );
  const CASES: readonly (readonly [Readonly<Record<string, string>>, TraceSettings | undefined, RegExp?])[] = [
    [{}, undefined],
    [{ OTEL_SERVICE_NAME: "locks", OTEL_TRACES_SAMPLER: "always_on" }, undefined],
    [ENDPOINT, byDefault],
    [{ OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: "http://127.0.0.1:4318/v1/traces" }, byDefault],
    [{ OTEL_TRACES_EXPORTER: "otlp" }, byDefault],
    [{ ...ENDPOINT, OTEL_TRACES_EXPORTER: "none" }, undefined],
    [{ ...ENDPOINT, OTEL_SDK_DISABLED: "True" }, undefined],
    [{ ...ENDPOINT, OTEL_SDK_DISABLED: "no" }, byDefault],
    [{ ...ENDPOINT, OTEL_TRACES_EXPORTER: " " }, byDefault],
    [
      { ...ENDPOINT, OTEL_TRACES_EXPORTER: "zipkin" },
      undefined,
      /^OTEL_TRACES_EXPORTER: "zipkin" is not supported, so there are no traces; supported are otlp and none$/,
    ],
    [{ OTEL_EXPORTER_OTLP_ENDPOINT: "secret" }, undefined, NO_URL("OTEL_EXPORTER_OTLP_ENDPOINT")],
    [{ OTEL_EXPORTER_OTLP_ENDPOINT: "localhost:4318" }, undefined, NO_URL("OTEL_EXPORTER_OTLP_ENDPOINT")],
    [{ OTEL_TRACES_EXPORTER: "otlp", ...NONSENSE }, undefined, NO_URL("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")],
    [{ ...ENDPOINT, ...NONSENSE }, undefined, NO_URL("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")],
    [{ OTEL_TRACES_EXPORTER: "none", ...NONSENSE }, undefined],
    [{ OTEL_SDK_DISABLED: "true", ...NONSENSE }, undefined],
    [
      { OTEL_EXPORTER_OTLP_ENDPOINT: "secret", OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: "https://traces.example/v1" },
      byDefault,
    ],
    [
      { ...ENDPOINT, OTEL_EXPORTER_OTLP_PROTOCOL: "grpc" },
      byDefault,
      /^OTEL_EXPORTER_OTLP_PROTOCOL: "grpc" is not supported; http\/protobuf is used$/,
    ],
    [{ ...ENDPOINT, OTEL_EXPORTER_OTLP_PROTOCOL: "http/protobuf" }, byDefault],
    [
      { ...ENDPOINT, OTEL_TRACES_SAMPLER: "traceidratio", OTEL_TRACES_SAMPLER_ARG: "0.25" },
      { sampler: { name: "traceidratio", ratio: 0.25 }, batch: {} },
    ],
    [
      { ...ENDPOINT, OTEL_TRACES_SAMPLER: "traceidratio", OTEL_TRACES_SAMPLER_ARG: "25%" },
      { sampler: { name: "traceidratio", ratio: 1 }, batch: {} },
      /^OTEL_TRACES_SAMPLER_ARG: "25%" is not a number from 0 to 1; 1 is used$/,
    ],
    [
      { ...ENDPOINT, OTEL_TRACES_SAMPLER: "xray" },
      byDefault,
      /^OTEL_TRACES_SAMPLER: "xray" is unknown; parentbased_always_on is used. Known are always_on, always_off, /,
    ],
    [
      { ...ENDPOINT, OTEL_BSP_SCHEDULE_DELAY: "100", OTEL_BSP_MAX_QUEUE_SIZE: "4096" },
      { ...byDefault, batch: { scheduledDelayMillis: 100, maxQueueSize: 4096 } },
    ],
    [
      { ...ENDPOINT, OTEL_BSP_EXPORT_TIMEOUT: "-1" },
      byDefault,
      /^OTEL_BSP_EXPORT_TIMEOUT: "-1" is not a whole number above 0; the default is used$/,
    ],
  ];
  for (const [environment, settings, warning] of CASES) {
    test(`are read from ${JSON.stringify(environment)}`, () => {
      const warnings: string[] = [];
      assert.deepEqual(
        readTraceSettings(environment, (text) => warnings.push(text)),
        settings,
      );
      assert.equal(warnings.length, warning === undefined ? 0 : 1, warnings.join());
      if (warning !== undefined) assert.match(warnings[0] ?? "", warning);
    });
  }

  test("that are unknown cause a warning in the log, and the service starts", async (t) => {
    const child = await spawnService(t, {
      path: join(await temporaryFolder(t), "lockkeeper.db"),
      environment: { OTEL_TRACES_EXPORTER: "jaeger" },
    });
    assert.match(child.stderr(), /warn traces cause="OTEL_TRACES_EXPORTER: .*jaeger/);
  });
});
