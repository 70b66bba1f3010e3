/** ApiKeyService: makes, shows and revokes API keys, never beyond what the caller has. */
import { create } from "@bufbuild/protobuf";
import * as pb from "../../gen/lockkeeper/apikey/v1/api_key_service_pb.ts";
import { type Actor, permissionMissing } from "../auth/actor.ts";
import type { Badge } from "../auth/badge.ts";
import { isPermission, isRole, PERMISSIONS, permissionsOf, ROLES } from "../auth/permissions.ts";
import { createSecret, hashSecret } from "../auth/secret.ts";
import { type ApiKey, type ApiKeyCommand, apiKeyNotFound } from "../domain/api-key.ts";
import { organizationNotFound } from "../domain/organization.ts";
import { RefusalError, shown } from "../domain/refusal.ts";
import { type Store, StoreUnavailableError } from "../store/store.ts";
import type { ServiceCall, ServiceHandlers } from "./call.ts";
import {
  assertWithinScope,
  commandContext,
  executeOptions,
  invalidField,
  pageSizeOf,
  readScope,
  resourceOf,
  toTime,
} from "./request.ts";
import { toDetails, toTimestamp } from "./user-message.ts";

export interface ApiKeyServiceOptions {
  readonly store: Store;
  readonly newId: () => string;
  readonly badge: Pick<Badge, "hold" | "reload">;
}

/** The handlers of lockkeeper.apikey.v1.ApiKeyService. */
export function apiKeyHandlers({
  store,
  newId,
  badge,
}: ApiKeyServiceOptions): ServiceHandlers<typeof pb.ApiKeyService> {
  const change = async (call: ServiceCall, command: ApiKeyCommand): Promise<ApiKey> => {
    try {
      const key = resourceOf<ApiKeyCommand>(await store.execute(command, executeOptions(call)));
      if (!command.context.validateOnly) badge.hold(key);
      return key;
    } catch (error) {
      // Whether a key was made or revoked may be on disk although nobody can say so: only the disk knows.
      if (error instanceof StoreUnavailableError && error.outcome === "UNKNOWN") badge.reload();
      throw error;
    }
  };

  return {
    async createApiKey(request, call) {
      const { actor } = call.admission;
      assertGrantable(actor, request);
      const organizationId = await scopeOfNewKey(store, actor, request.organizationId);
      const expireTime = request.expireTime === undefined ? null : toTime(request.expireTime, "expire_time", "up");
      const now = await store.now();
      if (expireTime !== null && expireTime <= now) {
        throw invalidField(
          "expire_time",
          `${new Date(expireTime).toISOString()} must lie in the future; the time here is ${new Date(now).toISOString()}`,
        );
      }
      assertNotOutliving(actor, expireTime);
      const keyId = toKeyId(newId());
      const secret = createSecret(keyId);
      const key = await change(call, {
        type: "CreateApiKey",
        keyId,
        secretHash: hashSecret(secret),
        organizationId,
        displayName: request.displayName,
        role: request.role,
        permissions: request.permissions,
        expireTime,
        context: commandContext(call, request, ""),
      });
      return create(pb.CreateApiKeyResponseSchema, {
        details: toDetails(key),
        apiKey: toMessage(key),
        secret: request.validateOnly ? "" : secret,
      });
    },

    async getApiKey({ apiKeyId }, call) {
      const key = await readVisibleKey(store, apiKeyId, call.admission.actor);
      return create(pb.GetApiKeyResponseSchema, { apiKey: toMessage(key) });
    },

    async listApiKeys(request, call) {
      const { actor } = call.admission;
      assertWithinScope(actor, request.organizationId);
      const page = await store.listApiKeys({
        organizationId: readScope(actor, request.organizationId),
        pageSize: pageSizeOf(request.pageSize),
        ...(request.pageToken === "" ? {} : { after: request.pageToken }),
      });
      return create(pb.ListApiKeysResponseSchema, {
        apiKeys: page.items.map(toMessage),
        nextPageToken: page.next ?? "",
      });
    },

    async revokeApiKey(request, call) {
      const key = await change(call, {
        type: "RevokeApiKey",
        keyId: request.apiKeyId,
        note: request.note,
        context: commandContext(call, request, ""),
      });
      return create(pb.RevokeApiKeyResponseSchema, { details: toDetails(key), apiKey: toMessage(key) });
    },
  };
}

/** The key, if it exists for the caller. Throws API_KEY_NOT_FOUND. */
async function readVisibleKey(store: Store, keyId: string, { scope }: Actor): Promise<ApiKey> {
  const key = await store.readApiKey(keyId);
  if (key === undefined || (scope !== null && key.organizationId !== scope)) {
    throw new RefusalError(apiKeyNotFound(keyId));
  }
  return key;
}

/** The id of a key is part of its secret, whose parts are set off by underscores: letters and digits only. */
export function toKeyId(id: string): string {
  return id.toLowerCase().replaceAll(/[^0-9a-z]/g, "");
}

/** Throws for a role or permission that does not exist, and for one that the caller does not have. */
function assertGrantable(actor: Actor, request: pb.CreateApiKeyRequest): void {
  const { role, permissions } = request;
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
  const lacking = permissionsOf(request).filter((permission) => !actor.permissions.has(permission));
  if (lacking.length > 0) {
    throw new RefusalError(permissionMissing("making this key", lacking));
  }
}

/** Throws FIELD_INVALID for a key that would open longer than the one that makes it. */
function assertNotOutliving(actor: Actor, expireTime: number | null): void {
  if (actor.expireTime === null || (expireTime !== null && expireTime <= actor.expireTime)) return;
  const end = new Date(actor.expireTime).toISOString();
  throw invalidField(
    "expire_time",
    `must be set and not later than ${end}, when the credential that makes the key expires`,
  );
}

/** The named organization, or the caller's own scope. Throws SCOPE_EXCEEDED and ORGANIZATION_NOT_FOUND. */
async function scopeOfNewKey(store: Store, actor: Actor, organizationId: string): Promise<string | null> {
  assertWithinScope(actor, organizationId);
  const scope = organizationId === "" ? actor.scope : organizationId;
  if (scope !== null && (await store.readOrganization(scope)) === undefined) {
    throw new RefusalError(organizationNotFound(scope));
  }
  return scope;
}

function toMessage(key: ApiKey): pb.ApiKey {
  return create(pb.ApiKeySchema, {
    apiKeyId: key.id,
    details: toDetails(key),
    displayName: key.displayName,
    role: key.role,
    permissions: [...permissionsOf(key)],
    ...(key.expireTime === null ? {} : { expireTime: toTimestamp(key.expireTime) }),
    ...(key.revokeTime === null ? {} : { revokeTime: toTimestamp(key.revokeTime) }),
    lastUsedDay: key.lastUsedDay,
    createdBy: key.createdBy,
  });
}
