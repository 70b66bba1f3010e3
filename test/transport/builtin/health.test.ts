/** The health service and its plain HTTP form follow `setServing`. */

import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { type Client, Code, ConnectError, createClient } from "@connectrpc/connect";
import { createGrpcTransport, Http2SessionManager } from "@connectrpc/connect-node";
import { Health, HealthCheckResponse_ServingStatus as Status } from "../../../gen/grpc/health/v1/health_pb.ts";
import { until } from "../../support/until.ts";
import { type Lab, startLab } from "../support/lab.ts";

const service = "lab.v1.LabService";

describe("health", () => {
  let lab: Lab;
  let sessionManager: Http2SessionManager;
  let client: Client<typeof Health>;
  before(async () => {
    lab = await startLab();
    sessionManager = new Http2SessionManager(lab.url);
    client = createClient(Health, createGrpcTransport({ baseUrl: lab.url, sessionManager }));
  });
  after(async () => {
    sessionManager.abort();
    await lab.stop();
  });

  const check = async (name: string): Promise<Status> => (await client.check({ service: name })).status;
  const http = async (path: string): Promise<[number, string]> => {
    const response = await fetch(lab.url + path);
    return [response.status, await response.text()];
  };

  it("reports whether the server and each of its services are serving", async () => {
    assert.equal(await check(""), Status.SERVING);
    assert.equal(await check(service), Status.SERVING);
    lab.transport.setServing(service, false);
    assert.equal(await check(service), Status.NOT_SERVING);
    assert.equal(await check("grpc.health.v1.Health"), Status.SERVING);
    assert.deepEqual(await http("/readyz"), [200, "ok\n"]);
    lab.transport.setServing(service, true);
    lab.transport.setServing("", false);
    assert.equal(await check(service), Status.NOT_SERVING);
    assert.deepEqual(await http("/readyz"), [503, "not serving\n"]);
    assert.deepEqual(await http("/healthz"), [200, "ok\n"]);
    lab.transport.setServing("", true);
  });

  it("answers NOT_FOUND for an unknown service", async () => {
    await assert.rejects(check("no.Such"), (error) => {
      assert.equal(ConnectError.from(error).code, Code.NotFound);
      return true;
    });
  });

  it("watches: the present status at once, then each change", async () => {
    const seen: Status[] = [];
    const gone = new AbortController();
    const watching = (async () => {
      for await (const { status } of client.watch({ service }, { signal: gone.signal })) seen.push(status);
    })();
    await until(() => seen.length === 1, "the first status");
    lab.transport.setServing(service, false);
    await until(() => seen.length === 2, "the change");
    lab.transport.setServing(service, false);
    lab.transport.setServing(service, true);
    await until(() => seen.length === 3, "the change back");
    assert.deepEqual(seen, [Status.SERVING, Status.NOT_SERVING, Status.SERVING]);
    const count = lab.records.length;
    gone.abort();
    await assert.rejects(watching);
    assert.equal((await lab.record(count + 1)).code, Code.Canceled);
  });

  it("watches an unknown service as SERVICE_UNKNOWN", async () => {
    for await (const { status } of client.watch({ service: "no.Such" })) {
      assert.equal(status, Status.SERVICE_UNKNOWN);
      break;
    }
  });

  it("allows only GET and HEAD over plain HTTP", async () => {
    const response = await fetch(`${lab.url}/healthz`, { method: "POST" });
    assert.deepEqual([response.status, response.headers.get("allow")], [405, "GET, HEAD"]);
  });
});
