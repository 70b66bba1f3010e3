/** Tokens of a test issuer: time limits, roles and scope from claims, and how often the issuer is asked. */

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { ROLES } from "../../src/auth/permissions.ts";
import { looksLikeToken } from "../../src/auth/request-gate.ts";
import { makeKey, type Site } from "../support/issuers.ts";
import { until } from "../support/until.ts";
import { Desk, NOW, SECOND } from "./support/token-desk.ts";

describe("a valid token", () => {
  test("acts as its subject until it ends, with the allowance for clocks", async (t) => {
    const desk = await Desk.open(t);
    const result = await desk.tokens.authenticate(await desk.sign({ aud: ["other", "api"] }));
    assert.ok(result.ok);
    assert.deepEqual(result.actor, {
      id: `oidc:${desk.issuer.url}|ann`,
      permissions: new Set(ROLES.operator),
      scope: null,
      expireTime: NOW + 630 * SECOND,
    });
  });

  test("is distinguished from a key by its first characters", async (t) => {
    const desk = await Desk.open(t);
    assert.ok(looksLikeToken(await desk.sign()));
    for (const other of ["lk_a_b", "eyJ", "x.eyJ.y", ""]) assert.ok(!looksLikeToken(other), other);
  });

  test("is accepted in every algorithm that is allowed by default, with and without a key id", async (t) => {
    const desk = await Desk.open(t);
    for (const alg of ["RS256", "PS256", "ES256", "EdDSA"]) {
      const [key, other] = [await makeKey("a", alg), await makeKey("b", alg)];
      desk.now += 6 * SECOND;
      desk.issuer.published = [other.published, key.published];
      assert.match(await desk.ask(await desk.sign({ sub: alg }, { key })), /^oidc:/);
      // Without a key id, any key that fits may have signed it.
      assert.match(await desk.ask(await desk.sign({ sub: `${alg}2` }, { key, header: { kid: undefined } })), /^oidc:/);
      const wrong = await desk.sign({}, { key: await makeKey("c", alg), header: { kid: undefined } });
      assert.match(await desk.ask(wrong), /its signature is wrong/);
    }
  });

  test("may spell its type in any of the usual ways, or omit it", async (t) => {
    const desk = await Desk.open(t);
    for (const typ of ["JWT", "at+jwt", "application/at+jwt", "AT+JWT", undefined]) {
      assert.match(await desk.ask(await desk.sign({ sub: `${typ}` }, { header: { typ } })), /^oidc:/, typ);
    }
    const strict = await Desk.open(t, { tokenTypes: ["at+jwt"] });
    assert.match(await strict.ask(await strict.sign()), /its type \(typ\) is not allowed; allowed are at\+jwt/);
  });
});

describe("time", () => {
  test("start and end are exact to the second, with the allowance", async (t) => {
    const desk = await Desk.open(t, { clockSkewSeconds: 10 });
    const seconds = NOW / SECOND;
    const cases = [
      [{ exp: seconds - 9 }, /^oidc:/],
      [{ exp: seconds - 10 }, /it has expired/],
      [{ nbf: seconds + 10 }, /^oidc:/],
      [{ nbf: seconds + 11 }, /it is not valid yet/],
    ] as const;
    for (const [claims, expected] of cases) assert.match(await desk.ask(await desk.sign(claims)), expected);
  });

  test("a cached token ends anyway", async (t) => {
    const desk = await Desk.open(t);
    const token = await desk.sign({ exp: NOW / SECOND + 10 });
    assert.match(await desk.ask(token), /^oidc:/);
    desk.now += 39 * SECOND;
    assert.match(await desk.ask(token), /^oidc:/);
    desk.now += SECOND;
    assert.match(await desk.ask(token), /it has expired/);
  });

  test("a token is cached for a minute and then answered synchronously", async (t) => {
    const desk = await Desk.open(t);
    const token = await desk.sign();
    assert.ok(desk.tokens.authenticate(token) instanceof Promise);
    await desk.ask(token);
    desk.now += 59 * SECOND;
    assert.ok(!(desk.tokens.authenticate(token) instanceof Promise));
    desk.now += SECOND;
    assert.ok(desk.tokens.authenticate(token) instanceof Promise);
  });
});

describe("roles", () => {
  const FORMS: readonly (readonly [rolesClaim: unknown, claims: object])[] = [
    ["roles", { roles: ["support"] }],
    ["roles", { roles: "support" }],
    ["scope", { scope: "openid support" }],
    ["realm_access.roles", { realm_access: { roles: ["other", "support"] } }],
    ["https://x.example/roles", { "https://x.example/roles": ["support"] }],
    ["urn:example:project:roles", { "urn:example:project:roles": { support: { "1": "acme" } } }],
    [["resource_access", "my.client", "roles"], { resource_access: { "my.client": { roles: ["support"] } } }],
  ];
  for (const [rolesClaim, claims] of FORMS) {
    test(`${JSON.stringify(rolesClaim)} of ${JSON.stringify(claims)}`, async (t) => {
      const desk = await Desk.open(t, { rolesClaim });
      assert.deepEqual(await desk.permissions(claims), new Set(ROLES.operator));
    });
  }

  test("grant nothing unless they are mapped, whatever their names and types", async (t) => {
    const desk = await Desk.open(t);
    const odd = [
      [],
      ["owner", "operator"],
      ["constructor", "__proto__"],
      [["boss"], { boss: 1 }, null, 7],
      7,
      true,
      null,
    ];
    for (const roles of odd) assert.equal((await desk.permissions({ roles })).size, 0, JSON.stringify(roles));
    assert.equal((await desk.permissions({ roles: undefined })).size, 0);
  });

  test("are combined", async (t) => {
    const desk = await Desk.open(t, { roles: { a: "login", b: "auditor" } });
    assert.deepEqual(await desk.permissions({ roles: ["a", "b"] }), new Set([...ROLES.login, ...ROLES.auditor]));
  });
});

describe("the scope", () => {
  test("is the organization of the claim; a missing claim never means the instance", async (t) => {
    const desk = await Desk.open(t, { scope: undefined, organizationClaim: "org.id" });
    const scopeOf = async (claims: object) => {
      const result = await desk.tokens.authenticate(await desk.sign(claims));
      return result.ok ? result.actor.scope : result.refusal.message;
    };
    assert.equal(await scopeOf({ org: { id: "acme" } }), "acme");
    for (const org of [undefined, null, {}, { id: null }, { id: "" }, { id: ["acme"] }, { id: "a\nb" }, "acme"]) {
      assert.match(String(await scopeOf({ org })), /its claim "org\.id" does not name an organization/);
    }
  });

  test("is the one organization that the file names", async (t) => {
    const desk = await Desk.open(t, { scope: undefined, organization: "acme" });
    const result = await desk.tokens.authenticate(await desk.sign({ organization: "other" }));
    assert.equal(result.ok && result.actor.scope, "acme");
  });
});

describe("how often an issuer is asked", () => {
  test("once for any number of simultaneous tokens", async (t) => {
    const desk = await Desk.open(t);
    const all = await Promise.all(Array.from({ length: 50 }, (_, i) => desk.sign({ sub: `u${i}` })));
    for (const said of await Promise.all(all.map((token) => desk.ask(token)))) assert.match(said, /^oidc:/);
    assert.equal(desk.keyFetches, 1);
  });

  test("once in five seconds for any number of invented key ids", async (t) => {
    const desk = await Desk.open(t);
    assert.match(await desk.ask(await desk.sign()), /^oidc:/);
    desk.now += 5 * SECOND;
    const key = await makeKey("two");
    const invented = await Promise.all(
      Array.from({ length: 50 }, (_, i) => desk.sign({}, { key, header: { kid: `k${i}` } })),
    );
    for (const [index, token] of invented.entries()) {
      assert.match(await desk.ask(token), index === 0 ? /its issuer has no such key/ : /^ISSUER_UNAVAILABLE/);
    }
    assert.equal(desk.keyFetches, 2);
    desk.issuer.published = [key.published];
    desk.now += 5 * SECOND;
    assert.match(await desk.ask(await desk.sign({}, { key })), /^oidc:/);
  });

  test("again when the keys are ten minutes old, in the background", async (t) => {
    const desk = await Desk.open(t);
    await desk.ask(await desk.sign());
    desk.now += 600 * SECOND + 1;
    desk.issuer.published = [];
    assert.match(await desk.ask(await desk.sign({ sub: "bob" })), /^oidc:/);
    await until(() => desk.keyFetches === 2, "the second fetch");
    while (/^oidc:/.test(await desk.ask(await desk.sign({ sub: `${Math.random()}` })))) {}
  });

  test("and calls wait for it when the keys are older, so that a withdrawn key is not accepted", async (t) => {
    const desk = await Desk.open(t);
    const exp = NOW / SECOND + 1e6;
    await desk.ask(await desk.sign());
    desk.issuer.published = [(await makeKey("two")).published];
    desk.now += 1_200 * SECOND + 1;
    assert.match(await desk.ask(await desk.sign({ exp, sub: "thief" })), /its issuer has no such key/);
    assert.equal(desk.keyFetches, 2);
  });

  test("for a new key only later if an invented one made it ask a moment ago", async (t) => {
    const desk = await Desk.open(t);
    await desk.ask(await desk.sign());
    desk.now += 5 * SECOND;
    const key = await makeKey("two");
    assert.match(await desk.ask(await desk.sign({}, { key })), /^CREDENTIAL_INVALID.*its issuer has no such key/);
    desk.issuer.published = [key.published];
    desk.now += SECOND;
    assert.match(await desk.ask(await desk.sign({ sub: "bob" }, { key })), /^ISSUER_UNAVAILABLE/);
    desk.now += 4 * SECOND;
    assert.match(await desk.ask(await desk.sign({ sub: "bob" }, { key })), /^oidc:/);
  });

  test("calls with a known key do not wait for an issuer that was just found to be down", async (t) => {
    const desk = await Desk.open(t);
    const exp = NOW / SECOND + 1e6;
    await desk.ask(await desk.sign());
    const { site } = desk.issuer;
    site.listener = (_, response) => response.writeHead(500).end();
    desk.now += 3_600 * SECOND;
    assert.match(await desk.ask(await desk.sign({ exp, sub: "bob" })), /^oidc:/);
    // From now on it does not answer at all, and a call that waits for it waits until the timeout.
    let givenUp = 0;
    site.listener = (_, response) => response.on("close", () => givenUp++);
    for (let i = 0; i < 2; i++) {
      desk.now += 30 * SECOND;
      assert.match(await desk.ask(await desk.sign({ exp, sub: `bob${i}` })), /^oidc:/);
    }
    assert.equal(givenUp, 0);
  });

  test("keys stay valid for a day while it is down, then no longer", async (t) => {
    const desk = await Desk.open(t);
    await desk.ask(await desk.sign());
    await desk.issuer.site.close();
    const exp = NOW / SECOND + 1e6;
    desk.now += 86_400 * SECOND;
    assert.match(await desk.ask(await desk.sign({ exp, sub: "bob" })), /^oidc:/);
    desk.now += 10 * SECOND;
    assert.match(await desk.ask(await desk.sign({ exp, sub: "cid" })), /^ISSUER_UNAVAILABLE/);
  });
});

describe("an issuer with an invalid answer counts as down:", () => {
  const discovery = (site: Site, more: object): string =>
    JSON.stringify({ issuer: site.url, jwks_uri: `${site.url}/keys`, ...more });
  type Serve = (site: Site, path: string) => { status?: number; location?: string; body?: string };
  const ODD: readonly (readonly [name: string, serve: Serve, trouble: RegExp])[] = [
    [
      "of another name",
      (site) => ({ body: discovery(site, { issuer: "https://x.example" }) }),
      /belongs to another issuer: "https:\/\/x\.example"/,
    ],
    [
      "of the name with a slash",
      (site) => ({ body: discovery(site, { issuer: `${site.url}/` }) }),
      /belongs to another issuer/,
    ],
    ["no keys", (site) => ({ body: discovery(site, { jwks_uri: undefined }) }), /names no jwks_uri/],
    [
      "keys in cleartext elsewhere",
      (site) => ({ body: discovery(site, { jwks_uri: "http://192.0.2.1/keys" }) }),
      /jwks_uri that is not https/,
    ],
    [
      "keys in a file",
      (site) => ({ body: discovery(site, { jwks_uri: "file:///etc/passwd" }) }),
      /jwks_uri that is not https/,
    ],
    ["a redirect", (site) => ({ status: 302, location: `${site.url}/elsewhere` }), /cannot be fetched/],
    ["an error", () => ({ status: 500 }), /answers 500/],
    ["no JSON", () => ({ body: "<html>" }), /does not answer JSON/],
    ["null", () => ({ body: "null" }), /belongs to another issuer/],
    ["too much", () => ({ body: `"${"x".repeat(600_000)}"` }), /answers more than 524288 bytes/],
    [
      "keys that are no list",
      (site, path) => ({ body: path === "/keys" ? '{"keys":1}' : discovery(site, {}) }),
      /is not a set of at most 100 keys/,
    ],
    [
      "too many keys",
      (site, path) => ({
        body: path === "/keys" ? JSON.stringify({ keys: Array(101).fill({}) }) : discovery(site, {}),
      }),
      /at most 100 keys/,
    ],
  ];
  for (const [name, serve, trouble] of ODD) {
    test(name, async (t) => {
      const desk = await Desk.open(t);
      const { site } = desk.issuer;
      site.listener = (request, response) => {
        const { status = 200, location, body = "" } = serve(site, request.url ?? "");
        response.writeHead(status, location === undefined ? {} : { location }).end(body);
      };
      assert.match(
        await desk.ask(await desk.sign()),
        /^ISSUER_UNAVAILABLE: the keys of the issuer "[^"]+" cannot be fetched now$/,
      );
      assert.match(desk.trouble.join(), trouble);
      assert.ok(!site.asked.includes("/elsewhere"));
    });
  }
});
