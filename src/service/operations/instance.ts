/** Operations on the instance as a whole: who calls, and backups. */
import type { Actor } from "../../auth/actor.ts";
import type { ApiKeyCache } from "../../auth/api-key-cache.ts";
import { type ApiKey, credentialInvalid } from "../../domain/api-key.ts";
import { RefusalError } from "../../domain/refusal.ts";
import type { Backup, Store } from "../../store/store.ts";
import { assertInstance } from "./caller.ts";

/** How long a revoked or expired credential still reads a backup, which carries everyone's data for minutes. */
const RECHECK_MS = 1_000;

export interface InstanceOperations {
  /** The store's clock, in milliseconds since the epoch. */
  now(): Promise<number>;
  /** The API key of a caller; `undefined`: the caller uses a token. */
  keyOf(actor: Actor): ApiKey | undefined;
  /**
   * A backup that ends with its caller's credential: its chunks then reject with CREDENTIAL_INVALID. The caller must
   * close it. `undefined`: this engine has its own backup tools.
   */
  createBackup(actor: Actor): Promise<Backup | undefined>;
}

interface Parts {
  readonly store: Store;
  readonly keyCache: Pick<ApiKeyCache, "stillOpens" | "keyOf">;
}

export function instanceOperations({ store, keyCache }: Parts): InstanceOperations {
  return {
    now: () => store.now(),
    keyOf: (actor) => keyCache.keyOf(actor),
    async createBackup(actor) {
      assertInstance(actor, "a backup is of the whole instance");
      const backup = await store.createBackup?.();
      if (backup === undefined) return undefined;
      const recheck = (): void => {
        if (!keyCache.stillOpens(actor)) throw new RefusalError(credentialInvalid());
      };
      return { info: backup.info, chunks: () => recheckedChunks(backup, recheck), close: () => backup.close() };
    },
  };
}

async function* recheckedChunks(backup: Backup, recheck: () => void): ReturnType<Backup["chunks"]> {
  const chunks = backup.chunks();
  let checkTime = performance.now() + RECHECK_MS;
  for (;;) {
    const each = await chunks.next();
    if (performance.now() >= checkTime) {
      recheck();
      checkTime = performance.now() + RECHECK_MS;
    }
    if (each.done) return each.value;
    yield each.value;
  }
}
