/** The only way in: turns the credential of a call, a key or a token, into an actor or a refusal. */
import { type Refusal, refuse, shown } from "../domain/refusal.ts";
import { type ApiKeyCache, type Authentication, bearerToken } from "./api-key-cache.ts";
import { networkOf } from "./network.ts";
import { type Rate, RateLimit } from "./rate-limit.ts";
import type { Tokens } from "./tokens.ts";

/** Returns whether a credential looks like a JWT: every JWT begins with the encoding of `{"`. */
export function looksLikeToken(credential: string): boolean {
  return credential.startsWith("eyJ") && credential.includes(".");
}

export interface RequestGateOptions {
  readonly keyCache: Pick<ApiKeyCache, "authenticate" | "fail" | "remembers">;
  /** Absent: only keys are credentials. */
  readonly tokens?: Pick<Tokens, "authenticate"> | undefined;
  /** Milliseconds since the epoch. */
  readonly clock: () => number;
  /** Rate limit for all calls from one address; absent: unlimited. */
  readonly addressRate?: Rate | undefined;
  /** Rate limit for the calls with one key, or of one subject of an issuer; absent: unlimited. */
  readonly callerRate?: Rate | undefined;
}

/** Refusals per second and address that are answered immediately. */
const PROMPT_REFUSALS: Rate = { perSecond: 20, burst: 20 };
/** Further ones are delayed by a second, plus or minus half: a client that floods waits instead of taking our time. */
const HELD_MS_MIN = 500;
const HELD_MS_SPREAD = 1_000;
/** Coprime to the spread and far from its divisors, so that consecutive answers leave at different times. */
const HELD_MS_STEP = 617;
/** Each delayed refusal holds memory. Above this number they are answered immediately. */
const HELD_MAX = 5_000;

/** KiB of public pages that one address may read: eight times the pages of the reference at once. */
const OPEN_KIB: Rate = { perSecond: 512, burst: 16 * 1024 };

export class RequestGate {
  readonly #keyCache: RequestGateOptions["keyCache"];
  readonly #tokens: RequestGateOptions["tokens"];
  readonly #addresses: Limit | undefined;
  readonly #callers: Limit | undefined;
  readonly #promptRefusals: RateLimit;
  readonly #openKib: RateLimit;
  #held = 0;
  #heldMs = 0;

  constructor({ keyCache, tokens, clock, addressRate, callerRate }: RequestGateOptions) {
    this.#keyCache = keyCache;
    this.#tokens = tokens;
    this.#addresses = addressRate && new Limit(addressRate, clock);
    this.#callers = callerRate && new Limit(callerRate, clock);
    this.#promptRefusals = new RateLimit(PROMPT_REFUSALS, clock);
    this.#openKib = new RateLimit(OPEN_KIB, clock);
  }

  /**
   * Returns who calls with this `Authorization` header from this address: synchronously for keys and for cached tokens.
   * An address that is refused too often gets its refusals late.
   */
  authenticate(authorization: string | null, remoteAddress: string): Authentication | Promise<Authentication> {
    const authentication = this.#authenticate(authorization, remoteAddress);
    return authentication instanceof Promise
      ? authentication.then((each) => this.#paced(each, remoteAddress))
      : this.#paced(authentication, remoteAddress);
  }

  /**
   * Known callers are not delayed. A token that cannot be checked because its issuer is down may be valid: it does not
   * count as a failure, but its refusals are delayed too.
   */
  #paced(authentication: Authentication, remoteAddress: string): Authentication | Promise<Authentication> {
    if (authentication.ok || authentication.actor !== undefined) return authentication;
    if (this.#promptRefusals.take(networkOf(remoteAddress)) === 0 || this.#held >= HELD_MAX) return authentication;
    this.#held += 1;
    this.#heldMs = (this.#heldMs + HELD_MS_STEP) % HELD_MS_SPREAD;
    return new Promise((resolve) => {
      setTimeout(() => {
        this.#held -= 1;
        resolve(authentication);
      }, HELD_MS_MIN + this.#heldMs);
    });
  }

  /** Counts a request that needs no credential. Returns ADDRESS_RATE if the address exceeds its rate. */
  count(remoteAddress: string): Refusal | undefined {
    const waitMs = this.#addresses?.take(networkOf(remoteAddress)) ?? 0;
    if (waitMs === 0) return undefined;
    return refuse(
      "ADDRESS_RATE",
      `calls from ${shown(remoteAddress)} are limited to ${this.#addresses?.text}; this is one too many`,
      { retryAfterMs: waitMs },
    );
  }

  /**
   * Counts the bytes that an address receives without a credential. Returns ADDRESS_RATE if they are too many: a few
   * bytes of a request may ask for a thousand times as many.
   */
  charge(remoteAddress: string, bytes: number): Refusal | undefined {
    const waitMs = this.#openKib.take(networkOf(remoteAddress), Math.ceil(bytes / 1024));
    if (waitMs === 0) return undefined;
    return refuse(
      "ADDRESS_RATE",
      `public pages are limited to ${OPEN_KIB.perSecond} KiB a second and ${OPEN_KIB.burst / 1024} MiB at once for ` +
        `${shown(remoteAddress)}; this is too much`,
      { retryAfterMs: waitMs },
    );
  }

  #authenticate(authorization: string | null, remoteAddress: string): Authentication | Promise<Authentication> {
    const tooMany = this.count(remoteAddress);
    if (tooMany !== undefined) return { ok: false, refusal: tooMany };
    const isKey = this.#tokens === undefined || this.#keyCache.remembers(authorization);
    const token = isKey ? undefined : bearerToken(authorization);
    if (this.#tokens === undefined || token === undefined || !looksLikeToken(token)) {
      return this.#admitted(this.#keyCache.authenticate(authorization, remoteAddress));
    }
    const authentication = this.#tokens.authenticate(token);
    return authentication instanceof Promise
      ? authentication.then((each) => this.#admitted(this.#counted(each, remoteAddress)))
      : this.#admitted(this.#counted(authentication, remoteAddress));
  }

  /** Wrong tokens count like wrong keys; an issuer that is down is not the caller's failure. */
  #counted(authentication: Authentication, remoteAddress: string): Authentication {
    const isFailure = !authentication.ok && authentication.refusal.retryAfterMs === undefined;
    return isFailure ? this.#keyCache.fail(remoteAddress, authentication.refusal) : authentication;
  }

  #admitted(authentication: Authentication): Authentication {
    if (this.#callers === undefined || !authentication.ok) return authentication;
    const { actor } = authentication;
    const waitMs = this.#callers.take(actor.id);
    if (waitMs === 0) return authentication;
    const said = `calls with one credential are limited to ${this.#callers.text}; this is one too many`;
    const refusal = callerRate(said, waitMs);
    return { ok: false, refusal, actor };
  }
}

/** Returns CALLER_RATE for a caller that exceeds its rate. `said`: the sentence; `waitMs`: when to retry. */
export function callerRate(said: string, waitMs: number): Refusal {
  return refuse("CALLER_RATE", said, { retryAfterMs: waitMs });
}

/** A rate limit that can describe itself in a sentence. */
class Limit extends RateLimit {
  readonly text: string;

  constructor(rate: Rate, clock: () => number) {
    super(rate, clock);
    const { perSecond, burst } = rate;
    const [calls, unit] = perSecond < 1 ? [perSecond * 60, "minute"] : [perSecond, "second"];
    this.text = `${Math.round(calls * 100) / 100} a ${unit} and ${burst} at once`;
  }
}
