/** A key cache over a store of few functions, with a manual clock. */
import { ApiKeyCache, type Authentication } from "../../../src/auth/api-key-cache.ts";
import { hashSecret } from "../../../src/auth/secret.ts";
import type { ApiKey, ApiKeyEvent } from "../../../src/domain/api-key.ts";
import type { RecordedEvent } from "../../../src/store/queries.ts";

/** What the clock says at first. */
export const NOW = Date.UTC(2026, 0, 2, 12);

/** A viewer's key with this secret. */
export function keyOf(secret: string, more: Partial<ApiKey> = {}): ApiKey {
  return {
    id: "k1",
    secretHash: hashSecret(secret),
    organizationId: null,
    displayName: "",
    role: "viewer",
    permissions: [],
    expireTime: null,
    revokeTime: null,
    rotateTime: null,
    earlierSecrets: [],
    lastUsedDay: "",
    createdBy: "system",
    sequence: 1,
    creationTime: 0,
    changeTime: 0,
    ...more,
  };
}

/** What the event of a new key says. */
export function created(secret: string): object {
  const { secretHash, organizationId, displayName, role, permissions, expireTime } = keyOf(secret);
  return { secretHash, organizationId, displayName, role, permissions, expireTime };
}

export class Desk {
  now = NOW;
  readonly touched: ReadonlyMap<string, string>[] = [];
  readonly troubles: unknown[] = [];
  trouble: Error | undefined;
  readonly #sent: (readonly RecordedEvent[])[] = [];
  #keyCache: ApiKeyCache | undefined;

  /** Closes itself when the test ends. */
  static async open(t: { after: (close: () => void) => void }, ...keys: readonly ApiKey[]): Promise<Desk> {
    const desk = new Desk();
    const keyCache = await ApiKeyCache.open({
      store: {
        loadApiKeys: () => Promise.resolve(keys),
        touchApiKeys: (days) => desk.touch(days),
        follow: () => () => undefined,
        catchUp() {
          for (const events of desk.#sent.splice(0)) desk.keyCache.apply(events);
        },
      },
      clock: () => desk.now,
      onTrouble: (error) => desk.troubles.push(error),
    });
    t.after(() => keyCache.close());
    desk.#keyCache = keyCache;
    return desk;
  }

  get keyCache(): ApiKeyCache {
    if (this.#keyCache === undefined) throw new Error("the desk is not open");
    return this.#keyCache;
  }

  touch(days: ReadonlyMap<string, string>): Promise<void> {
    if (this.trouble !== undefined) return Promise.reject(this.trouble);
    this.touched.push(days);
    return Promise.resolve();
  }

  /** An event that the cache meets before its next decision. */
  send(type: ApiKeyEvent["type"], sequence: number, data: object): void {
    const event = { type, data, time: this.now, actor: "system", personal: {} } as ApiKeyEvent;
    const place = { position: sequence, previousPosition: null, organizationId: null, userId: null };
    this.#sent.push([
      { ...place, apiKeyId: "k1", sequence, recordTime: this.now, via: "", requestId: "", hash: Buffer.of(), event },
    ]);
  }

  show(authorization: string | null): Authentication {
    return this.keyCache.authenticate(authorization);
  }

  /** The result in one word: the actor, or the reason of the refusal. */
  ask(authorization: string | null): string {
    const result = this.show(authorization);
    return result.ok ? result.actor.id : result.refusal.reason;
  }
}
