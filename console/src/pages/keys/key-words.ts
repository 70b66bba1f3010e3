/** API keys in words. */
import type { ApiKey } from "../../../../gen/lockkeeper/apikey/v1/api_key_service_pb.ts";
import { T } from "../../texts/texts.ts";
import { millisOf } from "../../wire/time.ts";

export type KeyState = "valid" | "expired" | "revoked";

/** Returns what to call a key. */
export function keyName({ displayName }: ApiKey): string {
  return displayName || T.keys.noName;
}

/** Returns whether a key can be used. `now`: milliseconds since the epoch. */
export function keyStateOf({ revokeTime, expireTime }: ApiKey, now: number): KeyState {
  if (revokeTime !== undefined) return "revoked";
  return (millisOf(expireTime) ?? Number.POSITIVE_INFINITY) <= now ? "expired" : "valid";
}

/** Returns the scope of a key. */
export function scopeOf({ details }: ApiKey): string {
  const organization = details?.resourceOwner ?? "";
  return organization === "" ? T.account.whole : T.account.organization(organization);
}
