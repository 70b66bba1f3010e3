/** A start with issuers: a file that cannot be used, and an admin key that looks like a token. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { issuersFile } from "../support/issuers.ts";
import { startService } from "../support/service.ts";

test("a file of issuers that cannot be used is reported with its place, and nothing is opened", async (t) => {
  const oidcIssuers = await issuersFile(t, [{ issuer: "http://issuer.test" }]);
  await assert.rejects(
    startService(t, { config: { oidcIssuers } }),
    /^ConfigError: --oidc-issuers, LOCKKEEPER_OIDC_ISSUERS: .*issuers\.json: issuers\[0\]\.issuer: "http:\/\/issuer\.test" is not allowed/,
  );
  await assert.rejects(
    startService(t, { config: { oidcIssuers: "/nowhere/issuers.json" } }),
    /there is no such file or folder$/,
  );
});

test("an admin key that looks like a token would open nothing with issuers, and is refused", async (t) => {
  const oidcIssuers = await issuersFile(t, [{ issuer: "http://127.0.0.1:1" }]);
  const adminKey = "eyJ-an-owner-key-for-tests.0123456789abcdef";
  await assert.rejects(startService(t, { config: { adminKey, oidcIssuers } }), {
    name: "ConfigError",
    message: /^LOCKKEEPER_ADMIN_KEY: the value looks like a token/,
  });
  const service = await startService(t, { config: { adminKey } });
  const answer = await fetch(`${service.url}/v1/users`, { headers: { authorization: `Bearer ${adminKey}` } });
  assert.equal(answer.status, 200);
});
