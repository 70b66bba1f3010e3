import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { Authentication } from "../../src/auth/api-key-cache.ts";
import { RequestGate } from "../../src/auth/request-gate.ts";
import { credentialInvalid } from "../../src/domain/api-key.ts";
import { refuse } from "../../src/domain/refusal.ts";

const HOME = "192.0.2.1";
/** More failures than an address may have in a second. */
const MANY = 100;

const actor = { id: "key:k1", permissions: new Set<never>(), scope: null, expireTime: null };

/** A gate that knows one credential; answers are the actor or the reason of the refusal. */
function open() {
  const authenticate = (authorization: string | null): Authentication => {
    if (authorization === "right") return { ok: true, actor };
    const refusal = authorization === null ? refuse("CREDENTIAL_MISSING", "none") : credentialInvalid();
    return { ok: false, refusal };
  };
  const gate = new RequestGate({
    keyCache: { authenticate, remembers: () => false, refresh: () => undefined, stillOpens: () => true },
    clock: () => Date.UTC(2026, 0, 1),
  });
  return async (authorization: string | null): Promise<string> => {
    const answer = await gate.authenticate(authorization, HOME);
    return answer.ok ? answer.actor.id : answer.refusal.reason;
  };
}

describe("the gate", () => {
  test("P6 a valid credential passes at once after any number of wrong ones from its address", async () => {
    const ask = open();
    const wrong = Array.from({ length: MANY }, () => ask("wrong"));
    assert.equal(await ask("right"), "key:k1");
    assert.equal((await Promise.all(wrong)).at(-1), "AUTHENTICATION_RATE");
  });

  test("a call without a credential does not count as a failure", async () => {
    const ask = open();
    await Promise.all(Array.from({ length: MANY }, () => ask(null)));
    assert.equal(await ask("wrong"), "CREDENTIAL_INVALID");
  });
});
