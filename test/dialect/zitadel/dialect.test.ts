/** What the dialect claims for itself: its paths and nothing else, loaded when they are enabled. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { createRegistry } from "@bufbuild/protobuf";
import { zitadel } from "../../../src/dialect/zitadel/dialect.ts";
import { zitadelMounts } from "../../../src/dialect/zitadel/mounts.ts";
import type { Operations } from "../../../src/service/operations.ts";
import { createRouteTable } from "../../../src/transcoding/route-table.ts";
import { httpRequest } from "../../support/http-client.ts";
import { startService } from "../../support/service.ts";

const mounts = zitadelMounts({} as Operations);

describe("the dialect", () => {
  test("owns every path that its mounts serve", () => {
    const tables = mounts.map(({ service, options: { rest } }) => {
      assert.ok(rest);
      return createRouteTable([{ service, methods: service.methods, policy: rest }]);
    });
    const routes = tables.flatMap((table) => table.routes);
    assert.ok(routes.length > 400, `${routes.length} routes`);
    for (const { template } of routes) {
      const path = `/${template.segments.map((part) => (part.kind === "literal" ? part.text : "x")).join("/")}`;
      assert.ok(zitadel.owns(path), path);
    }
    for (const { service } of mounts) {
      for (const method of service.methods) assert.ok(zitadel.owns(`/${service.typeName}/${method.name}`));
    }
  });

  test("owns nothing of its neighbours", () => {
    const foreign = [
      "/v1/users",
      "/v20/users",
      "/v2betas",
      "/management/v11/users",
      "/zitadel.session.v2.SessionService/GetSession",
      "/zitadel.user.v2.UserServices/LockUser",
      "/lockkeeper.user.v1.UserService/LockUser",
      "/healthz",
    ];
    for (const path of foreign) assert.ok(!zitadel.owns(path), path);
  });

  test("can be served as one: no two rules of the four services clash", () => {
    const routed = mounts.map(({ service, options }) => {
      const { rest } = options;
      assert.ok(rest);
      return { service, methods: service.methods, policy: { ...rest, registry: createRegistry() } };
    });
    assert.doesNotThrow(() => createRouteTable(routed));
  });

  test("lets pages of the allowed origins say for which organization they call", async (t) => {
    const origin = "https://console.example.com";
    const { url } = await startService(t, { config: { dialects: ["zitadel"], corsOrigins: [origin] } });
    const headers = {
      origin,
      "access-control-request-method": "POST",
      "access-control-request-headers": "authorization,x-zitadel-orgid",
    };
    const { headers: answered } = await httpRequest(url, "/v2/users/alice/lock", {
      method: "OPTIONS",
      key: null,
      headers,
    });
    assert.match(String(answered["access-control-allow-headers"]).toLowerCase(), /(^|[ ,])x-zitadel-orgid($|[ ,])/);
  });

  test("is not there unless it is enabled", async (t) => {
    const { url } = await startService(t);
    for (const path of ["/v2/users/alice/lock", "/zitadel.user.v2.UserService/LockUser"]) {
      assert.equal((await httpRequest(url, path, { body: "{}" })).status, 404, path);
    }
  });
});
