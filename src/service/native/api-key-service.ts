/** ApiKeyService: creates, shows, rotates and revokes API keys. Message → operation → message. */
import { create } from "@bufbuild/protobuf";
import * as pb from "../../../gen/lockkeeper/apikey/v1/api_key_service_pb.ts";
import { permissionsOf } from "../../auth/permissions.ts";
import type { ApiKey } from "../../domain/api-key.ts";
import type { ServiceHandlers } from "../call.ts";
import { mapInTurns } from "../in-turns.ts";
import { listScope, pageOf } from "../operations/caller.ts";
import type { KeyOperations } from "../operations/keys.ts";
import { toDurationMs, toTime, toTimestamp } from "../times.ts";
import { toDetails } from "./message/user-message.ts";
import { termsOf } from "./request.ts";

/** The handlers of lockkeeper.apikey.v1.ApiKeyService. */
export function apiKeyHandlers(operations: KeyOperations): ServiceHandlers<typeof pb.ApiKeyService> {
  return {
    async getApiKey({ apiKeyId }, call) {
      const apiKey = toMessage(await operations.readApiKey(apiKeyId, call.admission.actor));
      return create(pb.GetApiKeyResponseSchema, { apiKey });
    },

    async listApiKeys(request, call) {
      const organizationId = listScope(call.admission.actor, request.organizationId);
      const page = await operations.listApiKeys({ organizationId, ...pageOf(request) });
      return create(pb.ListApiKeysResponseSchema, {
        apiKeys: await mapInTurns(page.items, call, toMessage),
        nextPageToken: page.next ?? "",
      });
    },

    async createApiKey(request, call) {
      const { organizationId, displayName, role, permissions } = request;
      const expireTime = request.expireTime === undefined ? null : toTime(request.expireTime, "expire_time", "up");
      const asked = { organizationId, displayName, role, permissions, expireTime };
      const { key, secret } = await operations.createApiKey(asked, call, termsOf(call, request));
      return create(pb.CreateApiKeyResponseSchema, { details: toDetails(key), apiKey: toMessage(key), secret });
    },

    async rotateApiKey(request, call) {
      const { apiKeyId: keyId, note, overlap } = request;
      const asked = { keyId, note, ...(overlap === undefined ? {} : { overlapMs: toDurationMs(overlap, "overlap") }) };
      const { key, secret } = await operations.rotateApiKey(asked, call, termsOf(call, request));
      return create(pb.RotateApiKeyResponseSchema, { details: toDetails(key), apiKey: toMessage(key), secret });
    },

    async revokeApiKey(request, call) {
      const { apiKeyId: keyId, note } = request;
      const key = await operations.revokeApiKey({ keyId, note }, call, termsOf(call, request));
      return create(pb.RevokeApiKeyResponseSchema, { details: toDetails(key), apiKey: toMessage(key) });
    },
  };
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
