/** WhoAmI: what the service sees in a credential; CreateBackup has its journeys. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { PERMISSIONS, ROLES } from "../../../src/auth/permissions.ts";
import { assertRefused } from "../../support/refusals.ts";
import { ADMIN_KEY, clientsOf, startService, TestClock } from "../../support/service.ts";

test("WhoAmI says actor, scope, permissions and end of whatever key asks", async (t) => {
  const clock = new TestClock();
  const { keys, organizations, url } = await startService(t, { clock: () => clock.now });
  await organizations.createOrganization({ organizationId: "acme" });
  const expireTime = timestampFromMs(clock.now + 60_000);
  const listed = { permissions: ["user.read"], organizationId: "acme", displayName: "ci", expireTime };
  const { apiKey, secret } = await keys.createApiKey(listed);
  const apiKeyId = apiKey?.apiKeyId ?? "";
  const { $typeName: _, serverTime, ...said } = await clientsOf(url, secret).admin.whoAmI({});
  const scope = { organizationId: "acme", permissions: ["user.read"], expireTime };
  assert.deepEqual(said, { actor: `key:${apiKeyId}`, apiKeyId, displayName: "ci", role: "", ...scope });
  assert.deepEqual(serverTime, timestampFromMs(clock.now));

  const viewer = await keys.createApiKey({ role: "viewer" });
  const { role, permissions, organizationId, ...rest } = await clientsOf(url, viewer.secret).admin.whoAmI({});
  assert.deepEqual([role, organizationId, rest.expireTime], ["viewer", "", undefined]);
  assert.deepEqual(new Set(permissions), new Set(ROLES.viewer));

  const rest_ = await fetch(`${url}/v1/whoami`, { headers: { authorization: `Bearer ${ADMIN_KEY}` } });
  assert.deepEqual(((await rest_.json()) as { permissions: string[] }).permissions, PERMISSIONS);
});

test("WhoAmI refuses a credential that opens nothing", async (t) => {
  const clock = new TestClock();
  const { keys, url } = await startService(t, { clock: () => clock.now });
  const { secret } = await keys.createApiKey({ role: "login", expireTime: timestampFromMs(clock.now + 1) });
  clock.advance(1);
  await assertRefused(clientsOf(url, secret).admin.whoAmI({}), "Unauthenticated", "CREDENTIAL_INVALID");
});
