/** The balancer of compose.yaml before two services: both HTTP versions on one port, and a stop that fails no call. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { createClient } from "@connectrpc/connect";
import { createConnectTransport, createGrpcTransport } from "@connectrpc/connect-node";
import { Health, HealthCheckResponse_ServingStatus as Status } from "../../gen/grpc/health/v1/health_pb.ts";
import { UserService } from "../../gen/lockkeeper/user/v1/user_service_pb.ts";
import { findHaproxy, startHaproxy } from "../support/haproxy.ts";
import { httpRequest } from "../support/http-client.ts";
import { ADMIN_KEY, startService } from "../support/service.ts";

const CALLS = 20;
const program = findHaproxy();

test("the balancer spreads the calls of one connection, on every protocol, and leaves out a service that stops", {
  skip: program === undefined && "there is no haproxy on this machine",
}, async (t) => {
  const trustedProxies = [{ address: "127.0.0.0", prefix: 8 }];
  const config = { trustedProxies, stopDrainMs: 2_000 };
  const services = [await startService(t, { config }), await startService(t, { config })];
  for (const { users } of services) await users.createUser({ userId: "alice" });
  const url = await startHaproxy(
    t,
    program ?? "",
    services.map((service) => Number(new URL(service.url).port)),
  );
  const headers = { authorization: `Bearer ${ADMIN_KEY}`, "x-forwarded-for": "192.0.2.1" };
  const overGrpc = createClient(UserService, createGrpcTransport({ baseUrl: url }));
  const overConnect = createClient(UserService, createConnectTransport({ baseUrl: url, httpVersion: "1.1" }));
  const callAll = async (): Promise<void> => {
    for (let i = 0; i < CALLS; i++) {
      await overGrpc.getUser({ userId: "alice" }, { headers });
      await overConnect.getUser({ userId: "alice" }, { headers });
      assert.equal((await httpRequest(url, "/v1/users/alice", { headers })).status, 200);
    }
  };
  await callAll();
  const [first, second] = services;
  for (const service of services) {
    const lines = (service.log().match(/GetUser/g) ?? []).length;
    assert.ok(lines >= CALLS, `${lines} of ${3 * CALLS} calls`);
    // What the client claims is not believed.
    assert.doesNotMatch(service.log(), /192\.0\.2\.1/);
  }
  await assert.rejects(overGrpc.getUser({ userId: "bob" }, { headers }), /NOT_FOUND|not_found/);
  const stopped = first?.stop();
  const before = second?.log().match(/GetUser/g)?.length ?? 0;
  for (let i = 0; i < 3; i++) await callAll();
  await stopped;
  await callAll();
  assert.ok((second?.log().match(/GetUser/g)?.length ?? 0) - before > 3 * CALLS);
  const health = createClient(Health, createGrpcTransport({ baseUrl: url }));
  assert.equal((await health.check({})).status, Status.SERVING);
});
