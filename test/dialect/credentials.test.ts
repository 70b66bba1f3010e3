/** Credentials in every dialect: tokens of OIDC issuers are accepted, and early refusals have the dialect's form. */
import assert from "node:assert/strict";
import { describe, type TestContext, test } from "node:test";
import { HandmadeIssuer, issuersFile, makeKey } from "../support/issuers.ts";
import { ADMIN_KEY, startService, TestClock } from "../support/service.ts";

/** A lock of alice in each dialect. */
const LOCKS = [
  ["zitadel", "/v2/users/alice/lock", "{}"],
  ["zitadel", "/management/v1/users/alice/_unlock", "{}"],
  ["clerk", "/clerk/v1/users/alice/lock", ""],
  ["clerk", "/clerk/v1/users/alice/unlock", ""],
] as const;

const post = (url: string, path: string, body: string, credential: string, client?: string): Promise<Response> =>
  fetch(`${url}${path}`, {
    method: "POST",
    headers: {
      authorization: `Bearer ${credential}`,
      "content-type": "application/json",
      ...(client === undefined ? {} : { "x-forwarded-for": client }),
    },
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
  test("is the actor of its changes", async (t) => {
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

  test("is refused like a wrong key, or as unavailable if its issuer cannot be asked", async (t) => {
    const { issuer, service, clock } = await open(t);
    for (const [, path, body] of LOCKS) {
      const answer = await post(service.url, path, body, await issuer.sign({ aud: "other" }));
      assert.equal(answer.status, 401, path);
    }
    assert.equal((await post(service.url, LOCKS[0][1], "{}", await issuer.sign())).status, 200);
    await issuer.site.close();
    const unknown = await issuer.sign({}, { key: await makeKey("two") });
    // The issuer was asked moments ago, so an unknown key is wrong. Later it would have to be asked again.
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

describe("rate limits", () => {
  const LIMITED = [
    ["one address", { rateLimitAddress: { perSecond: 0.5, burst: 4 } }],
    ["one credential", { rateLimitCaller: { perSecond: 0.5, burst: 5 } }],
  ] as const;
  for (const [name, config] of LIMITED) {
    test(`of ${name} hold in every dialect, which says when to retry`, async (t) => {
      const clock = new TestClock();
      const now = (): number => clock.now;
      const trustedProxies = [{ address: "127.0.0.1", prefix: 32 }];
      const dialects = ["zitadel", "clerk"];
      const options = { clock: now, config: { ...config, trustedProxies, dialects }, isOneProcess: true };
      const service = await startService(t, options);
      await service.users.createUser({ userId: "alice" });
      const lockAll = async (): Promise<readonly Response[]> => {
        const answers: Response[] = [];
        for (const [, path, body] of LOCKS) answers.push(await post(service.url, path, body, ADMIN_KEY, "192.0.2.1"));
        return answers;
      };
      assert.deepEqual(
        (await lockAll()).map(({ status }) => status),
        [200, 200, 200, 200],
      );
      for (const answer of await lockAll()) {
        assert.equal(answer.status, 429, answer.url);
        assert.equal(answer.headers.get("retry-after"), "2", answer.url);
      }
    });
  }
});
