/** The only way in: turns the credential of a call, a key or a token, into an actor or a refusal. */
import type { Refusal } from "../domain/refusal.ts";
import type { Actor } from "./actor.ts";
import { type ApiKeyCache, type Authentication, bearerToken } from "./api-key-cache.ts";
import { type CallerCounts, type CountOptions, LocalCounts, type Soon } from "./caller-counts.ts";
import type { Tokens } from "./tokens.ts";

/** Returns whether a credential looks like a JWT: every JWT begins with the encoding of `{"`. */
export function looksLikeToken(credential: string): boolean {
  return credential.startsWith("eyJ") && credential.includes(".");
}

export interface RequestGateOptions extends CountOptions {
  readonly keyCache: Pick<ApiKeyCache, "authenticate" | "remembers" | "refresh" | "stillOpens">;
  /** Absent: only keys are credentials. */
  readonly tokens?: Pick<Tokens, "authenticate"> | undefined;
  /** Absent: this thread counts. */
  readonly counts?: CallerCounts | undefined;
}

export class RequestGate {
  readonly #keyCache: RequestGateOptions["keyCache"];
  readonly #tokens: RequestGateOptions["tokens"];
  readonly #counts: CallerCounts;
  /** Where no rate is set nothing is counted of calls that are admitted: they ask no other thread. */
  readonly #hasAddressRate: boolean;
  readonly #hasCallerRate: boolean;

  constructor({ keyCache, tokens, counts, ...options }: RequestGateOptions) {
    this.#keyCache = keyCache;
    this.#tokens = tokens;
    this.#counts = counts ?? new LocalCounts(options);
    this.#hasAddressRate = options.addressRate !== undefined;
    this.#hasCallerRate = options.callerRate !== undefined;
  }

  /**
   * Returns who calls with this `Authorization` header from this address: synchronously for keys and for cached tokens,
   * unless another thread counts. An address that is refused too often gets its refusals late.
   */
  authenticate(authorization: string | null, remoteAddress: string): Soon<Authentication> {
    const tooMany = this.count(remoteAddress);
    if (tooMany === undefined) return this.#identify(authorization, remoteAddress);
    if (!(tooMany instanceof Promise)) return this.#refused(tooMany, remoteAddress, false);
    return tooMany.then((refusal) =>
      refusal === undefined
        ? this.#identify(authorization, remoteAddress)
        : this.#refused(refusal, remoteAddress, false),
    );
  }

  /** Returns whether the credential of an admitted actor is still valid; of tokens only their end is checked. */
  stillOpens(actor: Actor): boolean {
    return this.#keyCache.stillOpens(actor);
  }

  /** Counts a request that needs no credential. Returns ADDRESS_RATE if the address exceeds its rate. */
  count(remoteAddress: string): Soon<Refusal | undefined> {
    return this.#hasAddressRate ? this.#counts.countAddress(remoteAddress) : undefined;
  }

  /** Counts the bytes that an address receives without a credential. Returns ADDRESS_RATE if they are too many. */
  charge(remoteAddress: string, bytes: number): Soon<Refusal | undefined> {
    return this.#counts.charge(remoteAddress, bytes);
  }

  #identify(authorization: string | null, remoteAddress: string): Soon<Authentication> {
    const isKey = this.#tokens === undefined || this.#keyCache.remembers(authorization);
    const token = isKey ? undefined : bearerToken(authorization);
    if (this.#tokens === undefined || token === undefined || !looksLikeToken(token)) {
      return this.#identifyKey(authorization, remoteAddress);
    }
    const authentication = this.#tokens.authenticate(token);
    return authentication instanceof Promise
      ? authentication.then((each) => this.#decided(each, remoteAddress))
      : this.#decided(authentication, remoteAddress);
  }

  /** A key that is unknown here may have been made by another process a moment ago. */
  #identifyKey(authorization: string | null, remoteAddress: string): Soon<Authentication> {
    const authentication = this.#keyCache.authenticate(authorization);
    const isUnknown = !authentication.ok && authentication.refusal.reason === "CREDENTIAL_INVALID";
    const refreshed = isUnknown ? this.#keyCache.refresh() : undefined;
    if (refreshed === undefined) return this.#decided(authentication, remoteAddress);
    return refreshed.then(() => this.#decided(this.#keyCache.authenticate(authorization), remoteAddress));
  }

  #decided(authentication: Authentication, remoteAddress: string): Soon<Authentication> {
    if (authentication.ok) return this.#hasCallerRate ? this.#counted(authentication) : authentication;
    const { reason, retryAfterMs } = authentication.refusal;
    // Wrong tokens count like wrong keys. An issuer that is down is not the caller's failure: its token may be valid.
    const isMissing = reason === "CREDENTIAL_MISSING";
    const isFailure = !isMissing && retryAfterMs === undefined;
    return this.#refused(authentication.refusal, remoteAddress, isFailure);
  }

  #counted(authentication: Extract<Authentication, { readonly ok: true }>): Soon<Authentication> {
    const { actor } = authentication;
    const answer = (refusal: Refusal | undefined): Authentication =>
      refusal === undefined ? authentication : { ok: false, refusal, actor };
    const counted = this.#counts.countCaller(actor.id);
    return counted instanceof Promise ? counted.then(answer) : answer(counted);
  }

  #refused(refusal: Refusal, remoteAddress: string, isFailure: boolean): Soon<Authentication> {
    const answer = this.#counts.countRefusal(remoteAddress, refusal, isFailure);
    return answer instanceof Promise
      ? answer.then((each): Authentication => ({ ok: false, refusal: each }))
      : { ok: false, refusal: answer };
  }
}
