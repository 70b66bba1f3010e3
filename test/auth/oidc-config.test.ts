/** The file of OIDC issuers: what it may contain, and the errors for everything else. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { ALGORITHMS, parseIssuers } from "../../src/auth/oidc-config.ts";

const RIGHT = {
  issuer: "https://issuer.example",
  audiences: ["api"],
  rolesClaim: "roles",
  roles: { support: "operator" },
  scope: "instance",
};

const withMembers = (more: object): string => JSON.stringify({ issuers: [{ ...RIGHT, ...more }] });

const ALLOWED: readonly (readonly [more: object, expected: object])[] = [
  [{}, { clockSkewMs: 30_000, algorithms: ["RS256", "PS256", "ES256", "EdDSA", "Ed25519"] }],
  [{}, { tokenTypes: ["at+jwt", "jwt"], scope: { kind: "instance" }, roles: new Map([["support", "operator"]]) }],
  [{ issuer: "http://127.0.0.1:80/a" }, { issuer: "http://127.0.0.1:80/a" }],
  [{ issuer: "http://[::1]:80/" }, { issuer: "http://[::1]:80/" }],
  [{ issuer: "http://localhost:80" }, { issuer: "http://localhost:80" }],
  [{ rolesClaim: "realm_access.roles" }, { rolesClaim: ["realm_access", "roles"] }],
  [{ rolesClaim: "https://x.example/roles" }, { rolesClaim: ["https://x.example/roles"] }],
  [{ rolesClaim: "urn:example:project:roles" }, { rolesClaim: ["urn:example:project:roles"] }],
  [
    { rolesClaim: ["resource_access", "my.client", "roles"] },
    { rolesClaim: ["resource_access", "my.client", "roles"] },
  ],
  [{ scope: undefined, organization: "acme" }, { scope: { kind: "organization", organizationId: "acme" } }],
  [{ scope: undefined, organizationClaim: "org.id" }, { scope: { kind: "claim", path: ["org", "id"] } }],
  [{ clockSkewSeconds: 0 }, { clockSkewMs: 0 }],
  [{ clockSkewSeconds: 300 }, { clockSkewMs: 300_000 }],
  [{ algorithms: ["ES512"] }, { algorithms: ["ES512"] }],
  [{ tokenTypes: ["at+jwt"] }, { tokenTypes: ["at+jwt"] }],
  [{ console: { clientId: "c" } }, { console: { clientId: "c", scopes: ["openid"] } }],
  [
    { console: { clientId: "c", scopes: ["openid", "roles"], audience: "a", resource: "https://a.example" } },
    { console: { clientId: "c", scopes: ["openid", "roles"], audience: "a", resource: "https://a.example" } },
  ],
];

const REFUSED: readonly (readonly [text: string, message: RegExp])[] = [
  ["{", /^the file is not JSON: /],
  ["[]", /^the document: \[\] is not allowed; it must be an object with issuers$/],
  ['{"issuer":[]}', /^unknown member "issuer"; the members are issuers$/],
  ['{"issuers":[]}', /^issuers: \[\] is not allowed; it must be a list of 1 to 100 issuers$/],
  ['{"issuers":[1]}', /^issuers\[0\]: 1 is not allowed; it must be an object with issuer, audiences, /],
  [withMembers({ audience: "x" }), /^issuers\[0\]: unknown member "audience"; the members are issuer, audiences/],
  [
    JSON.stringify({ issuers: [RIGHT, RIGHT] }),
    /^issuers\[1\]\.issuer: "https:\/\/issuer\.example" is not allowed; it must be an issuer that is not named before$/,
  ],
  [withMembers({ issuer: undefined }), /^issuers\[0\]\.issuer: nothing is not allowed; it must be an https URL/],
  [withMembers({ issuer: "issuer.example" }), /^issuers\[0\]\.issuer: "issuer\.example" is not allowed/],
  [withMembers({ issuer: "http://issuer.example" }), /issuer: "http:\/\/issuer\.example" is not allowed/],
  [withMembers({ issuer: "http://127.0.0.1.example" }), /issuer: .* is not allowed/],
  [withMembers({ issuer: "https://issuer.example?x" }), /issuer: .* is not allowed/],
  [withMembers({ issuer: "https://issuer.example#" }), /issuer: .* is not allowed/],
  [withMembers({ issuer: "https://a:b@issuer.example" }), /issuer: .* is not allowed/],
  [withMembers({ issuer: `https://${"a".repeat(200)}` }), /issuer: "https:\/\/a+…" is not allowed/],
  [
    withMembers({ audiences: [] }),
    /^issuers\[0\]\.audiences: \[\] is not allowed; it must be a list of 1 to 100 texts/,
  ],
  [withMembers({ audiences: "api" }), /audiences: "api" is not allowed/],
  [withMembers({ audiences: [""] }), /audiences: \[""\] is not allowed/],
  [withMembers({ rolesClaim: "" }), /^issuers\[0\]\.rolesClaim: "" is not allowed; it must be the name of a claim/],
  [withMembers({ rolesClaim: "a..b" }), /rolesClaim: "a\.\.b" is not allowed/],
  [withMembers({ rolesClaim: [1] }), /rolesClaim: \[1\] is not allowed/],
  [withMembers({ roles: {} }), /^issuers\[0\]\.roles: \{\} is not allowed; it must be an object of 1 to 100 members/],
  [withMembers({ roles: ["operator"] }), /roles: \["operator"\] is not allowed; it must be an object/],
  [
    withMembers({ roles: { a: "admin" } }),
    /^issuers\[0\]\.roles\["a"\]: "admin" is not allowed; it must be one of owner, operator, viewer, login, auditor$/,
  ],
  [withMembers({ roles: { a: "constructor" } }), /"constructor" is not allowed/],
  [withMembers({ scope: undefined }), /^issuers\[0\]: exactly one of "organizationClaim" .* must be given$/],
  [withMembers({ organization: "acme" }), /^issuers\[0\]: exactly one of/],
  [withMembers({ scope: "all" }), /^issuers\[0\]\.scope: "all" is not allowed; it must be "instance"$/],
  [
    withMembers({ scope: undefined, organization: " " }),
    /organization: " " is not allowed; it must be the id of an organization/,
  ],
  [withMembers({ scope: undefined, organizationClaim: 1 }), /organizationClaim: 1 is not allowed/],
  [
    withMembers({ clockSkewSeconds: 301 }),
    /^issuers\[0\]\.clockSkewSeconds: 301 is not allowed; it must be a whole number from 0 to 300$/,
  ],
  [withMembers({ clockSkewSeconds: -1 }), /-1 is not allowed/],
  [withMembers({ clockSkewSeconds: "30" }), /"30" is not allowed/],
  [
    withMembers({ algorithms: ["RS256", "HS256"] }),
    /^issuers\[0\]\.algorithms\[1\]: "HS256" is not allowed; it must be one of RS256, /,
  ],
  [withMembers({ algorithms: ["none"] }), /algorithms\[0\]: "none" is not allowed/],
  [withMembers({ algorithms: [] }), /algorithms: \[\] is not allowed/],
  [
    withMembers({ console: {} }),
    /^issuers\[0\]\.console\.clientId: nothing is not allowed; it must be a text of 1 to 200/,
  ],
  [withMembers({ console: { clientId: "c", scopes: [] } }), /^issuers\[0\]\.console\.scopes: \[\] is not allowed/],
  [withMembers({ console: { clientId: "c", audience: 1 } }), /^issuers\[0\]\.console\.audience: 1 is not allowed/],
  [
    withMembers({ console: { secret: "s" } }),
    /^issuers\[0\]\.console: unknown member "secret"; the members are clientId/,
  ],
  [
    withMembers({ tokenTypes: ["logout+jwt"] }),
    /^issuers\[0\]\.tokenTypes\[0\]: "logout\+jwt" is not allowed; it must be one of at\+jwt, jwt$/,
  ],
];

describe("the file of issuers", () => {
  for (const [more, expected] of ALLOWED) {
    test(`may contain ${JSON.stringify(more)}`, () => {
      const [config] = parseIssuers(withMembers(more));
      assert.partialDeepStrictEqual(config, expected);
    });
  }

  for (const [text, message] of REFUSED) {
    test(`is refused as ${text.slice(0, 200)}`, () => {
      assert.throws(() => parseIssuers(text), { message });
    });
  }

  test("knows no algorithm with which a verifier could also sign", () => {
    for (const algorithm of ALGORITHMS) assert.match(algorithm, /^(?:RS|PS|ES)\d{3}$|^Ed(?:DSA|25519)$/);
  });
});
