/** Credential → actor. Holds all keys in memory by hash, so a refused call costs no database access. */
import { setTimeout as delay } from "node:timers/promises";
import { type ApiKey, type ApiKeyEvent, credentialInvalid, evolveApiKey } from "../domain/api-key.ts";
import { type Refusal, refuse } from "../domain/refusal.ts";
import type { RecordedEvent } from "../store/queries.ts";
import type { Follower, Store } from "../store/store.ts";
import type { Actor } from "./actor.ts";
import { type Permission, permissionsOf } from "./permissions.ts";
import { hashSecret, isWellFormedSecret, looksLikeSecret } from "./secret.ts";

/** Shortest secret; LOCKKEEPER_ADMIN_KEY accepts any text of at least this many characters. */
export const SECRET_CHARS_MIN = 32;
const SECRET_CHARS_MAX = 4096;
/** How many `Authorization` headers are remembered, and the longest one: 512 KiB in all. */
const HEADERS_MAX = 1_024;
const HEADER_CHARS_MAX = 512;
const RELOAD_RETRY_MS = 1_000;
const TOUCH_INTERVAL_MS = 60_000;
/** Pause before a look at the database for keys that are unknown here, and the longest wait for one. */
const REFRESH_MS = 20;
const REFRESH_MS_MAX = 1_000;
const DAY_MS = 86_400_000;

export type Authentication =
  | { readonly ok: true; readonly actor: Actor }
  /** `actor`: who calls, where that is known despite the refusal. */
  | { readonly ok: false; readonly refusal: Refusal; readonly actor?: Actor };

const INVALID: Authentication = { ok: false, refusal: credentialInvalid() };

interface Held {
  readonly key: ApiKey;
  readonly actor: Actor;
  readonly authentication: Authentication;
  /** End of the UTC day on which the last use was recorded. */
  dayEndTime: number;
}

export interface ApiKeyCacheOptions {
  readonly store: Pick<Store, "loadApiKeys" | "touchApiKeys" | "follow" | "catchUp" | "refresh">;
  /** Milliseconds since the epoch. */
  readonly clock: () => number;
  readonly onTrouble: (error: unknown) => void;
}

/** A follower of the log: a key that is made, rotated or revoked is so here before the change is answered. */
export class ApiKeyCache implements Follower {
  readonly #store: ApiKeyCacheOptions["store"];
  readonly #clock: () => number;
  readonly #onTrouble: (error: unknown) => void;
  readonly #byHash = new Map<string, Held>();
  readonly #byId = new Map<string, { readonly key: ApiKey; readonly hashes: readonly string[] }>();
  /** By the whole `Authorization` header: only headers that were right, and only since the last change of a key. */
  readonly #byHeader = new Map<string, Held>();
  /** The events since the keys are being read, in case that they were read before; `undefined`: they are not. */
  #sinceLoad: RecordedEvent[] | undefined;
  #unfollow: (() => void) | undefined;
  /** The look at the database that begins next. */
  #refresh: Promise<void> | undefined;
  #used = new Map<string, string>();
  #timer: NodeJS.Timeout | undefined;
  #isClosed: boolean = false;

  private constructor(options: ApiKeyCacheOptions) {
    this.#store = options.store;
    this.#clock = options.clock;
    this.#onTrouble = options.onTrouble;
  }

  /** Loads every key that is still valid. Rejects with the store's error. */
  static async open(options: ApiKeyCacheOptions): Promise<ApiKeyCache> {
    const keyCache = new ApiKeyCache(options);
    keyCache.#unfollow = options.store.follow(keyCache);
    try {
      await keyCache.#load();
    } catch (error) {
      keyCache.close();
      throw error;
    }
    keyCache.#timer = setInterval(() => {
      keyCache.flush().catch(keyCache.#onTrouble);
    }, TOUCH_INTERVAL_MS);
    keyCache.#timer.unref();
    return keyCache;
  }

  /** Takes changes of keys; from then on a revoked key is refused. */
  apply(events: readonly RecordedEvent[]): void {
    this.#sinceLoad?.push(...events);
    for (const { apiKeyId, sequence, event } of events) {
      if (apiKeyId === undefined) continue;
      const before = this.#byId.get(apiKeyId)?.key;
      // The key was read after this event, or is not held because it has ended.
      if (sequence !== (before?.sequence ?? 0) + 1) continue;
      this.#hold(evolveApiKey(before, event as ApiKeyEvent, apiKeyId));
    }
  }

  /** Reads all keys again, now or as soon as the store answers again. */
  reload(): void {
    this.#load().catch((error: unknown) => {
      if (this.#isClosed) return;
      this.#onTrouble(error);
      setTimeout(() => this.reload(), RELOAD_RETRY_MS).unref();
    });
  }

  /** Returns the key that admitted this actor; `undefined` if it was revoked or rotated since, and for tokens. */
  keyOf({ secretHash }: Actor): ApiKey | undefined {
    this.#store.catchUp();
    return secretHash === undefined ? undefined : this.#byHash.get(secretHash)?.key;
  }

  /** Returns whether the actor's credential is still valid; of tokens only their end is checked. */
  stillOpens(actor: Actor): boolean {
    this.#store.catchUp();
    // A rotation gives the secret that the call carries an end.
    const present = actor.secretHash === undefined ? actor : this.#byHash.get(actor.secretHash)?.actor;
    // The clock is read only where there is an end: every read comes here.
    return present !== undefined && (present.expireTime === null || !hasEnded(present, this.#clock()));
  }

  /**
   * Returns who calls with this `Authorization` header. A correct credential passes however many wrong ones came from
   * the same address: throttling guesses must not shut out others behind the same router.
   */
  authenticate(authorization: string | null): Authentication {
    this.#store.catchUp();
    const now = this.#clock();
    const known = authorization === null ? undefined : this.#byHeader.get(authorization);
    if (known !== undefined && !hasEnded(known.actor, now)) return this.#admitted(known, now);
    const token = bearerToken(authorization);
    if (authorization === null || token === undefined) return { ok: false, refusal: missing(authorization) };
    const held = this.#find(token);
    if (held === undefined || hasEnded(held.actor, now)) return INVALID;
    this.#remember(authorization, held);
    return this.#admitted(held, now);
  }

  /** Returns whether a key has been admitted by this very header since the last change of a key. */
  remembers(authorization: string | null): boolean {
    return authorization !== null && this.#byHeader.has(authorization);
  }

  /**
   * Resolves when the keys are known that other processes had made before this call: ask before a key is refused as
   * unknown. Never rejects: without the database the answer is what is known. `undefined`: all keys are known.
   */
  refresh(): Promise<void> | undefined {
    if (this.#store.refresh === undefined) return undefined;
    // All that ask meanwhile share one look at the database, so wrong keys cost it next to nothing.
    this.#refresh ??= delay(REFRESH_MS).then(() => {
      this.#refresh = undefined;
      // The store reports what fails.
      const refreshed = this.#store.refresh?.().catch(() => undefined);
      return Promise.race([refreshed, delay(REFRESH_MS_MAX, undefined, { ref: false })]);
    });
    return this.#refresh;
  }

  /** Writes the days on which keys were last used. Rejects with the store's error; nothing is lost then. */
  async flush(): Promise<void> {
    if (this.#used.size === 0) return;
    const used = this.#used;
    this.#used = new Map();
    try {
      await this.#store.touchApiKeys(used);
    } catch (error) {
      // Kept for the next attempt; a later day recorded in the meantime wins.
      this.#used = new Map([...used, ...this.#used]);
      throw error;
    }
  }

  close(): void {
    this.#isClosed = true;
    clearInterval(this.#timer);
    this.#unfollow?.();
  }

  async #load(): Promise<void> {
    const since: RecordedEvent[] = [];
    this.#sinceLoad = since;
    const keys = await this.#store.loadApiKeys();
    // Another load has begun since: it knows more.
    if (this.#sinceLoad !== since) return;
    this.#sinceLoad = undefined;
    this.#byHash.clear();
    this.#byHeader.clear();
    this.#byId.clear();
    for (const key of keys) this.#hold(key);
    this.apply(since);
  }

  #hold(key: ApiKey): void {
    this.#byHeader.clear();
    for (const hash of this.#byId.get(key.id)?.hashes ?? []) this.#byHash.delete(hash);
    this.#byId.delete(key.id);
    if (key.revokeTime !== null) return;
    const permissions: ReadonlySet<Permission> = new Set(permissionsOf(key));
    const secrets = [{ hash: key.secretHash, endTime: key.expireTime }, ...key.earlierSecrets];
    for (const { hash, endTime } of secrets) {
      const actor: Actor = {
        id: `key:${key.id}`,
        keyId: key.id,
        secretHash: hash,
        permissions,
        scope: key.organizationId,
        expireTime: endTime,
      };
      this.#byHash.set(hash, { key, actor, authentication: { ok: true, actor }, dayEndTime: 0 });
    }
    const hashes = secrets.map(({ hash }) => hash);
    this.#byId.set(key.id, { key, hashes });
  }

  /** A hash lookup takes the same time whatever part of the secret is correct, so it leaks nothing by its duration. */
  #find(token: string): Held | undefined {
    if (token.length < SECRET_CHARS_MIN || token.length > SECRET_CHARS_MAX) return undefined;
    if (looksLikeSecret(token) && !isWellFormedSecret(token)) return undefined;
    return this.#byHash.get(hashSecret(token));
  }

  /**
   * The next call with this header needs no pattern, checksum or hash. A wrong header is never remembered, so guesses
   * take no memory, and each takes the way of `#find`. The look-up itself leaks no part of a right header: a map
   * compares texts only where their hashes are equal, and those have a seed of this process.
   */
  #remember(authorization: string, held: Held): void {
    if (authorization.length > HEADER_CHARS_MAX) return;
    // One key can have many headers, as spaces and the case of "bearer" do not count.
    if (this.#byHeader.size >= HEADERS_MAX) this.#byHeader.clear();
    this.#byHeader.set(authorization, held);
  }

  #admitted(held: Held, now: number): Authentication {
    this.#noteUse(held, now);
    return held.authentication;
  }

  #noteUse(held: Held, now: number): void {
    if (now < held.dayEndTime && now >= held.dayEndTime - DAY_MS) return;
    const dayEndTime = (Math.floor(now / DAY_MS) + 1) * DAY_MS;
    held.dayEndTime = dayEndTime;
    const day = new Date(now).toISOString().slice(0, 10);
    if (held.key.lastUsedDay !== day) this.#used.set(held.key.id, day);
  }
}

function hasEnded({ expireTime }: Actor, now: number): boolean {
  return expireTime !== null && expireTime <= now;
}

/** Returns the credential in the header; `undefined` if it has none. */
export function bearerToken(authorization: string | null): string | undefined {
  if (authorization === null) return undefined;
  const match = /^bearer +([^\s,]+) *$/i.exec(authorization);
  return match?.[1];
}

function missing(authorization: string | null): Refusal {
  return authorization === null
    ? refuse("CREDENTIAL_MISSING", "the call has no Authorization header; send `Authorization: Bearer <API key>`")
    : refuse("CREDENTIAL_MISSING", "the Authorization header is not of the form `Bearer <API key>`");
}
