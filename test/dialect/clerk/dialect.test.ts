/** What the wiring needs of the dialect: its paths, without loading it. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { clerk } from "../../../src/dialect/clerk/dialect.ts";
import { findRoute } from "../../../src/dialect/clerk/wire/routes.ts";
import { ADMIN_KEY, startService } from "../../support/service.ts";
import { bare, documentRows } from "../../tidy/support/document-table.ts";

test("it owns the paths at and below its prefix, and no others", () => {
  for (const path of ["/clerk/v1", "/clerk/v1/", "/clerk/v1/users/user_1/lock"]) {
    assert.equal(clerk.owns(path), true, path);
  }
  for (const path of ["/", "/clerk", "/clerk/v1x", "/clerk/v2/users", "/v1/users", "/x/clerk/v1"]) {
    assert.equal(clerk.owns(path), false, path);
  }
});

test("it serves the operations that the documentation lists", () => {
  for (const [path, methods] of documentRows("docs/clerk.md", "| path below `/clerk/v1` | methods | in the SDK |")) {
    const route = findRoute(bare(path).replace(/\{\w+\}/, "x"));
    assert.deepEqual(Object.keys(route?.methods ?? {}).sort(), methods?.split(", "), path);
  }
});

test("it serves nothing unless it is enabled", async (t) => {
  const { url } = await startService(t, { config: { dialects: [] } });
  const header = { authorization: `Bearer ${ADMIN_KEY}` };
  const { status, headers } = await fetch(`${url}/clerk/v1/users`, { headers: header });
  const enabled = await startService(t, { config: { dialects: ["clerk"] } });
  assert.equal(status, 404);
  assert.notEqual(headers.get("content-type"), null);
  assert.equal((await fetch(`${enabled.url}/clerk/v1/users`, { headers: header })).status, 200);
});

test("pages of allowed origins may send the headers that the SDK sends", async (t) => {
  const origin = "https://console.example";
  const { url } = await startService(t, { config: { dialects: ["clerk"], corsOrigins: [origin] } });
  const headers = { origin, "access-control-request-method": "POST" };
  const preflight = await fetch(`${url}/clerk/v1/users`, { method: "OPTIONS", headers });
  const allowed = (preflight.headers.get("access-control-allow-headers") ?? "").toLowerCase().split(", ");
  for (const name of ["authorization", "clerk-api-version", "content-type", "user-agent"]) {
    assert.ok(allowed.includes(name), name);
  }
});
