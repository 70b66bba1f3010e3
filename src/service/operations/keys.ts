/** Operations on API keys: creating, reading, rotating and revoking them, never beyond what the caller has. */

import { type Actor, permissionMissing } from "../../auth/actor.ts";
import { isPermission, isRole, PERMISSIONS, permissionsOf, ROLES } from "../../auth/permissions.ts";
import { createSecret, hashSecret } from "../../auth/secret.ts";
import {
  type ApiKey,
  type ApiKeyCommand,
  apiKeyNotFound,
  type CreateApiKey,
  type RevokeApiKey,
  type RotateApiKey,
} from "../../domain/api-key.ts";
import { organizationNotFound } from "../../domain/organization.ts";
import { invalidField, RefusalError, shown } from "../../domain/refusal.ts";
import { LATEST_TIME } from "../../domain/restriction.ts";
import { isInScope } from "../../domain/sight.ts";
import type { Page } from "../../store/queries.ts";
import type { Store } from "../../store/store.ts";
import { type Caller, type ChangeTerms, contextOf, execute, listScope } from "./caller.ts";

/** How long the earlier secrets of a rotated key stay valid unless the caller says otherwise. */
const OVERLAP_DEFAULT_MS = 3_600_000;

/** A key with its secret, shown once; empty: nothing was stored. */
export interface KeyWithSecret {
  readonly key: ApiKey;
  readonly secret: string;
}

/** A key to create. An empty `organizationId` stands for the caller's own scope. */
export type NewKey = Pick<CreateApiKey, "displayName" | "role" | "permissions" | "expireTime"> & {
  readonly organizationId: string;
};

/** A key to rotate. Absent `overlapMs`: one hour. */
export type KeyRotation = Pick<RotateApiKey, "keyId" | "note"> & { readonly overlapMs?: number };

/** Every method rejects with RefusalError, or with what `refusalOf` knows. */
export interface KeyOperations {
  createApiKey(key: NewKey, caller: Caller, terms?: ChangeTerms): Promise<KeyWithSecret>;
  rotateApiKey(rotation: KeyRotation, caller: Caller, terms?: ChangeTerms): Promise<KeyWithSecret>;
  revokeApiKey(revocation: Pick<RevokeApiKey, "keyId" | "note">, caller: Caller, terms?: ChangeTerms): Promise<ApiKey>;
  /** Rejects with API_KEY_NOT_FOUND. */
  readApiKey(keyId: string, actor: Actor): Promise<ApiKey>;
  /** By id, revoked ones included. */
  listApiKeys(query: Parameters<Store["listApiKeys"]>[0]): Promise<Page<ApiKey>>;
}

interface Parts {
  readonly store: Store;
  readonly newId: () => string;
}

export function keyOperations({ store, newId }: Parts): KeyOperations {
  const change = (command: ApiKeyCommand, caller: Caller): Promise<ApiKey> =>
    execute<ApiKeyCommand>(store, command, caller);
  const read = async (keyId: string, { scope }: Actor): Promise<ApiKey> => {
    const key = await store.readApiKey({ id: keyId });
    if (key !== undefined && isInScope(key.organizationId, scope)) return key;
    throw new RefusalError(apiKeyNotFound(keyId));
  };
  const withSecret = async (command: ApiKeyCommand, caller: Caller, secret: string): Promise<KeyWithSecret> => {
    const key = await change(command, caller);
    return { key, secret: command.context.validateOnly ? "" : secret };
  };

  return {
    async createApiKey({ organizationId: named, displayName, role, permissions, expireTime }, caller, terms) {
      const { actor } = caller.admission;
      assertGrantable(actor, { role, permissions });
      const organizationId = listScope(actor, named);
      assertExpireTime(expireTime, actor, await store.now());
      if (organizationId !== null && (await store.readOrganization(organizationId)) === undefined) {
        throw new RefusalError(organizationNotFound(organizationId));
      }
      const keyId = toKeyId(newId());
      const secret = createSecret(keyId);
      const key = { keyId, secretHash: hashSecret(secret), organizationId, displayName, role, permissions, expireTime };
      return withSecret({ type: "CreateApiKey", ...key, context: contextOf(caller, terms) }, caller, secret);
    },

    async rotateApiKey({ keyId, note, overlapMs = OVERLAP_DEFAULT_MS }, caller, terms) {
      const { actor } = caller.admission;
      const before = await read(keyId, actor);
      assertNotAboveCaller(actor, before, "rotating this key");
      if (outlives(before.expireTime, actor)) {
        throw invalidField(
          "api_key_id",
          `${shown(before.id)} opens beyond ${endOf(actor)}, when the credential that rotates it ends; use a credential that lasts as long`,
        );
      }
      const secret = createSecret(before.id);
      const rotation = { keyId: before.id, secretHash: hashSecret(secret), overlapMs, note };
      return withSecret({ type: "RotateApiKey", ...rotation, context: contextOf(caller, terms) }, caller, secret);
    },

    revokeApiKey: (revocation, caller, terms) =>
      change({ type: "RevokeApiKey", ...revocation, context: contextOf(caller, terms) }, caller),
    readApiKey: read,
    listApiKeys: (query) => store.listApiKeys(query),
  };
}

/** Returns the id of a new key: only letters and digits, because underscores separate the parts of the secret. */
export function toKeyId(id: string): string {
  return id.toLowerCase().replaceAll(/[^0-9a-z]/g, "");
}

/** Throws FIELD_INVALID for an unknown role or permission, PERMISSION_MISSING for one that the caller lacks. */
function assertGrantable(actor: Actor, { role, permissions }: Pick<NewKey, "role" | "permissions">): void {
  if ((role === "") === (permissions.length === 0)) {
    throw invalidField(
      "role",
      `exactly one of role and permissions is needed; roles are ${Object.keys(ROLES).join(", ")}`,
    );
  }
  if (role !== "" && !isRole(role)) {
    throw invalidField("role", `${shown(role)} is not a role; roles are ${Object.keys(ROLES).join(", ")}`);
  }
  for (const [index, permission] of permissions.entries()) {
    if (!isPermission(permission)) {
      throw invalidField(
        `permissions[${index}]`,
        `${shown(permission)} is not a permission; permissions are ${PERMISSIONS.join(", ")}`,
      );
    }
  }
  assertNotAboveCaller(actor, { role, permissions }, "making this key");
}

/** Throws PERMISSION_MISSING for a key that may do more than the caller: its secret would give the caller that. */
function assertNotAboveCaller(actor: Actor, key: Pick<ApiKey, "role" | "permissions">, what: string): void {
  const lacking = permissionsOf(key).filter((permission) => !actor.permissions.has(permission));
  if (lacking.length > 0) throw new RefusalError(permissionMissing(what, lacking));
}

/** Throws FIELD_INVALID for an end in the past or after the caller's own credential. `null`: never. */
function assertExpireTime(expireTime: number | null, actor: Actor, now: number): void {
  if (expireTime !== null && expireTime <= now) {
    throw invalidField(
      "expire_time",
      `${new Date(expireTime).toISOString()} must lie in the future; the time here is ${new Date(now).toISOString()}`,
    );
  }
  if (!outlives(expireTime, actor)) return;
  throw invalidField(
    "expire_time",
    `must be set and not later than ${endOf(actor)}, when the credential that makes the key expires`,
  );
}

/** Returns whether a secret with this end is valid longer than the credential of its receiver. */
function outlives(expireTime: number | null, actor: Actor): boolean {
  return actor.expireTime !== null && (expireTime === null || expireTime > actor.expireTime);
}

function endOf({ expireTime }: Actor): string {
  return new Date(expireTime ?? LATEST_TIME).toISOString();
}
