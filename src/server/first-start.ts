/** Creates what a database needs before it can serve: an organization and an owner key. */
import { hash } from "node:crypto";
import { createSecret, hashSecret, isWellFormedSecret, looksLikeSecret } from "../auth/secret.ts";
import { ConfigError } from "../config.ts";
import { isEffective, isLastingOwner, OWNER_ROLE, opensWith } from "../domain/api-key.ts";
import type { CommandContext } from "../domain/command.ts";
import { SYSTEM_ACTOR } from "../domain/event.ts";
import { DEFAULT_ORGANIZATION_ID } from "../domain/organization.ts";
import { toKeyId } from "../service/operations/keys.ts";
import type { Store } from "../store/store.ts";

interface FirstStart {
  readonly store: Store;
  readonly newId: () => string;
  readonly adminKey: string | undefined;
}

/** The result of a start. */
export interface Prepared {
  /** Whether the database was empty before. */
  readonly isNew: boolean;
  /** The owner key that was created; absent if there was one, or the administrator set one. */
  readonly adminKey?: string;
  /** A sentence about what the administrator must do with the key that is set; absent: nothing. */
  readonly warning?: string;
}

/**
 * Ensures that there is an organization `default` and an owner key. The next start completes one that was interrupted.
 * Replicas that start at once make one of each: the transaction decides which of them was first.
 */
export async function prepareFirstStart({ store, newId, adminKey }: FirstStart): Promise<Prepared> {
  const context: CommandContext = { actor: SYSTEM_ACTOR, via: "start", scope: null, validateOnly: false };
  const isNew = await createDefault(store, context);
  const hasOwner = (await store.loadApiKeys()).some(isLastingOwner);
  const known = adminKey === undefined ? undefined : await checkAdminKey(store, adminKey);
  if (known !== undefined) return known.warning === undefined ? { isNew } : { isNew, warning: known.warning };
  if (adminKey === undefined && hasOwner) return { isNew };
  const keyId = toKeyId(newId());
  const secret = adminKey ?? createSecret(keyId);
  if (looksLikeSecret(secret) && !isWellFormedSecret(secret)) {
    throw new ConfigError("LOCKKEEPER_ADMIN_KEY: the value looks like a lockkeeper key but is damaged; copy it again");
  }
  const outcome = await store.execute({
    type: "CreateApiKey",
    keyId,
    secretHash: hashSecret(secret),
    organizationId: null,
    displayName: adminKey === undefined ? "first start" : "LOCKKEEPER_ADMIN_KEY",
    role: OWNER_ROLE,
    permissions: [],
    expireTime: null,
    context: { ...context, request: requestOf(adminKey) },
  });
  if (!outcome.ok) throw new Error(`first start: ${outcome.refusal.message}`);
  return adminKey === undefined && !outcome.replayed ? { isNew, adminKey: secret } : { isNew };
}

/** Returns whether this start created the organization. */
async function createDefault(store: Store, context: CommandContext): Promise<boolean> {
  if ((await store.readOrganization(DEFAULT_ORGANIZATION_ID)) !== undefined) return false;
  const outcome = await store.execute({
    type: "CreateOrganization",
    organizationId: DEFAULT_ORGANIZATION_ID,
    displayName: "Default",
    context,
  });
  if (outcome.ok) return true;
  // Another replica was first.
  if (outcome.refusal.reason === "ORGANIZATION_ALREADY_EXISTS") return false;
  throw new Error(`first start: ${outcome.refusal.message}`);
}

/** Returns the request that creates the owner key. A start that comes second repeats it, and makes no key. */
function requestOf(adminKey: string | undefined): NonNullable<CommandContext["request"]> {
  const id = adminKey === undefined ? "first start" : `admin key ${hashSecret(adminKey).slice(0, 16)}`;
  return { rpc: "start", id, scope: "", content: hash("sha256", id, "buffer") };
}

/**
 * Returns what to report about the key with this secret; `undefined` if there is none yet. Throws ConfigError for a key
 * that may do less than an owner.
 */
async function checkAdminKey(store: Store, adminKey: string): Promise<Pick<Prepared, "warning"> | undefined> {
  const secretHash = hashSecret(adminKey);
  const key = await store.readApiKey({ secretHash });
  if (key === undefined) return undefined;
  const now = await store.now();
  if (!isEffective(key, now)) {
    throw new ConfigError("LOCKKEEPER_ADMIN_KEY: this key was revoked or has expired; set another one");
  }
  if (!opensWith(key, secretHash, now)) {
    throw new ConfigError(
      "LOCKKEEPER_ADMIN_KEY: this key was rotated and this secret no longer works; set the new one",
    );
  }
  if (!isLastingOwner(key)) {
    throw new ConfigError(
      "LOCKKEEPER_ADMIN_KEY: this key is not an owner key of the whole instance without expiry; set another one",
    );
  }
  const earlier = key.earlierSecrets.find(({ hash }) => hash === secretHash);
  if (earlier === undefined) return {};
  return {
    warning: `LOCKKEEPER_ADMIN_KEY: this key was rotated and this secret works only until ${new Date(earlier.endTime).toISOString()}; set the new one, or the next start after that fails`,
  };
}
