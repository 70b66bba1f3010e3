/** Metrics on their own port: nothing else is served there, and no credential is needed. */
import assert from "node:assert/strict";
import { describe, type TestContext, test } from "node:test";
import { httpRequest } from "../support/http-client.ts";
import { type Running, type RunOptions, startService } from "../support/service.ts";

const CALLS = "lockkeeper_call_duration_seconds";
const LOCK_USER = "lockkeeper.user.v1.UserService/LockUser";
const OWN_PORT: NonNullable<RunOptions["config"]> = { metricsListen: { host: "127.0.0.1", port: 0 } };

describe("the metrics port", () => {
  async function ownOrigin(t: TestContext): Promise<{ service: Running; origin: string }> {
    const service = await startService(t, { config: OWN_PORT });
    return { service, origin: new URL(service.metricsUrl ?? assert.fail("no port of its own")).origin };
  }

  test("serves only metrics, and asks for no credential", async (t) => {
    const { origin } = await ownOrigin(t);
    for (const path of ["/", "/healthz", "/readyz", "/v1/users", "/metrics/", `/${LOCK_USER}`, "//metrics", "*"]) {
      const { status, text } = await httpRequest(origin, path);
      assert.deepEqual([path, status, text], [path, 404, "only /metrics is served here\n"]);
    }
    const posted = await httpRequest(origin, "/metrics", { method: "POST", body: "{}" });
    assert.deepEqual([posted.status, posted.headers.allow], [405, "GET, HEAD"]);
    const head = await httpRequest(origin, "/metrics", { method: "HEAD", key: null });
    assert.deepEqual([head.status, head.text], [200, ""]);
    assert.equal((await httpRequest(origin, "/metrics?name[]=up", { key: null })).status, 200);
  });

  test("is closed unless it is configured", async (t) => {
    assert.equal((await startService(t)).metricsUrl, undefined);
  });

  test("closes with the service", async (t) => {
    const { service, origin } = await ownOrigin(t);
    const open = await fetch(`${origin}/metrics`);
    await open.text();
    await service.stop();
    await assert.rejects(httpRequest(origin, "/metrics"), { code: "ECONNREFUSED" });
  });

  test("is refused if the service or another program listens there", async (t) => {
    const { service, origin } = await ownOrigin(t);
    const { port } = new URL(service.url);
    const start = (listen: string, metrics: string) =>
      startService(t, {
        config: {
          listen: { host: listen, port: Number(port) },
          metricsListen: { host: metrics, port: Number(port) },
        },
      });
    for (const [listen, metrics] of [
      ["127.0.0.1", "127.0.0.1"],
      ["0.0.0.0", "127.0.0.1"],
      ["127.0.0.1", "::"],
    ] as const) {
      await assert.rejects(start(listen, metrics), {
        name: "ConfigError",
        message: `--metrics-listen, LOCKKEEPER_METRICS_LISTEN: port ${port} is the main port (--listen); choose another one, because the metrics port needs no credential`,
      });
    }
    const taken = { host: "127.0.0.1", port: Number(new URL(origin).port) };
    await assert.rejects(startService(t, { config: { metricsListen: taken } }), {
      name: "ConfigError",
      message: `--metrics-listen, LOCKKEEPER_METRICS_LISTEN: port ${taken.port} of 127.0.0.1 is in use by another process; stop that process, or choose another port (0 picks a free one)`,
    });
    // The owner of the port is not affected.
    assert.ok((await httpRequest(service.metricsUrl ?? "", "/metrics", { key: null })).text.includes(CALLS));
  });
});
