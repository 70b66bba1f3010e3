/** The public keys of one OIDC issuer: discovered, cached, and fetched again when they are old or one is unknown. */
import { createLocalJWKSet, errors, type JSONWebKeySet, type JWTVerifyGetKey } from "jose";
import { type Refusal, RefusalError, refuse, shown } from "../domain/refusal.ts";
import { fetchJson, isLoopback } from "./remote-json.ts";

const LIMITS = { timeoutMs: 5_000, bytesMax: 512 * 1024 };
const KEYS_MAX = 100;
/** Older keys are refreshed in the background while they still serve, up to twice this age. Then callers wait. */
const FRESH_MS = 10 * 60_000;
/** How long keys serve while the issuer is unreachable: a withdrawn key must expire eventually. */
const KEPT_MS = 24 * 60 * 60_000;
/** For this long after a failed fetch, callers whose key is known do not wait for the next fetch. */
const TROUBLE_MS = 60_000;
/** Minimum time between two fetches: tokens with invented key ids must not make us flood the issuer. */
const COOL_DOWN_MS = 5_000;
/** How many calls may wait for one fetch. */
const WAITING_MAX = 1_000;

export interface IssuerKeysOptions {
  readonly issuer: string;
  /** Milliseconds since the epoch. */
  readonly clock: () => number;
  readonly onTrouble: (error: unknown) => void;
}

interface Kept {
  readonly find: JWTVerifyGetKey;
  readonly time: number;
}

export class IssuerKeys {
  readonly #options: IssuerKeysOptions;
  #kept: Kept | undefined;
  #loading: Promise<Kept> | undefined;
  #waiting = 0;
  /** When the last fetch began. */
  #triedTime: number | undefined;
  /** When the last fetch that failed ended, if none has succeeded since. */
  #failedTime: number | undefined;

  constructor(options: IssuerKeysOptions) {
    this.#options = options;
  }

  /**
   * Calls `use` with the keys, and again with fresh ones if none of the cached keys matches. Throws RefusalError
   * (ISSUER_UNAVAILABLE) if needed keys cannot be fetched now, and whatever `use` throws.
   */
  async with<T>(use: (find: JWTVerifyGetKey) => Promise<T>): Promise<T> {
    const known = this.#kept;
    const kept = this.#present() ?? (await this.#fetchOrKeep());
    try {
      return await use(kept.find);
    } catch (error) {
      // Keys fetched while this call waited are the issuer's current ones.
      if (!(error instanceof errors.JWKSNoMatchingKey) || kept !== known) throw error;
      // During the cool-down the key may be one that the issuer has started to use since.
      const renewed = this.#kept !== undefined && this.#kept !== kept ? this.#kept : await this.#fetch();
      return await use(renewed.find);
    }
  }

  /** Fetches the keys ahead of the first caller. Errors go to `onTrouble`. */
  warm(): void {
    this.#load().catch(() => undefined);
  }

  /** Returns the keys that serve without waiting; stale keys are refreshed in the background. */
  #present(): Kept | undefined {
    const kept = this.#kept;
    if (kept === undefined) return undefined;
    const age = this.#since(kept.time);
    if (age > FRESH_MS && this.#coolDownMs() === 0) this.warm();
    const isTrouble = this.#failedTime !== undefined && this.#since(this.#failedTime) <= TROUBLE_MS;
    return age <= (isTrouble ? KEPT_MS : 2 * FRESH_MS) ? kept : undefined;
  }

  /** Returns new keys, or the cached ones if the fetch fails. Throws RefusalError if those are too old. */
  async #fetchOrKeep(): Promise<Kept> {
    try {
      return await this.#fetch();
    } catch (error) {
      const kept = this.#kept;
      if (kept === undefined || this.#since(kept.time) > KEPT_MS) throw error;
      return kept;
    }
  }

  /** Waits for the current fetch or a new one. Throws RefusalError. */
  async #fetch(): Promise<Kept> {
    const coolDownMs = this.#coolDownMs();
    if (this.#loading === undefined && coolDownMs > 0) throw new RefusalError(this.#unavailable(coolDownMs));
    if (this.#waiting >= WAITING_MAX) throw new RefusalError(this.#unavailable(COOL_DOWN_MS));
    this.#waiting += 1;
    try {
      return await this.#load();
    } catch (error) {
      throw new RefusalError(this.#unavailable(COOL_DOWN_MS), { cause: error });
    } finally {
      this.#waiting -= 1;
    }
  }

  /** Runs one fetch at a time. */
  #load(): Promise<Kept> {
    if (this.#loading !== undefined) return this.#loading;
    const time = this.#options.clock();
    this.#triedTime = time;
    const loading = this.#discover().then(
      (find) => {
        this.#kept = { find, time };
        this.#failedTime = undefined;
        return this.#kept;
      },
      (error: unknown) => {
        this.#failedTime = this.#options.clock();
        this.#options.onTrouble(error);
        throw error;
      },
    );
    this.#loading = loading.finally(() => {
      this.#loading = undefined;
    });
    return this.#loading;
  }

  async #discover(): Promise<JWTVerifyGetKey> {
    const { issuer } = this.#options;
    const url = new URL(`${issuer.replace(/\/$/, "")}/.well-known/openid-configuration`);
    const document = (await fetchJson(url, LIMITS)) as Partial<Record<string, unknown>> | null;
    if (document?.issuer !== issuer) {
      throw new Error(
        `${url.href} belongs to another issuer: ${shown(String(document?.issuer))}, not ${shown(issuer)}`,
      );
    }
    const { jwks_uri: keysUri } = document;
    if (typeof keysUri !== "string" || !URL.canParse(keysUri)) throw new Error(`${url.href} names no jwks_uri`);
    const keysUrl = new URL(keysUri);
    const isSafe =
      keysUrl.protocol === "https:" || (keysUrl.protocol === "http:" && isLoopback(url) && isLoopback(keysUrl));
    if (!isSafe) throw new Error(`${url.href} names a jwks_uri that is not https: ${shown(keysUri)}`);
    const keySet = (await fetchJson(keysUrl, LIMITS)) as JSONWebKeySet | null;
    if (!Array.isArray(keySet?.keys) || keySet.keys.length > KEYS_MAX) {
      throw new Error(`${keysUrl.href} is not a set of at most ${KEYS_MAX} keys`);
    }
    return createLocalJWKSet(keySet);
  }

  /** Milliseconds until the issuer may be asked again; 0: now. A clock that steps back does not prolong it. */
  #coolDownMs(): number {
    if (this.#triedTime === undefined) return 0;
    const elapsed = this.#options.clock() - this.#triedTime;
    return elapsed < 0 ? 0 : Math.max(0, COOL_DOWN_MS - elapsed);
  }

  /** Milliseconds since `time`. A clock that steps back does not make it younger. */
  #since(time: number): number {
    return Math.abs(this.#options.clock() - time);
  }

  #unavailable(retryAfterMs: number): Refusal {
    const { issuer } = this.#options;
    return refuse("ISSUER_UNAVAILABLE", `the keys of the issuer ${shown(issuer)} cannot be fetched now`, {
      metadata: { issuer },
      retryAfterMs,
    });
  }
}
