/** Tables and lines of API keys. */
import type { ApiKey } from "../../../../gen/lockkeeper/apikey/v1/api_key_service_pb.ts";
import type { Output, View } from "../../frame/output.ts";
import { fieldLines } from "../../frame/text.ts";

export const KEY_VIEW: View<ApiKey> = {
  columns: [
    "KEY",
    "NAME",
    "MAY",
    "ORGANIZATION",
    { title: "EXPIRES", whole: true },
    { title: "REVOKED", whole: true },
    "LAST USED",
    "BY",
  ],
  row: (key, time) => [
    key.apiKeyId,
    key.displayName,
    key.role || key.permissions.join(","),
    key.details?.resourceOwner || "(instance)",
    time(key.expireTime) || "never",
    time(key.revokeTime),
    key.lastUsedDay,
    key.createdBy,
  ],
  name: ({ apiKeyId }) => apiKeyId,
};

/** Returns all fields of a key, and the secret if there is a new one. */
export function keyLines(
  key: ApiKey | undefined,
  { output, secret = "" }: { output: Output; secret?: string },
): string {
  if (key === undefined) return "";
  const { time } = output;
  return fieldLines([
    ["key", key.apiKeyId],
    ["name", key.displayName],
    ["role", key.role],
    ["permissions", key.role === "" ? key.permissions.join(", ") : ""],
    ["organization", key.details?.resourceOwner || "the whole instance"],
    ["expires", time(key.expireTime) || "never"],
    ["revoked", time(key.revokeTime)],
    ["rotated", time(key.rotateTime)],
    [
      "earlier secrets end",
      time(key.earlierSecretsEndTime) || (key.rotateTime === undefined ? "" : "ended with the rotation"),
    ],
    ["last used", key.lastUsedDay],
    ["created", time(key.details?.creationDate)],
    ["created by", key.createdBy],
    ["secret, shown this once", secret],
  ]);
}
