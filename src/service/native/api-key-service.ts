/** ApiKeyService: makes, shows, rotates and revokes API keys, never beyond what the caller has. */

import { create } from "@bufbuild/protobuf";
import type { Timestamp } from "@bufbuild/protobuf/wkt";
import * as pb from "../../../gen/lockkeeper/apikey/v1/api_key_service_pb.ts";
import { type Actor, permissionMissing } from "../../auth/actor.ts";
import type { ApiKeyCache } from "../../auth/api-key-cache.ts";
import { isPermission, isRole, PERMISSIONS, permissionsOf, ROLES } from "../../auth/permissions.ts";
import { createSecret, hashSecret } from "../../auth/secret.ts";
import { type ApiKey, type ApiKeyCommand, apiKeyNotFound } from "../../domain/api-key.ts";
import { organizationNotFound } from "../../domain/organization.ts";
import { RefusalError, shown } from "../../domain/refusal.ts";
import { LATEST_TIME } from "../../domain/restriction.ts";
import { StoreUnavailableError } from "../../store/errors.ts";
import type { Store } from "../../store/store.ts";
import type { ServiceCall, ServiceHandlers } from "../call.ts";
import { mapInTurns } from "../in-turns.ts";
import {
  assertWithinScope,
  commandContext,
  executeOptions,
  invalidField,
  pageSizeOf,
  readScope,
  resourceOf,
  toDurationMs,
  toTime,
} from "../request.ts";
import { toDetails, toTimestamp } from "./message/user-message.ts";

/** How long the secrets of before a rotation go on unless the request says. */
const OVERLAP_DEFAULT_MS = 3_600_000;

export interface ApiKeyServiceOptions {
  readonly store: Store;
  readonly newId: () => string;
  readonly keyCache: Pick<ApiKeyCache, "hold" | "reload">;
}

type Handlers = ServiceHandlers<typeof pb.ApiKeyService>;

/** The handlers of lockkeeper.apikey.v1.ApiKeyService. */
export function apiKeyHandlers(options: ApiKeyServiceOptions): Handlers {
  return { ...queryHandlers(options.store), ...changeHandlers(options) };
}

function queryHandlers(store: Store): Pick<Handlers, "getApiKey" | "listApiKeys"> {
  return {
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
        apiKeys: await mapInTurns(page.items, call, toMessage),
        nextPageToken: page.next ?? "",
      });
    },
  };
}

type Changes = Pick<Handlers, "createApiKey" | "rotateApiKey" | "revokeApiKey">;

function changeHandlers({ store, newId, keyCache }: ApiKeyServiceOptions): Changes {
  const change = async (call: ServiceCall, command: ApiKeyCommand): Promise<ApiKey> => {
    try {
      const key = resourceOf<ApiKeyCommand>(await store.execute(command, executeOptions(call)));
      if (!command.context.validateOnly) keyCache.hold(key);
      return key;
    } catch (error) {
      // Whether a key was made or revoked may be on disk although nobody can say so: only the disk knows.
      if (error instanceof StoreUnavailableError && error.outcome === "UNKNOWN") keyCache.reload();
      throw error;
    }
  };

  return {
    async createApiKey(request, call) {
      const { actor } = call.admission;
      assertGrantable(actor, request);
      const organizationId = await scopeOfNewKey(store, actor, request.organizationId);
      const expireTime = toExpireTime(request.expireTime, actor, await store.now());
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

    async rotateApiKey(request, call) {
      const { actor } = call.admission;
      const before = await readVisibleKey(store, request.apiKeyId, actor);
      assertNotAboveCaller(actor, before, "rotating this key");
      if (outlives(before.expireTime, actor)) {
        throw invalidField(
          "api_key_id",
          `${shown(before.id)} opens beyond ${endOf(actor)}, when the credential that rotates it ends; use a credential that lasts as long`,
        );
      }
      const secret = createSecret(before.id);
      const key = await change(call, {
        type: "RotateApiKey",
        keyId: before.id,
        secretHash: hashSecret(secret),
        overlapMs: request.overlap === undefined ? OVERLAP_DEFAULT_MS : toDurationMs(request.overlap, "overlap"),
        note: request.note,
        context: commandContext(call, request, ""),
      });
      return create(pb.RotateApiKeyResponseSchema, {
        details: toDetails(key),
        apiKey: toMessage(key),
        secret: request.validateOnly ? "" : secret,
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
  const key = await store.readApiKey({ id: keyId });
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
  assertNotAboveCaller(actor, request, "making this key");
}

/** Throws PERMISSION_MISSING for a key that may do more than the caller: its secret would give the caller that. */
function assertNotAboveCaller(actor: Actor, key: Pick<ApiKey, "role" | "permissions">, what: string): void {
  const lacking = permissionsOf(key).filter((permission) => !actor.permissions.has(permission));
  if (lacking.length > 0) throw new RefusalError(permissionMissing(what, lacking));
}

/** When a new key ends; `null`: never. Throws FIELD_INVALID for the past, and for longer than the caller's own credential. */
function toExpireTime(requested: Timestamp | undefined, actor: Actor, now: number): number | null {
  const expireTime = requested === undefined ? null : toTime(requested, "expire_time", "up");
  if (expireTime !== null && expireTime <= now) {
    throw invalidField(
      "expire_time",
      `${new Date(expireTime).toISOString()} must lie in the future; the time here is ${new Date(now).toISOString()}`,
    );
  }
  if (outlives(expireTime, actor)) {
    throw invalidField(
      "expire_time",
      `must be set and not later than ${endOf(actor)}, when the credential that makes the key expires`,
    );
  }
  return expireTime;
}

/** Whether a secret with this end would open longer than the credential of whoever gets it. */
function outlives(expireTime: number | null, actor: Actor): boolean {
  return actor.expireTime !== null && (expireTime === null || expireTime > actor.expireTime);
}

function endOf({ expireTime }: Actor): string {
  return new Date(expireTime ?? LATEST_TIME).toISOString();
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
  const earlierEnds = key.earlierSecrets.map(({ endTime }) => endTime);
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
    ...(key.rotateTime === null ? {} : { rotateTime: toTimestamp(key.rotateTime) }),
    ...(earlierEnds.length === 0 ? {} : { earlierSecretsEndTime: toTimestamp(Math.max(...earlierEnds)) }),
  });
}
