/** Creates an owner key directly in the database, for an administrator who lost the last one. */
import { randomUUIDv7 } from "node:crypto";
import { createSecret, hashSecret } from "../auth/secret.ts";
import { OWNER_ROLE } from "../domain/api-key.ts";
import { SYSTEM_ACTOR } from "../domain/event.ts";
import { toKeyId } from "../service/operations/keys.ts";
import { type DatabaseAddress, openOffline, openStore } from "../store/open-store.ts";

export interface OwnerKey {
  readonly keyId: string;
  readonly secret: string;
}

/** Creates the key. Throws an Error of one plain sentence if the service, which holds keys in memory, runs, or if the file is not a database of lockkeeper. */
export async function createOwnerKey(database: DatabaseAddress, displayName: string): Promise<OwnerKey> {
  // An empty file would become a new database, and the key would open nothing.
  await (await openOffline(database)).inspect();
  const store = await openStore(database, { clock: Date.now });
  try {
    const keyId = toKeyId(randomUUIDv7());
    const secret = createSecret(keyId);
    const outcome = await store.execute({
      type: "CreateApiKey",
      keyId,
      secretHash: hashSecret(secret),
      organizationId: null,
      displayName,
      role: OWNER_ROLE,
      permissions: [],
      expireTime: null,
      context: { actor: SYSTEM_ACTOR, via: "command line", scope: null, validateOnly: false },
    });
    if (!outcome.ok) throw new Error(outcome.refusal.message);
    return { keyId, secret };
  } finally {
    await store.close();
  }
}
