/** Pages of configured origins may call and read all of an answer; others get no CORS headers. */
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { type Lab, startLab, withLab } from "../support/lab.ts";

const page = "https://app.example";

describe("CORS", () => {
  let lab: Lab;
  before(async () => {
    lab = await startLab({ corsOrigins: [page] });
  });
  after(() => lab.stop());

  const preflight = (path: string, origin: string): Promise<Response> =>
    fetch(lab.url + path, { method: "OPTIONS", headers: { origin, "access-control-request-method": "POST" } });
  const say = (origin: string): Promise<Response> =>
    fetch(`${lab.url}/lab.v1.LabService/Say`, {
      method: "POST",
      headers: { origin, authorization: "Bearer one", "content-type": "application/json" },
      body: "{}",
    });
  const corsHeaders = (response: Response): string[] =>
    [...response.headers.keys()].filter((name) => name.startsWith("access-control"));

  it("answers preflights for every wire", async () => {
    for (const path of ["/lab.v1.LabService/Say", "/v1/say", "/plain"]) {
      const { status, headers } = await preflight(path, page);
      assert.equal(status, 204);
      assert.equal(headers.get("access-control-allow-origin"), page);
      assert.match(headers.get("access-control-allow-methods") ?? "", /POST, GET, PUT, PATCH, DELETE, HEAD/);
      const allowed = (headers.get("access-control-allow-headers") ?? "").toLowerCase().split(", ");
      for (const name of [
        "authorization",
        "content-type",
        "x-grpc-web",
        "grpc-timeout",
        "connect-timeout-ms",
        "x-lab",
        "x-request-id",
        "last-event-id",
        "traceparent",
        "tracestate",
        "baggage",
      ]) {
        assert.ok(allowed.includes(name), name);
      }
      assert.equal(new Set(allowed).size, allowed.length);
      assert.equal(headers.get("vary"), "Origin");
    }
  });

  it("exposes answers, refusals among them, with statuses, details and trailers", async () => {
    const opened = [await say(page), await fetch(`${lab.url}/v1/nowhere`, { headers: { origin: page } })];
    for (const { headers } of opened) {
      assert.equal(headers.get("access-control-allow-origin"), page);
      const exposed = (headers.get("access-control-expose-headers") ?? "").toLowerCase().split(", ");
      for (const name of ["grpc-status", "grpc-message", "grpc-status-details-bin", "x-request-id", "*"]) {
        assert.ok(exposed.includes(name), name);
      }
      assert.equal(headers.get("vary"), "Origin");
    }
  });

  it("sends other origins no CORS headers, and says that the answer depends on the origin", async () => {
    const other = await say("https://other.example");
    assert.deepEqual([other.status, corsHeaders(other)], [200, []]);
    assert.equal(other.headers.get("vary"), "Origin");
    const refused = await preflight("/v1/say", "https://other.example");
    assert.deepEqual([refused.status, corsHeaders(refused)], [204, []]);
    assert.deepEqual(corsHeaders(await preflight("/v1/say", `${page}.evil`)), []);
  });

  it("allows every origin if configured", async () => {
    await withLab({ corsOrigins: ["*"] }, async (open) => {
      const { headers } = await fetch(`${open.url}/v1/nowhere`, { headers: { origin: "https://any.example" } });
      assert.equal(headers.get("access-control-allow-origin"), "*");
      assert.equal(headers.get("vary"), null);
    });
  });
});
