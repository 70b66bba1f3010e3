/** The one way in: whatever credential a call shows, a key or a token, becomes an actor or a refusal here. */
import { type Authentication, type Badge, bearerToken } from "./badge.ts";
import { looksLikeToken, type Tokens } from "./tokens.ts";

export interface GateOptions {
  readonly badge: Pick<Badge, "authenticate" | "fail">;
  /** Absent: only keys are credentials. */
  readonly tokens?: Pick<Tokens, "authenticate"> | undefined;
}

export class Gate {
  readonly #badge: GateOptions["badge"];
  readonly #tokens: GateOptions["tokens"];

  constructor({ badge, tokens }: GateOptions) {
    this.#badge = badge;
    this.#tokens = tokens;
  }

  /** Who shows this `Authorization` header from this address: at once for keys and for tokens that are remembered. */
  authenticate(authorization: string | null, remoteAddress: string): Authentication | Promise<Authentication> {
    const token = this.#tokens === undefined ? undefined : bearerToken(authorization);
    if (this.#tokens === undefined || token === undefined || !looksLikeToken(token)) {
      return this.#badge.authenticate(authorization, remoteAddress);
    }
    const authentication = this.#tokens.authenticate(token);
    return authentication instanceof Promise
      ? authentication.then((each) => this.#count(each, remoteAddress))
      : this.#count(authentication, remoteAddress);
  }

  /** Wrong tokens count with wrong keys; an issuer that is down is nobody's failure here. */
  #count(authentication: Authentication, remoteAddress: string): Authentication {
    const isFailure = !authentication.ok && authentication.refusal.retryAfterMs === undefined;
    return isFailure ? this.#badge.fail(remoteAddress, authentication.refusal) : authentication;
  }
}
