/** The path that was probably meant, for the answer 404. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { findClosestPath } from "../../src/transcoding/closest-path.ts";

const TEMPLATES = [
  "/v1/users",
  "/v1/users/{user_id}",
  "/v1/users/{user_id}:lock",
  "/v1/users/{user_id}:unlock",
  "/v1/users/{user_id}/events",
  "/v1/organizations/{organization_id}/policy",
  "/v1/policy",
  "/v1/organizations",
  "/v1/attempts:complete",
  "/healthz",
  "/metrics",
  "/openapi.json",
];

const CASES: readonly (readonly [path: string, meant: string | undefined])[] = [
  ["/v1/users/alice/lock", "/v1/users/{user_id}:lock"],
  ["/v1/users/alice/unlok", "/v1/users/{user_id}:unlock"],
  ["/v1/users/alice:events", "/v1/users/{user_id}/events"],
  ["/v1/users/", "/v1/users"],
  ["/v1/user", "/v1/users"],
  ["/V1/Users", "/v1/users"],
  ["/users", "/v1/users"],
  ["/users/alice:lock", "/v1/users/{user_id}:lock"],
  ["/v1/organisations/acme/policy", "/v1/organizations/{organization_id}/policy"],
  ["/v1/orgs", "/v1/organizations"],
  ["/v1/orgs/acme/policy", "/v1/organizations/{organization_id}/policy"],
  ["/health", "/healthz"],
  ["/metric", "/metrics"],
  ["/openapi.yaml", "/openapi.json"],
  ["/openapi", "/openapi.json"],
  ["/v1/us", undefined],
  ["/v1/nothing", undefined],
  ["/v2/users/alice/lock/now", undefined],
  ["/", undefined],
  [`/v1/users/${"a".repeat(400)}/lock`, undefined],
];

for (const [path, meant] of CASES) {
  test(`${path.slice(0, 40)} stands for ${meant ?? "nothing"}`, () => {
    assert.equal(findClosestPath(path, TEMPLATES), meant);
  });
}
