/** The one way in: whatever credential a call shows, a key or a token, becomes an actor or a refusal here. */
import { refuse, shown } from "../domain/refusal.ts";
import { type Authentication, type Badge, bearerToken } from "./badge.ts";
import { networkOf } from "./network.ts";
import { type Rate, RateLimit } from "./rate-limit.ts";
import { looksLikeToken, type Tokens } from "./tokens.ts";

export interface GateOptions {
  readonly badge: Pick<Badge, "authenticate" | "fail">;
  /** Absent: only keys are credentials. */
  readonly tokens?: Pick<Tokens, "authenticate"> | undefined;
  /** Milliseconds since the epoch. */
  readonly clock: () => number;
  /** Of all calls from one address, whoever makes them; absent: as many as come. */
  readonly addressRate?: Rate | undefined;
  /** Of the calls with one key, or of one subject of an issuer; absent: as many as come. */
  readonly callerRate?: Rate | undefined;
}

export class Gate {
  readonly #badge: GateOptions["badge"];
  readonly #tokens: GateOptions["tokens"];
  readonly #addresses: Limit | undefined;
  readonly #callers: Limit | undefined;

  constructor({ badge, tokens, clock, addressRate, callerRate }: GateOptions) {
    this.#badge = badge;
    this.#tokens = tokens;
    this.#addresses = addressRate && new Limit(addressRate, clock);
    this.#callers = callerRate && new Limit(callerRate, clock);
  }

  /** Who shows this `Authorization` header from this address: at once for keys and for tokens that are remembered. */
  authenticate(authorization: string | null, remoteAddress: string): Authentication | Promise<Authentication> {
    const waitMs = this.#addresses?.take(networkOf(remoteAddress)) ?? 0;
    if (waitMs > 0) return this.#tooManyFrom(remoteAddress, waitMs);
    const token = this.#tokens === undefined ? undefined : bearerToken(authorization);
    if (this.#tokens === undefined || token === undefined || !looksLikeToken(token)) {
      return this.#admitted(this.#badge.authenticate(authorization, remoteAddress));
    }
    const authentication = this.#tokens.authenticate(token);
    return authentication instanceof Promise
      ? authentication.then((each) => this.#admitted(this.#counted(each, remoteAddress)))
      : this.#admitted(this.#counted(authentication, remoteAddress));
  }

  /** Wrong tokens count with wrong keys; an issuer that is down is nobody's failure here. */
  #counted(authentication: Authentication, remoteAddress: string): Authentication {
    const isFailure = !authentication.ok && authentication.refusal.retryAfterMs === undefined;
    return isFailure ? this.#badge.fail(remoteAddress, authentication.refusal) : authentication;
  }

  #admitted(authentication: Authentication): Authentication {
    if (this.#callers === undefined || !authentication.ok) return authentication;
    const { actor } = authentication;
    const waitMs = this.#callers.take(actor.id);
    if (waitMs === 0) return authentication;
    const refusal = refuse(
      "CALLER_RATE",
      `calls with one credential are limited to ${this.#callers.text}; this is one too many`,
      { retryAfterMs: waitMs },
    );
    return { ok: false, refusal, actor };
  }

  #tooManyFrom(remoteAddress: string, retryAfterMs: number): Authentication {
    const refusal = refuse(
      "ADDRESS_RATE",
      `calls from ${shown(remoteAddress)} are limited to ${this.#addresses?.text}; this is one too many`,
      { retryAfterMs },
    );
    return { ok: false, refusal };
  }
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
