/** The one way in: whatever credential a call shows, a key or a token, becomes an actor or a refusal here. */
import { type Refusal, refuse, shown } from "../domain/refusal.ts";
import { type ApiKeyCache, type Authentication, bearerToken } from "./api-key-cache.ts";
import { networkOf } from "./network.ts";
import { type Rate, RateLimit } from "./rate-limit.ts";
import type { Tokens } from "./tokens.ts";

/** Whether a credential claims to be a JWT: every one begins with the encoding of `{"`. */
export function looksLikeToken(credential: string): boolean {
  return credential.startsWith("eyJ") && credential.includes(".");
}

export interface RequestGateOptions {
  readonly keyCache: Pick<ApiKeyCache, "authenticate" | "fail">;
  /** Absent: only keys are credentials. */
  readonly tokens?: Pick<Tokens, "authenticate"> | undefined;
  /** Milliseconds since the epoch. */
  readonly clock: () => number;
  /** Of all calls from one address, whoever makes them; absent: as many as come. */
  readonly addressRate?: Rate | undefined;
  /** Of the calls with one key, or of one subject of an issuer; absent: as many as come. */
  readonly callerRate?: Rate | undefined;
}

/** So many refusals a second an address is told at once. */
const PROMPT_REFUSALS: Rate = { perSecond: 20, burst: 20 };
/** Later ones are told after a second, give or take half: whoever floods waits for answers instead of taking our time. */
const HELD_MS_MIN = 500;
const HELD_MS_SPREAD = 1_000;
/** Coprime to the spread, and far from any part of it: neighbours are told at different times. */
const HELD_MS_STEP = 617;
/** Each that waits holds memory. Beyond, they are told at once. */
const HELD_MAX = 5_000;

/** KiB of what anybody may read that an address is given: the pages of the reference eight times at once. */
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
   * Who shows this `Authorization` header from this address: at once for keys and for tokens that are remembered. An
   * address that is refused too often hears of it late.
   */
  authenticate(authorization: string | null, remoteAddress: string): Authentication | Promise<Authentication> {
    const authentication = this.#authenticate(authorization, remoteAddress);
    return authentication instanceof Promise
      ? authentication.then((each) => this.#paced(each, remoteAddress))
      : this.#paced(authentication, remoteAddress);
  }

  /**
   * Callers who are known are not held up. Tokens that nobody can check, as their issuer is down, may be right: those are
   * no failures, but whoever floods with them hears of it late, too.
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

  /** Counts a request that asks for no credential. Answers the refusal when it is one too many from this address. */
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
   * Counts what an address is given without a credential. Answers the refusal when it is too much: a few bytes of a
   * stranger may ask for a thousand times as many.
   */
  charge(remoteAddress: string, bytes: number): Refusal | undefined {
    const waitMs = this.#openKib.take(networkOf(remoteAddress), Math.ceil(bytes / 1024));
    if (waitMs === 0) return undefined;
    return refuse(
      "ADDRESS_RATE",
      `what anybody may read is limited to ${OPEN_KIB.perSecond} KiB a second and ${OPEN_KIB.burst / 1024} MiB at once for ` +
        `${shown(remoteAddress)}; this is too much`,
      { retryAfterMs: waitMs },
    );
  }

  #authenticate(authorization: string | null, remoteAddress: string): Authentication | Promise<Authentication> {
    const tooMany = this.count(remoteAddress);
    if (tooMany !== undefined) return { ok: false, refusal: tooMany };
    const token = this.#tokens === undefined ? undefined : bearerToken(authorization);
    if (this.#tokens === undefined || token === undefined || !looksLikeToken(token)) {
      return this.#admitted(this.#keyCache.authenticate(authorization, remoteAddress));
    }
    const authentication = this.#tokens.authenticate(token);
    return authentication instanceof Promise
      ? authentication.then((each) => this.#admitted(this.#counted(each, remoteAddress)))
      : this.#admitted(this.#counted(authentication, remoteAddress));
  }

  /** Wrong tokens count with wrong keys; an issuer that is down is nobody's failure here. */
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

/** One caller asks for more than it may; `waitMs`: when to try again. */
export function callerRate(said: string, waitMs: number): Refusal {
  return refuse("CALLER_RATE", said, { retryAfterMs: waitMs });
}

/** A limit with what it says in a sentence. */
class Limit extends RateLimit {
  readonly text: string;

  constructor(rate: Rate, clock: () => number) {
    super(rate, clock);
    const { perSecond, burst } = rate;
    const [calls, unit] = perSecond < 1 ? [perSecond * 60, "minute"] : [perSecond, "second"];
    this.text = `${Math.round(calls * 100) / 100} a ${unit} and ${burst} at once`;
  }
}
