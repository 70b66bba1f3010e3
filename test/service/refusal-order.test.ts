/** The order of refusal: what is wrong with a request comes before whether what it names exists, and before its state. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { assertRefused } from "../support/refusals.ts";
import { clientsOf, type Running, startService } from "../support/service.ts";

type Clients = Pick<Running, "users" | "sessions" | "policies" | "organizations" | "keys">;
type Wrong = (clients: Clients) => Promise<unknown>;

const NEGATIVE = { case: "duration", value: { seconds: -1n } } as const;

/** Requests with a wrong field about a thing that does not exist, or whose state does not allow them. */
const FAULTS: readonly (readonly [name: string, field: string, call: Wrong])[] = [
  ["CreateSession of nobody", "duration", (c) => c.sessions.createSession({ userId: "nobody", expiry: NEGATIVE })],
  ["CreateSession of a banned user", "duration", (c) => c.sessions.createSession({ userId: "bob", expiry: NEGATIVE })],
  ["ExtendSession of none", "duration", (c) => c.sessions.extendSession({ sessionId: "none", expiry: NEGATIVE })],
  ["LockUser of nobody", "duration", (c) => c.users.lockUser({ userId: "nobody", expiry: NEGATIVE })],
  ["ListUserEvents of nobody", "page_token", (c) => c.users.listUserEvents({ userId: "nobody", pageToken: "forged" })],
  [
    "UpdatePolicy of no organization",
    "update_mask",
    (c) => c.policies.updatePolicy({ organizationId: "nowhere", updateMask: { paths: ["no_value"] } }),
  ],
  [
    "CreateApiKey of no organization",
    "expire_time",
    (c) => c.keys.createApiKey({ organizationId: "nowhere", role: "viewer", expireTime: { seconds: 1n } }),
  ],
];

describe("a request with a field at fault is refused for it", () => {
  test("before existence and state", async (t) => {
    const service = await startService(t);
    await service.users.createUser({ userId: "bob" });
    await service.users.banUser({ userId: "bob" });
    for (const [name, field, call] of FAULTS) {
      const { fields } = await assertRefused(call(service), "InvalidArgument", "FIELD_INVALID");
      assert.deepEqual(fields, [field], name);
    }
  });

  test("also where a caller of one organization shows a page token that no list of its own gave", async (t) => {
    const { url, keys } = await startService(t);
    const { secret } = await keys.createApiKey({ organizationId: "default", role: "operator" });
    const { organizations } = clientsOf(url, secret);
    const { organizations: own, nextPageToken } = await organizations.listOrganizations({});
    assert.deepEqual([own.map(({ organizationId }) => organizationId), nextPageToken], [["default"], ""]);
    const list = organizations.listOrganizations({ pageToken: "forged" });
    const { fields } = await assertRefused(list, "InvalidArgument", "FIELD_INVALID");
    assert.deepEqual(fields, ["page_token"]);
  });
});
