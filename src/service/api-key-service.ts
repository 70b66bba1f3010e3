/** ApiKeyService: makes, lists and revokes API keys, never beyond what the caller has. */
import { create } from "@bufbuild/protobuf";
import * as pb from "../../gen/lockkeeper/apikey/v1/api_key_service_pb.ts";
import { type Actor, permissionMissing } from "../auth/actor.ts";
import type { Badge } from "../auth/badge.ts";
import { isPermission, isRole, PERMISSIONS, permissionsOf, ROLES } from "../auth/permissions.ts";
import { createSecret, hashSecret } from "../auth/secret.ts";
import type { ApiKey, ApiKeyCommand } from "../domain/api-key.ts";
import { organizationNotFound } from "../domain/organization.ts";
import { RefusalError, shown } from "../domain/refusal.ts";
import type { Store } from "../store/store.ts";
import type { ServiceHandlers } from "./call.ts";
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
  readonly badge: Pick<Badge, "hold">;
}

/** The handlers of lockkeeper.apikey.v1.ApiKeyService. */
export function apiKeyHandlers({
  store,
  newId,
  badge,
}: ApiKeyServiceOptions): ServiceHandlers<typeof pb.ApiKeyService> {
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
      const keyId = toKeyId(newId());
      const secret = createSecret(keyId);
      const key = resourceOf<ApiKeyCommand>(
        await store.execute(
          {
            type: "CreateApiKey",
            keyId,
            secretHash: hashSecret(secret),
            organizationId,
            displayName: request.displayName,
            role: request.role,
            permissions: request.permissions,
            expireTime,
            context: commandContext(call, pb.CreateApiKeyRequestSchema, request, ""),
          },
          executeOptions(call),
        ),
      );
      if (!request.validateOnly) badge.hold(key);
      return create(pb.CreateApiKeyResponseSchema, {
        details: toDetails(key),
        apiKey: toMessage(key),
        secret: request.validateOnly ? "" : secret,
      });
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
      const key = resourceOf<ApiKeyCommand>(
        await store.execute(
          {
            type: "RevokeApiKey",
            keyId: request.apiKeyId,
            note: request.note,
            context: commandContext(call, pb.RevokeApiKeyRequestSchema, request, ""),
          },
          executeOptions(call),
        ),
      );
      if (!request.validateOnly) badge.hold(key);
      return create(pb.RevokeApiKeyResponseSchema, { details: toDetails(key), apiKey: toMessage(key) });
    },
  };
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
