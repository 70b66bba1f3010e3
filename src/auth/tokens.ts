/** A JWT of a configured OIDC issuer → actor. Verified tokens are cached briefly, so that a call costs one lookup. */
import { decodeJwt, decodeProtectedHeader, errors, type JWTPayload, type JWTVerifyGetKey, jwtVerify } from "jose";
import { credentialInvalid } from "../domain/api-key.ts";
import { idFault } from "../domain/identity.ts";
import { RefusalError, shown } from "../domain/refusal.ts";
import type { Actor } from "./actor.ts";
import type { Authentication } from "./api-key-cache.ts";
import { IssuerKeys } from "./issuer-keys.ts";
import type { ClaimPath, IssuerConfig, TokenType } from "./oidc-config.ts";
import { type Permission, ROLES } from "./permissions.ts";
import { hashSecret } from "./secret.ts";

const TOKEN_CHARS_MAX = 8 * 1024;
/** OpenID Connect Core 1.0, section 2: `sub` has at most 255 ASCII characters. */
const SUBJECT_CHARS_MAX = 255;
const REMEMBERED_MS = 60_000;
const REMEMBERED_MAX = 10_000;
/** The latest instant of a JavaScript date. */
const TIME_MAX = 8.64e15;

export interface TokensOptions {
  readonly issuers: readonly IssuerConfig[];
  /** Milliseconds since the epoch. */
  readonly clock: () => number;
  readonly onTrouble: (error: unknown) => void;
}

interface Issuer {
  readonly config: IssuerConfig;
  readonly keys: IssuerKeys;
}

interface Remembered {
  readonly authentication: Authentication;
  readonly endTime: number;
}

export class Tokens {
  readonly #clock: () => number;
  readonly #issuers: ReadonlyMap<string, Issuer>;
  readonly #remembered = new Map<string, Remembered>();
  readonly #verifying = new Map<string, Promise<Authentication>>();

  constructor({ issuers, clock, onTrouble }: TokensOptions) {
    this.#clock = clock;
    this.#issuers = new Map(
      issuers.map((config) => [
        config.issuer,
        { config, keys: new IssuerKeys({ issuer: config.issuer, clock, onTrouble }) },
      ]),
    );
  }

  /** Fetches the keys of all issuers ahead of the first callers. */
  warm(): void {
    for (const { keys } of this.#issuers.values()) keys.warm();
  }

  /** Verifies a token; synchronous if it was verified a moment ago. */
  authenticate(token: string): Authentication | Promise<Authentication> {
    if (token.length > TOKEN_CHARS_MAX) {
      return refused(`the token has ${token.length} characters; at most ${TOKEN_CHARS_MAX} are allowed`);
    }
    const hash = hashSecret(token);
    const remembered = this.#remembered.get(hash);
    if (remembered !== undefined) {
      if (this.#clock() < remembered.endTime) return remembered.authentication;
      this.#remembered.delete(hash);
    }
    const underWay = this.#verifying.get(hash);
    if (underWay !== undefined) return underWay;
    const verifying = this.#verify(token, hash).finally(() => this.#verifying.delete(hash));
    this.#verifying.set(hash, verifying);
    return verifying;
  }

  async #verify(token: string, hash: string): Promise<Authentication> {
    try {
      const issuer = this.#issuerOf(token);
      const actor = await issuer.keys.with((find) => verify(token, issuer.config, find, this.#clock()));
      const authentication: Authentication = { ok: true, actor };
      this.#remember(hash, authentication, actor.expireTime ?? 0);
      return authentication;
    } catch (error) {
      return error instanceof RefusalError ? { ok: false, refusal: error.refusal } : refused(faultOf(error));
    }
  }

  /** Returns the issuer that the token claims, which is not proven yet. Throws TokenFault if it is not configured. */
  #issuerOf(token: string): Issuer {
    const named = decodeJwt(token).iss;
    const issuer = this.#issuers.get(named ?? "");
    if (issuer === undefined) throw new TokenFault("its issuer is not one that this service trusts");
    return issuer;
  }

  #remember(hash: string, authentication: Authentication, expireTime: number): void {
    if (this.#remembered.size >= REMEMBERED_MAX) {
      const oldest = this.#remembered.keys().next();
      if (!oldest.done) this.#remembered.delete(oldest.value);
    }
    this.#remembered.set(hash, { authentication, endTime: Math.min(expireTime, this.#clock() + REMEMBERED_MS) });
  }
}

/** Why a token is refused, in words that its holder may see. */
class TokenFault extends Error {}

function refused(fault: string): Authentication {
  return { ok: false, refusal: credentialInvalid(fault) };
}

async function verify(token: string, config: IssuerConfig, find: JWTVerifyGetKey, now: number): Promise<Actor> {
  assertType(decodeProtectedHeader(token).typ, config.tokenTypes);
  const options = {
    algorithms: [...config.algorithms],
    issuer: config.issuer,
    audience: [...config.audiences],
    clockTolerance: config.clockSkewMs / 1000,
    currentDate: new Date(now),
    requiredClaims: ["exp", "sub"],
  };
  try {
    return actorOf((await jwtVerify(token, find, options)).payload, config);
  } catch (error) {
    // A token that names no key matches several: any of them may have signed it.
    if (!(error instanceof errors.JWKSMultipleMatchingKeys)) throw error;
    for await (const key of error) {
      try {
        return actorOf((await jwtVerify(token, key, options)).payload, config);
      } catch (fault) {
        if (!(fault instanceof errors.JWSSignatureVerificationFailed)) throw fault;
      }
    }
    throw new errors.JWSSignatureVerificationFailed();
  }
}

/** A JWT may serve another purpose (a logout, a proof): its type says so. */
function assertType(typ: unknown, allowed: readonly TokenType[]): void {
  const name = typeof typ === "string" ? typ.toLowerCase().replace(/^application\//, "") : (typ ?? "jwt");
  if (!(allowed as readonly unknown[]).includes(name)) {
    throw new TokenFault(`its type (typ) is not allowed; allowed are ${allowed.join(", ")}`);
  }
}

function actorOf(payload: JWTPayload, config: IssuerConfig): Actor {
  const { sub = "", exp = 0 } = payload;
  if (typeof sub !== "string" || sub.length > SUBJECT_CHARS_MAX || !/^[!-~]+$/.test(sub)) {
    throw new TokenFault(`its subject (sub) must be 1 to ${SUBJECT_CHARS_MAX} visible ASCII characters`);
  }
  // A stolen bound token must not be usable as if it were unbound.
  if (payload.cnf !== undefined) throw new TokenFault("it is bound to a key (cnf) that cannot be checked here");
  if (payload.at_hash !== undefined || payload.c_hash !== undefined) {
    throw new TokenFault("it is an ID token; send the access token");
  }
  const permissions = new Set<Permission>();
  for (const name of rolesIn(claimAt(payload, config.rolesClaim))) {
    const role = config.roles.get(name);
    for (const permission of role === undefined ? [] : ROLES[role]) permissions.add(permission);
  }
  return {
    id: `oidc:${config.issuer}|${sub}`,
    permissions,
    scope: scopeOf(payload, config),
    // Includes the allowed clock skew.
    expireTime: Math.min(exp * 1000 + config.clockSkewMs, TIME_MAX),
  };
}

function scopeOf(payload: JWTPayload, { scope }: IssuerConfig): string | null {
  if (scope.kind === "instance") return null;
  if (scope.kind === "organization") return scope.organizationId;
  const id = claimAt(payload, scope.path);
  if (typeof id !== "string" || idFault(id) !== undefined) {
    throw new TokenFault(`its claim ${shown(scope.path.join("."))} does not name an organization`);
  }
  return id;
}

function claimAt(payload: JWTPayload, path: ClaimPath): unknown {
  let at: unknown = payload;
  for (const name of path) {
    if (typeof at !== "object" || at === null || !Object.hasOwn(at, name)) return undefined;
    at = (at as Readonly<Record<string, unknown>>)[name];
  }
  return at;
}

/** Returns the names in a list, in a text separated by spaces (as in `scope`), or the keys of an object. */
function rolesIn(claim: unknown): readonly string[] {
  if (typeof claim === "string") return claim.split(" ");
  if (Array.isArray(claim)) return claim.filter((each) => typeof each === "string");
  return typeof claim === "object" && claim !== null ? Object.keys(claim) : [];
}

/** One sentence for each kind of fault; claims are mentioned only after the signature is verified. */
function faultOf(error: unknown): string {
  return `the token is refused: ${detailOf(error)}`;
}

function detailOf(error: unknown): string {
  if (error instanceof TokenFault) return error.message;
  if (error instanceof errors.JWTExpired) return "it has expired";
  if (error instanceof errors.JWTClaimValidationFailed) {
    if (error.claim === "nbf") return "it is not valid yet (nbf)";
    if (error.claim === "aud") return "its audience (aud) is not this service";
    return `its claim ${shown(error.claim)} is missing or invalid`;
  }
  if (error instanceof errors.JOSEAlgNotAllowed) return "its algorithm (alg) is not allowed";
  if (error instanceof errors.JWKSNoMatchingKey) return "its issuer has no such key";
  if (error instanceof errors.JWSSignatureVerificationFailed) return "its signature is wrong";
  return "it is malformed";
}
