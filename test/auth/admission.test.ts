/** Decides from headers and method alone whether a call may go on. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { type AdmissionResult, admit } from "../../src/auth/admission.ts";
import { ApiKeyCache } from "../../src/auth/api-key-cache.ts";
import { ROLES, RPC_PERMISSIONS } from "../../src/auth/permissions.ts";
import { createSecret, hashSecret } from "../../src/auth/secret.ts";
import { type ApiKey, decideApiKey, evolveApiKey } from "../../src/domain/api-key.ts";

const NOW = Date.UTC(2026, 0, 2);
const ADDRESS = "192.0.2.1";

function keyOf(role: string, secret: string): ApiKey {
  const context = { actor: "system", via: "test", scope: null, validateOnly: false };
  const common = { organizationId: null, displayName: "", permissions: [], expireTime: null, context };
  const command = { type: "CreateApiKey", keyId: role, secretHash: hashSecret(secret), role, ...common } as const;
  const decision = decideApiKey(undefined, command, { now: NOW, otherOwners: 0 });
  const [event] = decision.ok ? decision.events : [];
  if (event === undefined) throw new Error("no event");
  return evolveApiKey(undefined, event, role);
}

async function keyCacheOf(t: { after: (close: () => void) => void }, keys: readonly ApiKey[]): Promise<ApiKeyCache> {
  const store = {
    loadApiKeys: () => Promise.resolve(keys),
    touchApiKeys: () => Promise.resolve(),
    follow: () => () => undefined,
    catchUp: () => undefined,
  };
  const keyCache = await ApiKeyCache.open({ store, clock: () => NOW, onTrouble: () => undefined });
  t.after(() => keyCache.close());
  return keyCache;
}

/** Keys are checked synchronously: a call with one waits for no turn of the event loop. */
function admitNow(...args: Parameters<typeof admit>): AdmissionResult {
  const result = admit(...args);
  assert.ok(!(result instanceof Promise));
  return result;
}

for (const [role, permissions] of Object.entries(ROLES)) {
  test(`${role} is admitted to every RPC that its permissions allow and to no other`, async (t) => {
    const secret = createSecret(role);
    const keyCache = await keyCacheOf(t, [keyOf(role, secret)]);
    for (const [rpc, permission] of Object.entries(RPC_PERMISSIONS)) {
      const result = admitNow(keyCache, rpc, `Bearer ${secret}`, ADDRESS);
      const allowed = permission === null || (permissions as readonly string[]).includes(permission);
      assert.equal(result.ok, allowed, rpc);
      if (result.ok) {
        assert.equal(result.admission.actor.id, `key:${role}`);
        continue;
      }
      assert.equal(result.refusal.reason, "PERMISSION_MISSING");
      assert.deepEqual(result.refusal.metadata, { permission });
      assert.equal(result.actor?.id, `key:${role}`);
      const name = rpc.split("/")[1] ?? "";
      assert.ok(result.refusal.message.startsWith(`${name} needs the permission ${permission}`));
    }
  });
}

test("a caller without a valid credential is refused before the answer reveals anything about the RPC", async (t) => {
  const keyCache = await keyCacheOf(t, []);
  for (const [authorization, reason] of [
    [null, "CREDENTIAL_MISSING"],
    [`Bearer ${createSecret("k")}`, "CREDENTIAL_INVALID"],
  ] as const) {
    // Each call has its own address: failures from one address are throttled, which is not tested here.
    const answers = Object.keys(RPC_PERMISSIONS).map((rpc, i) =>
      admitNow(keyCache, rpc, authorization, `192.0.2.${i}`),
    );
    for (const answer of answers) {
      assert.deepEqual(answer, answers[0]);
      assert.equal(!answer.ok && answer.refusal.reason, reason);
    }
  }
});

test("an RPC without a row is a bug: the call fails and is never admitted", async (t) => {
  const secret = createSecret("k");
  const keyCache = await keyCacheOf(t, [keyOf("owner", secret)]);
  assert.throws(
    () => admit(keyCache, "lockkeeper.user.v1.UserService/Unheard", `Bearer ${secret}`, ADDRESS),
    /no permission/,
  );
});
