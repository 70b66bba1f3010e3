/** Tokens of OIDC issuers as credentials, through every wire: who gets in, who does not, and what the history shows. */
import assert from "node:assert/strict";
import { describe, type TestContext, test } from "node:test";
import { base64url, SignJWT, UnsecuredJWT } from "jose";
import { HandmadeIssuer, issuersFile, makeKey, RealIssuer } from "../support/issuers.ts";
import { assertRefused } from "../support/refusals.ts";
import { clientsOf, type Running, type RunOptions, startService } from "../support/service.ts";
import { ask, codeOf, RAW_WIRES, RawClient, type RawWire, readAnswer } from "../support/wires.ts";

/** The real time, and what is added to it. */
class MovableClock {
  ahead = 0;
  readonly now = (): number => Date.now() + this.ahead;
}

interface Lab {
  readonly service: Running;
  readonly issuer: HandmadeIssuer;
  readonly clock: MovableClock;
  readonly client: RawClient;
}

async function open(
  t: TestContext,
  more: Readonly<Record<string, unknown>> = {},
  options: RunOptions = {},
): Promise<Lab> {
  const issuer = await HandmadeIssuer.open(t);
  const clock = new MovableClock();
  const oidcIssuers = await issuersFile(t, [{ issuer: issuer.url, ...more }]);
  const service = await startService(t, { ...options, clock: clock.now, config: { oidcIssuers } });
  const client = new RawClient(service.url);
  t.after(() => client.close());
  return { service, issuer, clock, client };
}

const wireNamed = (name: string): RawWire => {
  const found = RAW_WIRES.find((wire) => wire.name === name);
  assert.ok(found !== undefined, name);
  return found;
};
const GRPC = wireNamed("gRPC, HTTP/2");
const REST = wireNamed("REST, HTTP/1.1");

const callsLogged = (service: Running): readonly Readonly<Record<string, unknown>>[] =>
  service
    .log()
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line) as Record<string, unknown>)
    .filter(({ message }) => message === "call");

describe("a token of a real provider", () => {
  test("gets in, over every wire, and is the actor of what it does", async (t) => {
    const issuer = await RealIssuer.open(t);
    const rolesClaim = "scope";
    const oidcIssuers = await issuersFile(t, [{ issuer: issuer.url, rolesClaim }]);
    const service = await startService(t, { config: { oidcIssuers } });
    const token = await issuer.token("support");
    const client = new RawClient(service.url);
    t.after(() => client.close());
    await service.users.createUser({ userId: "alice" });
    for (const wire of RAW_WIRES) {
      assert.equal(codeOf(await ask(client, wire, token)), "OK", wire.name);
      assert.equal(codeOf(await ask(client, wire, token, "UnlockUser")), "OK", wire.name);
    }
    const { events } = await service.users.listUserEvents({ userId: "alice" });
    const actors = new Set(events.map(({ actor }) => actor));
    assert.ok(actors.has(`oidc:${issuer.url}|desk`), [...actors].join());
    assert.equal(actors.size, 2);
  });

  test("a role with too few permissions is refused with what is missing; a token for another audience is refused", async (t) => {
    const issuer = await RealIssuer.open(t);
    const oidcIssuers = await issuersFile(t, [
      { issuer: issuer.url, rolesClaim: "scope", roles: { support: "viewer" } },
    ]);
    const service = await startService(t, { config: { oidcIssuers } });
    const client = new RawClient(service.url);
    t.after(() => client.close());
    for (const wire of [GRPC, REST]) {
      const lacking = readAnswer(await ask(client, wire, await issuer.token("support")));
      assert.ok(typeof lacking === "object");
      assert.equal(lacking.reason, "PERMISSION_MISSING");
      assert.match(lacking.message, /LockUser needs the permission user\.write/);
      const other = readAnswer(await ask(client, wire, await issuer.token("support", "https://other.test")));
      assert.ok(typeof other === "object");
      assert.deepEqual([other.code, other.reason], ["Unauthenticated", "CREDENTIAL_INVALID"]);
      assert.match(other.message, /its audience \(aud\) is not this service/);
    }
  });

  test("goes on after its issuer has changed its key, and the former key ceases to be one", async (t) => {
    const issuer = await RealIssuer.open(t);
    const clock = new MovableClock();
    const oidcIssuers = await issuersFile(t, [{ issuer: issuer.url, rolesClaim: "scope" }]);
    const service = await startService(t, { clock: clock.now, config: { oidcIssuers } });
    await service.users.createUser({ userId: "alice" });
    const client = new RawClient(service.url);
    t.after(() => client.close());
    const [before, unused] = [await issuer.token("support"), await issuer.token("support boss")];
    assert.equal(codeOf(await ask(client, GRPC, before)), "OK");
    await issuer.rotate("second");
    clock.ahead += 6_000;
    assert.equal(codeOf(await ask(client, GRPC, await issuer.token("support"), "UnlockUser")), "OK");
    clock.ahead += 6_000;
    assert.equal(codeOf(await ask(client, GRPC, unused)), "Unauthenticated");
    // What was verified is remembered for a minute, no longer.
    assert.equal(codeOf(await ask(client, GRPC, before)), "OK");
    clock.ahead += 61_000;
    assert.equal(codeOf(await ask(client, GRPC, before)), "Unauthenticated");
  });
});

const UNPUBLISHED = "signed by a key that is not published";

type Forge = (lab: Lab) => Promise<string> | string;

const now = (): number => Math.floor(Date.now() / 1000);
const withClaims =
  (claims: () => Readonly<Record<string, unknown>>): Forge =>
  ({ issuer }) =>
    issuer.sign(claims());
const withHeader =
  (header: object): Forge =>
  ({ issuer }) =>
    issuer.sign({}, { header });
const changed = (token: string, part: number, change: (text: string) => string): string =>
  token
    .split(".")
    .map((each, i) => (i === part ? change(each) : each))
    .join(".");

/** Each is wrong in one way, and refused for it. */
const HOSTILE: readonly (readonly [name: string, forge: Forge, message: RegExp])[] = [
  ["expired", withClaims(() => ({ exp: now() - 31 })), /it has expired/],
  ["not valid yet", withClaims(() => ({ nbf: now() + 40 })), /it is not valid yet \(nbf\)/],
  ["without an end", withClaims(() => ({ exp: undefined })), /its claim "exp" is missing/],
  ["with an end that is not a number", withClaims(() => ({ exp: "9999999999" })), /claim "exp"/],
  ["for another audience", withClaims(() => ({ aud: "https://other.test" })), /its audience/],
  ["for no audience", withClaims(() => ({ aud: undefined })), /its audience/],
  ["of another issuer", withClaims(() => ({ iss: "https://other.test" })), /its issuer is not one that this service/],
  ["of an issuer that differs by a slash", ({ issuer }) => issuer.sign({ iss: `${issuer.url}/` }), /its issuer is not/],
  ["of no issuer", withClaims(() => ({ iss: undefined })), /its issuer is not one that this service trusts/],
  ["of nobody", withClaims(() => ({ sub: undefined })), /its claim "sub" is missing/],
  ["of somebody with an empty name", withClaims(() => ({ sub: "" })), /its subject/],
  ["of somebody with a long name", withClaims(() => ({ sub: "a".repeat(256) })), /its subject/],
  ["of somebody with a line break", withClaims(() => ({ sub: "ann\nbob" })), /its subject/],
  ["bound to a key", withClaims(() => ({ cnf: { jkt: "x" } })), /bound to a key/],
  ["that is an ID token", withClaims(() => ({ at_hash: "x" })), /it is an ID token/],
  ["of another type", withHeader({ typ: "logout+jwt" }), /its type \(typ\)/],
  ["of a proof's type", withHeader({ typ: "dpop+jwt" }), /its type \(typ\)/],
  ["with an extension that must be understood", withHeader({ crit: ["x"], x: 1 }), /it is malformed/],
  [
    "with alg none",
    ({ issuer }) =>
      new UnsecuredJWT({ roles: ["boss"] })
        .setIssuer(issuer.url)
        .setSubject("ann")
        .setAudience("https://lockkeeper.test")
        .setExpirationTime("1h")
        .encode(),
    /its algorithm \(alg\) is not allowed/,
  ],
  [
    "with the public key as a shared secret",
    ({ issuer }) =>
      new SignJWT({ iss: issuer.url, sub: "ann", aud: "https://lockkeeper.test", roles: ["boss"], exp: now() + 60 })
        .setProtectedHeader({ alg: "HS256", kid: "one" })
        .sign(new TextEncoder().encode(JSON.stringify(issuer.key.published))),
    /its algorithm/,
  ],
  [
    "signed by another key of the same id",
    async ({ issuer }) => issuer.sign({}, { key: await makeKey("one") }),
    /its signature is wrong/,
  ],
  [UNPUBLISHED, async ({ issuer }) => issuer.sign({}, { key: await makeKey("two") }), /its issuer has no such key/],
  [
    "that brings its own key",
    async ({ issuer }) => {
      const key = await makeKey("one");
      return issuer.sign({}, { key, header: { jwk: key.published, jku: "http://127.0.0.1:1/keys" } });
    },
    /its signature is wrong/,
  ],
  [
    "whose claims were exchanged",
    async ({ issuer }) =>
      changed(await issuer.sign(), 1, (text) => {
        const claims = JSON.parse(new TextDecoder().decode(base64url.decode(text))) as object;
        return base64url.encode(JSON.stringify({ ...claims, roles: ["boss"] }));
      }),
    /its signature is wrong/,
  ],
  [
    "whose signature was cut off",
    async ({ issuer }) => changed(await issuer.sign(), 2, () => ""),
    /the token is refused/,
  ],
  ["in five parts", async ({ issuer }) => `${await issuer.sign()}.a.b`, /it is malformed/],
  ["that is not JSON", () => "eyJ.eyJ.eyJ", /it is malformed/],
  [
    "that is too large",
    ({ issuer }) => issuer.sign({ more: "a".repeat(6_200) }),
    /the token has \d+ characters; at most 8192/,
  ],
];

describe("a token is refused, and no handler runs,", () => {
  test("whatever is wrong with it, over gRPC and REST", async (t) => {
    const lab = await open(t);
    await lab.service.users.createUser({ userId: "alice" });
    for (const [name, forge, message] of HOSTILE) {
      const token = await forge(lab);
      for (const wire of [GRPC, REST]) {
        // Sooner the issuer is not asked again, and nobody knows which keys it has.
        if (name === UNPUBLISHED) lab.clock.ahead += 5_000;
        const said = readAnswer(await ask(lab.client, wire, token));
        assert.ok(typeof said === "object", `${name}: ${String(said)}`);
        assert.deepEqual([said.code, said.reason], ["Unauthenticated", "CREDENTIAL_INVALID"], name);
        assert.match(said.message, message, name);
      }
      // More failures than 20 in a second are throttled, which is not asked here.
      lab.clock.ahead += 200;
    }
    // Had a request been read, its user would be in the log.
    const refused = callsLogged(lab.service).filter(({ reason }) => reason === "CREDENTIAL_INVALID");
    assert.equal(refused.length, 2 * HOSTILE.length);
    for (const line of refused) assert.deepEqual([line.userId, line.actor], [undefined, undefined]);
    const { events } = await lab.service.users.listUserEvents({ userId: "alice" });
    assert.equal(events.length, 1);
  });
});

describe("an organization in the token", () => {
  test("confines its holder: users elsewhere are not there", async (t) => {
    const { service, issuer, client } = await open(t, { organizationClaim: "https://lockkeeper.test/org" });
    await service.organizations.createOrganization({ organizationId: "acme" });
    await service.users.createUser({ userId: "alice" });
    await service.users.createUser({ userId: "bob", organizationId: "acme" });
    const token = await issuer.sign({ "https://lockkeeper.test/org": "acme" });
    const elsewhere = readAnswer(await ask(client, GRPC, token));
    assert.equal(typeof elsewhere === "object" && elsewhere.reason, "USER_NOT_FOUND");
    assert.equal(codeOf(await ask(client, GRPC, token, "LockUser", { userId: "bob" })), "OK");
    const nowhere = readAnswer(await ask(client, GRPC, await issuer.sign()));
    assert.ok(typeof nowhere === "object");
    assert.match(nowhere.message, /its claim "https:\/\/lockkeeper\.test\/org" does not name an organization/);
  });
});

describe("an issuer that cannot be reached", () => {
  test("costs those whose key is known nothing; the others are told to come back, on every wire", async (t) => {
    const { service, issuer, client, clock } = await open(t);
    await service.users.createUser({ userId: "alice" });
    assert.equal(codeOf(await ask(client, GRPC, await issuer.sign())), "OK");
    await issuer.site.close();
    clock.ahead += 11 * 60_000;
    const later = { now: clock.now() };
    assert.equal(codeOf(await ask(client, GRPC, await issuer.sign({ sub: "bob" }, later), "UnlockUser")), "OK");
    const unknown = await issuer.sign({}, { ...later, key: await makeKey("two") });
    for (const wire of RAW_WIRES) {
      const said = readAnswer(await ask(client, wire, unknown));
      assert.ok(typeof said === "object", wire.name);
      assert.deepEqual([said.code, said.reason], ["Unavailable", "ISSUER_UNAVAILABLE"], wire.name);
    }
    const answer = await ask(client, REST, unknown);
    assert.equal(answer.status, 503);
    assert.match(answer.headers["retry-after"] ?? "", /^[1-5]$/);
    assert.match(service.log(), /issuer trouble/);
  });

  test("does not evade the pace of answers by a flood of tokens that nobody can check", async (t) => {
    const { service, issuer, client } = await open(t, {}, { isOneProcess: true });
    await issuer.site.close();
    const key = await makeKey("two");
    let told = 0;
    const flood = Array.from({ length: 60 }, async (_, i) => {
      const said = readAnswer(await ask(client, REST, await issuer.sign({ sub: `s${i}` }, { key })));
      told += 1;
      return typeof said === "object" && said.reason;
    });
    while (told < 20) await new Promise((resolve) => setImmediate(resolve));
    await service.users.createUser({ userId: "alice" });
    assert.ok(told < 40, `${told} of 60 were answered before a call with a key was answered`);
    assert.deepEqual(new Set(await Promise.all(flood)), new Set(["ISSUER_UNAVAILABLE"]));
  });

  test("does not keep the service from starting", async (t) => {
    const oidcIssuers = await issuersFile(t, [{ issuer: "http://127.0.0.1:1" }]);
    const service = await startService(t, { config: { oidcIssuers } });
    await service.users.createUser({ userId: "alice" });
    assert.match(service.log(), /issuer trouble/);
  });
});

describe("a token that ends", () => {
  test("ends the streams of events that it opened", async (t) => {
    const { service, issuer, clock } = await open(t, { clockSkewSeconds: 0 });
    const token = await issuer.sign({ exp: Math.floor(clock.now() / 1000) + 60 });
    const stream = clientsOf(service.url, token).events.watchEvents({})[Symbol.asyncIterator]();
    assert.equal((await stream.next()).value?.events.length, 0);
    clock.ahead += 61_000;
    await assertRefused(stream.next(), "Unauthenticated", "CREDENTIAL_INVALID");
  });

  test("between admission and commit changes nothing", async (t) => {
    const { service, issuer, client, clock } = await open(t, { clockSkewSeconds: 0 });
    await service.users.createUser({ userId: "alice" });
    const ends = Math.floor(clock.now() / 1000) + 60;
    const token = await issuer.sign({ exp: ends });
    const request = GRPC.request("LockUser", { userId: "alice" });
    const headers = { ...request.headers, authorization: `Bearer ${token}` };
    const slow = client.sendSlowly({ ...request, headers }, () => {
      clock.ahead += 61_000;
    });
    const said = readAnswer(await slow);
    assert.ok(typeof said === "object", String(said));
    assert.deepEqual([said.code, said.reason], ["Unauthenticated", "CREDENTIAL_INVALID"]);
    const { events } = await service.users.listUserEvents({ userId: "alice" });
    assert.equal(events.length, 1);
  });
});
