/** Credentials in every dialect: tokens of OIDC issuers are taken, and refusals at the door come in the dialect's form. */
import assert from "node:assert/strict";
import { describe, type TestContext, test } from "node:test";
import { HandmadeIssuer, issuersFile, makeKey } from "../support/issuers.ts";
import { startService } from "../support/service.ts";

/** A lock of alice as each dialect has it. */
const LOCKS = [
  ["zitadel", "/v2/users/alice/lock", "{}"],
  ["zitadel", "/management/v1/users/alice/_unlock", "{}"],
  ["clerk", "/clerk/v1/users/alice/lock", ""],
  ["clerk", "/clerk/v1/users/alice/unlock", ""],
] as const;

const post = (url: string, path: string, body: string, credential: string): Promise<Response> =>
  fetch(`${url}${path}`, {
    method: "POST",
    headers: { authorization: `Bearer ${credential}`, "content-type": "application/json" },
    ...(body === "" ? {} : { body }),
  });

async function open(t: TestContext) {
  const issuer = await HandmadeIssuer.open(t);
  const oidcIssuers = await issuersFile(t, [{ issuer: issuer.url }]);
  const clock = { ahead: 0 };
  const now = (): number => Date.now() + clock.ahead;
  const service = await startService(t, { clock: now, config: { oidcIssuers, dialects: ["zitadel", "clerk"] } });
  await service.users.createUser({ userId: "alice" });
  return { issuer, service, clock };
}

describe("a token of an OIDC issuer", () => {
  test("is the actor of what it does", async (t) => {
    const { issuer, service } = await open(t);
    const token = await issuer.sign();
    for (const [, path, body] of LOCKS) {
      const answer = await post(service.url, path, body, token);
      assert.equal(answer.status, 200, `${path}: ${await answer.text()}`);
    }
    const { events } = await service.users.listUserEvents({ userId: "alice" });
    assert.deepEqual(
      events.toReversed().map(({ payload, actor, via }) => [payload.case, actor.split("|")[1] ?? "", via]),
      [
        ["userCreated", "", "grpc"],
        ["userLocked", "ann", "zitadel"],
        ["userUnlocked", "ann", "zitadel"],
        ["userLocked", "ann", "clerk"],
        ["userUnlocked", "ann", "clerk"],
      ],
    );
  });

  test("is refused as a wrong key is, or as trouble where its issuer cannot be asked", async (t) => {
    const { issuer, service, clock } = await open(t);
    for (const [, path, body] of LOCKS) {
      const answer = await post(service.url, path, body, await issuer.sign({ aud: "other" }));
      assert.equal(answer.status, 401, path);
    }
    assert.equal((await post(service.url, LOCKS[0][1], "{}", await issuer.sign())).status, 200);
    await issuer.site.close();
    const unknown = await issuer.sign({}, { key: await makeKey("two") });
    // The issuer was asked moments ago: what it does not know then is wrong. Later it would have to be asked again.
    clock.ahead += 6_000;
    for (const [, path, body] of LOCKS) {
      const answer = await post(service.url, path, body, unknown);
      assert.equal(answer.status, 503, path);
      assert.match(answer.headers.get("retry-after") ?? "", /^[1-5]$/);
    }
    const { events } = await service.users.listUserEvents({ userId: "alice" });
    assert.equal(events.length, 2);
  });
});
