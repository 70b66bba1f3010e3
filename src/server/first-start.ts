/** What a database needs before it can serve: an organization and an owner. */
import type { Badge } from "../auth/badge.ts";
import { createSecret, hashSecret, isWellFormedSecret, looksLikeSecret } from "../auth/secret.ts";
import { ConfigError } from "../config.ts";
import { isLastingOwner, OWNER_ROLE } from "../domain/api-key.ts";
import type { CommandContext } from "../domain/command.ts";
import { SYSTEM_ACTOR } from "../domain/event.ts";
import { DEFAULT_ORGANIZATION_ID } from "../domain/organization.ts";
import { codeOf } from "../domain/refusal.ts";
import { toKeyId } from "../service/api-key-service.ts";
import type { Store } from "../store/store.ts";

interface FirstStart {
  readonly store: Store;
  readonly badge: Badge;
  readonly newId: () => string;
  readonly adminKey: string | undefined;
}

/**
 * Sees that there is an organization `default` and an owner's key. Answers the key it made, if it made one. A start that
 * died half-way is finished by the next one.
 */
export async function prepareFirstStart({ store, badge, newId, adminKey }: FirstStart): Promise<string | undefined> {
  const context: CommandContext = { actor: SYSTEM_ACTOR, via: "start", scope: null, validateOnly: false };
  if ((await store.readOrganization(DEFAULT_ORGANIZATION_ID)) === undefined) {
    const outcome = await store.execute({
      type: "CreateOrganization",
      organizationId: DEFAULT_ORGANIZATION_ID,
      displayName: "Default",
      context,
    });
    if (!outcome.ok) throw new Error(`first start: ${outcome.refusal.message}`);
  }
  const hasOwner = (await store.loadApiKeys()).some(isLastingOwner);
  const known = adminKey === undefined ? undefined : badge.keyOf(hashSecret(adminKey));
  if (known !== undefined && !isLastingOwner(known)) {
    throw new ConfigError("LOCKKEEPER_ADMIN_KEY: this is the key of something less than an owner; set another one");
  }
  if (adminKey === undefined ? hasOwner : known !== undefined) return undefined;
  const keyId = toKeyId(newId());
  const secret = adminKey ?? createSecret(keyId);
  if (looksLikeSecret(secret) && !isWellFormedSecret(secret)) {
    throw new ConfigError(
      "LOCKKEEPER_ADMIN_KEY: the value begins like a key of lockkeeper's but is damaged; copy it again",
    );
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
    context,
  });
  if (!outcome.ok && adminKey !== undefined && codeOf(outcome.refusal.reason) === "INTERNAL") {
    throw new ConfigError("LOCKKEEPER_ADMIN_KEY: this key was revoked or has expired; set another one");
  }
  if (!outcome.ok) throw new Error(`first start: ${outcome.refusal.message}`);
  badge.hold(outcome.resource);
  return adminKey === undefined ? secret : undefined;
}
