/** Reads the file of `--oidc-issuers`: which OIDC issuers are trusted, and what their tokens may do. */
import { idFault } from "../domain/identity.ts";
import { shown } from "../domain/refusal.ts";
import { isRole, ROLES, type Role } from "./permissions.ts";
import { isLoopback } from "./remote-json.ts";

/** Asymmetric signatures only: a shared secret does not prove who signed. */
export const ALGORITHMS = [
  "RS256",
  "RS384",
  "RS512",
  "PS256",
  "PS384",
  "PS512",
  "ES256",
  "ES384",
  "ES512",
  "EdDSA",
  "Ed25519",
] as const;
const ALGORITHMS_DEFAULT: readonly string[] = ["RS256", "PS256", "ES256", "EdDSA", "Ed25519"];

/** Values of the header `typ`: of an RFC 9068 access token, and of older JWTs. */
const TOKEN_TYPES = ["at+jwt", "jwt"] as const;
export type TokenType = (typeof TOKEN_TYPES)[number];

const SKEW_SECONDS_DEFAULT = 30;
const SKEW_SECONDS_MAX = 300;
const ISSUERS_MAX = 100;
const LIST_MAX = 100;
const TEXT_CHARS_MAX = 200;

/** Path of a claim in a token: names from the outermost inwards. */
export type ClaimPath = readonly string[];

/** The scope in which the holder of a token may act. */
export type TokenScope =
  | { readonly kind: "instance" }
  | { readonly kind: "organization"; readonly organizationId: string }
  | { readonly kind: "claim"; readonly path: ClaimPath };

export interface IssuerConfig {
  /** Must equal the issuer in the discovery document and in every token, character for character. */
  readonly issuer: string;
  readonly audiences: readonly string[];
  readonly rolesClaim: ClaimPath;
  /** The issuer's role name → our role. Other names grant nothing. */
  readonly roles: ReadonlyMap<string, Role>;
  readonly scope: TokenScope;
  readonly clockSkewMs: number;
  readonly algorithms: readonly string[];
  readonly tokenTypes: readonly TokenType[];
  /** How the browser console signs in here. Absent: it does not offer this issuer. */
  readonly console?: ConsoleClient;
}

/** The browser console as a client of an issuer: public, with PKCE, its redirect URI ending in `/console/callback`. */
export interface ConsoleClient {
  readonly clientId: string;
  readonly scopes: readonly string[];
  /** Sent as `audience` and as `resource` (RFC 8707) where the issuer needs one to make a token for this service. */
  readonly audience?: string;
  readonly resource?: string;
}

const SCOPES_DEFAULT: readonly string[] = ["openid"];

const MEMBERS = [
  "issuer",
  "audiences",
  "rolesClaim",
  "roles",
  "scope",
  "organization",
  "organizationClaim",
  "clockSkewSeconds",
  "algorithms",
  "tokenTypes",
  "console",
];

type Members = Readonly<Record<string, unknown>>;

/** Parses the document. Throws an Error that names the path in it, the value and what is allowed. */
export function parseIssuers(text: string): readonly IssuerConfig[] {
  let document: unknown;
  try {
    document = JSON.parse(text);
  } catch (error) {
    throw new Error(`the file is not JSON: ${error instanceof Error ? error.message : String(error)}`);
  }
  const { issuers } = readObject("", document, ["issuers"]);
  if (!Array.isArray(issuers) || issuers.length === 0 || issuers.length > ISSUERS_MAX) {
    fail("issuers", issuers, `a list of 1 to ${ISSUERS_MAX} issuers`);
  }
  const all = issuers.map((each: unknown, index) => readIssuer(`issuers[${index}]`, each));
  for (const [index, { issuer }] of all.entries()) {
    if (all.findIndex((other) => other.issuer === issuer) !== index) {
      fail(`issuers[${index}].issuer`, issuer, "an issuer that is not named before");
    }
  }
  return all;
}

function readIssuer(path: string, value: unknown): IssuerConfig {
  const members = readObject(path, value, MEMBERS);
  const at = (name: string): [string, unknown] => [`${path}.${name}`, members[name]];
  return {
    issuer: readIssuerUrl(...at("issuer")),
    audiences: readTexts(...at("audiences")),
    rolesClaim: readClaimPath(...at("rolesClaim")),
    roles: readRoles(...at("roles")),
    scope: readScope(path, members),
    clockSkewMs: readSkewSeconds(...at("clockSkewSeconds")) * 1000,
    algorithms: readSome(...at("algorithms"), ALGORITHMS, ALGORITHMS_DEFAULT),
    tokenTypes: readSome(...at("tokenTypes"), TOKEN_TYPES, TOKEN_TYPES),
    ...(members.console !== undefined && { console: readConsoleClient(...at("console")) }),
  };
}

function readConsoleClient(path: string, value: unknown): ConsoleClient {
  const { clientId, scopes, ...targets } = readObject(path, value, ["clientId", "scopes", "audience", "resource"]);
  const texts = Object.entries(targets).map(([name, each]) => [name, readText(`${path}.${name}`, each)]);
  return {
    clientId: readText(`${path}.clientId`, clientId),
    scopes: scopes === undefined ? SCOPES_DEFAULT : readTexts(`${path}.scopes`, scopes),
    ...Object.fromEntries(texts),
  };
}

function readText(path: string, value: unknown): string {
  const isText = typeof value === "string" && value !== "" && value.length <= TEXT_CHARS_MAX;
  if (!isText) fail(path, value, `a text of 1 to ${TEXT_CHARS_MAX} characters`);
  return value;
}

function readIssuerUrl(path: string, value: unknown): string {
  const allowed = `an https URL of at most ${TEXT_CHARS_MAX} characters without query, fragment and password (http on a loopback address alone)`;
  if (typeof value !== "string" || value.length > TEXT_CHARS_MAX || !URL.canParse(value)) fail(path, value, allowed);
  const url = new URL(value);
  const isSafe = url.protocol === "https:" || (url.protocol === "http:" && isLoopback(url));
  // After `?` or `#` the path of the discovery document would be lost.
  if (!isSafe || /[?#\s|]/.test(value) || url.username !== "" || url.password !== "") fail(path, value, allowed);
  return value;
}

function readRoles(path: string, value: unknown): ReadonlyMap<string, Role> {
  const entries = Object.entries(readObject(path, value));
  if (entries.length === 0 || entries.length > LIST_MAX) {
    fail(path, value, `an object of 1 to ${LIST_MAX} members, such as {"support": "operator"}`);
  }
  return new Map(
    entries.map(([name, role]) => {
      if (typeof role !== "string" || !isRole(role)) {
        fail(`${path}[${shown(name)}]`, role, `one of ${Object.keys(ROLES).join(", ")}`);
      }
      return [name, role];
    }),
  );
}

/** The scope is never guessed: a token without an organization must not reach all of them by an omission. */
function readScope(path: string, members: Members): TokenScope {
  const { scope, organization, organizationClaim } = members;
  if ([scope, organization, organizationClaim].filter((each) => each !== undefined).length !== 1) {
    throw new Error(
      `${path}: exactly one of "organizationClaim" (the claim with the organization's id), "organization" (one id for all) and "scope": "instance" must be given`,
    );
  }
  if (organizationClaim !== undefined) {
    return { kind: "claim", path: readClaimPath(`${path}.organizationClaim`, organizationClaim) };
  }
  if (organization !== undefined) {
    if (typeof organization !== "string" || idFault(organization) !== undefined) {
      fail(`${path}.organization`, organization, "the id of an organization");
    }
    return { kind: "organization", organizationId: organization };
  }
  if (scope !== "instance") fail(`${path}.scope`, scope, `"instance"`);
  return { kind: "instance" };
}

/** A name with `/` or `:` (`https://example.com/roles`) is one name; in other names a dot separates levels. */
function readClaimPath(path: string, value: unknown): ClaimPath {
  const names = typeof value === "string" ? (/[/:]/.test(value) ? [value] : value.split(".")) : value;
  const isPath =
    Array.isArray(names) &&
    names.length > 0 &&
    names.length <= 10 &&
    names.every((name) => typeof name === "string" && name !== "" && name.length <= TEXT_CHARS_MAX);
  if (!isPath) fail(path, value, `the name of a claim, a path such as "realm_access.roles", or a list of names`);
  return names;
}

function readSkewSeconds(path: string, value: unknown): number {
  if (value === undefined) return SKEW_SECONDS_DEFAULT;
  if (typeof value !== "number" || !Number.isInteger(value) || value < 0 || value > SKEW_SECONDS_MAX) {
    fail(path, value, `a whole number from 0 to ${SKEW_SECONDS_MAX}`);
  }
  return value;
}

function readTexts(path: string, value: unknown): readonly string[] {
  const isList =
    Array.isArray(value) &&
    value.length > 0 &&
    value.length <= LIST_MAX &&
    value.every((each) => typeof each === "string" && each !== "" && each.length <= TEXT_CHARS_MAX);
  if (!isList) fail(path, value, `a list of 1 to ${LIST_MAX} texts of 1 to ${TEXT_CHARS_MAX} characters`);
  return value;
}

function readSome<T extends string>(
  path: string,
  value: unknown,
  allowed: readonly T[],
  byDefault: readonly string[],
): readonly T[] {
  const list = value ?? byDefault;
  if (!Array.isArray(list) || list.length === 0) fail(path, value, `a list of ${allowed.join(", ")}`);
  for (const [index, each] of list.entries()) {
    if (!(allowed as readonly unknown[]).includes(each)) {
      fail(`${path}[${index}]`, each, `one of ${allowed.join(", ")}`);
    }
  }
  return list;
}

/** `members`: the allowed names; absent: any. */
function readObject(path: string, value: unknown, members?: readonly string[]): Members {
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    fail(path, value, members === undefined ? "an object" : `an object with ${members.join(", ")}`);
  }
  const unknown = Object.keys(value).find((name) => members !== undefined && !members.includes(name));
  if (unknown !== undefined) {
    throw new Error(
      `${path === "" ? "" : `${path}: `}unknown member ${shown(unknown)}; the members are ${members?.join(", ")}`,
    );
  }
  return value as Members;
}

function fail(path: string, value: unknown, allowed: string): never {
  const received = value === undefined ? "nothing" : typeof value === "string" ? shown(value) : shownJson(value);
  throw new Error(`${path === "" ? "the document" : path}: ${received} is not allowed; it must be ${allowed}`);
}

const SHOWN_CHARS_MAX = 100;

function shownJson(value: unknown): string {
  const text = JSON.stringify(value);
  return text.length > SHOWN_CHARS_MAX ? `${text.slice(0, SHOWN_CHARS_MAX)}…` : text;
}
