/** The paths that the dialect owns: only its own, and loaded only if enabled. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { createRegistry, type DescMethod } from "@bufbuild/protobuf";
import { Code } from "@connectrpc/connect";
import { createServerTransport } from "@zitadel/client/node";
import { createAdminServiceClient } from "@zitadel/client/v1";
import { zitadel } from "../../../src/dialect/zitadel/dialect.ts";
import { zitadelMounts } from "../../../src/dialect/zitadel/mounts.ts";
import type { Operations } from "../../../src/service/operations/operations.ts";
import { createRouteTable } from "../../../src/transcoding/route-table.ts";
import { httpRequest } from "../../support/http-client.ts";
import { ADMIN_KEY, startService } from "../../support/service.ts";
import { bare, documentRows } from "../../tidy/support/document-table.ts";
import { startLab } from "./support/lab.ts";

const mounts = zitadelMounts({} as Operations);

/** The methods of a mount that are served. */
function methodsOf({ service, options }: (typeof mounts)[number]): readonly DescMethod[] {
  return service.methods.filter(({ localName }) => options.methods?.includes(localName) ?? true);
}

describe("the dialect", () => {
  test("owns every path that its mounts serve", () => {
    const tables = mounts.map((mount) => {
      const { rest } = mount.options;
      assert.ok(rest);
      return createRouteTable([{ service: mount.service, methods: methodsOf(mount), policy: rest }]);
    });
    const routes = tables.flatMap((table) => table.routes);
    assert.ok(routes.length > 400, `${routes.length} routes`);
    for (const { template } of routes) {
      const path = `/${template.segments.map((part) => (part.kind === "literal" ? part.text : "x")).join("/")}`;
      assert.ok(zitadel.owns(path), path);
    }
    for (const mount of mounts) {
      for (const { name } of methodsOf(mount)) assert.ok(zitadel.owns(`/${mount.service.typeName}/${name}`), name);
    }
  });

  test("serves the methods that the documentation lists", () => {
    const rows = documentRows("docs/zitadel.md", "| service | methods | REST below |");
    const documented = rows.map(([service, methods = ""]) => [bare(service), methods.split(", ")]);
    const served = mounts.map(({ service, handlers }) => [
      service.typeName,
      service.methods.filter(({ localName }) => localName in handlers).map(({ name }) => name),
    ]);
    assert.deepEqual(documented, served);
  });

  test("owns no path of its neighbours", () => {
    const foreign = [
      "/v1/users",
      "/v20/users",
      "/v2betas",
      "/management/v11/users",
      "/zitadel.session.v2.SessionServices/GetSession",
      "/zitadel.auth.v1.AuthService/GetMyUser",
      "/admin/v11/policies/lockout",
      "/v1/sessions",
      "/zitadel.user.v2.UserServices/LockUser",
      "/lockkeeper.user.v1.UserService/LockUser",
      "/healthz",
    ];
    for (const path of foreign) assert.ok(!zitadel.owns(path), path);
  });

  test("can be served together: no two rules of its services conflict", () => {
    const routed = mounts.map((mount) => {
      const { rest } = mount.options;
      assert.ok(rest);
      return { service: mount.service, methods: methodsOf(mount), policy: { ...rest, registry: createRegistry() } };
    });
    assert.doesNotThrow(() => createRouteTable(routed));
  });

  test("serves only the methods of AdminService that it names", async (t) => {
    const lab = await startLab(t);
    const admin = createAdminServiceClient(createServerTransport(ADMIN_KEY, { baseUrl: lab.url }));
    await admin.healthz({});
    await assert.rejects(admin.listOrgs({}), { code: Code.Unimplemented });
    const { status, json } = await lab.rest("POST /admin/v1/orgs/_search");
    assert.deepEqual([status, json], [404, { code: 5, message: "Not Found" }]);
    const wrong = await lab.rest("DELETE /admin/v1/policies/lockout");
    assert.deepEqual([wrong.status, wrong.json], [405, { code: 12, message: "Method Not Allowed" }]);
    const other = await lab.rest("GET /v2/settings");
    assert.deepEqual([other.status, other.json.code], [501, Code.Unimplemented]);
  });

  test("lets pages of allowed origins name the organization of a call", async (t) => {
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

  test("is not served unless it is enabled", async (t) => {
    const { url } = await startService(t);
    for (const path of ["/v2/users/alice/lock", "/zitadel.user.v2.UserService/LockUser"]) {
      assert.equal((await httpRequest(url, path, { body: "{}" })).status, 404, path);
    }
  });
});
