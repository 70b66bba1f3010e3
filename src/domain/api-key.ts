/** API keys, the credentials of callers: rules, commands and events. Secrets are never here, only their hashes. */
import type { CommandContext } from "./command.ts";
import { type Refusal, refuse, refuseField, shown } from "./refusal.ts";
import { isInScope } from "./sight.ts";

/** The role that allows everything; the last instance key with this role cannot be revoked. */
export const OWNER_ROLE = "owner";

/** How many earlier secrets of one key may be valid at once. */
const EARLIER_SECRETS_MAX = 4;

/** A secret from before a rotation that stays valid for a while. */
export interface EarlierSecret {
  readonly hash: string;
  /** Exclusive; the secret ends with the key if the key ends sooner. */
  readonly endTime: number;
}

export interface ApiKey {
  readonly id: string;
  /** SHA-256 of the whole secret, lower-case hex. */
  readonly secretHash: string;
  /** Earlier secrets that stayed valid after the last rotation, the newest last. */
  readonly earlierSecrets: readonly EarlierSecret[];
  /** The organization that the key is confined to; `null`: the whole instance. */
  readonly organizationId: string | null;
  readonly displayName: string;
  /** The name of a role; empty if `permissions` are listed. */
  readonly role: string;
  readonly permissions: readonly string[];
  readonly expireTime: number | null;
  readonly revokeTime: number | null;
  /** When the present secret was made; `null`: it is the first one. */
  readonly rotateTime: number | null;
  /** The UTC day of the last use, `YYYY-MM-DD`; empty: never used. It is not part of the history. */
  readonly lastUsedDay: string;
  readonly createdBy: string;
  readonly sequence: number;
  readonly creationTime: number;
  readonly changeTime: number;
}

export interface CreateApiKey {
  readonly type: "CreateApiKey";
  readonly keyId: string;
  readonly secretHash: string;
  readonly organizationId: string | null;
  readonly displayName: string;
  readonly role: string;
  readonly permissions: readonly string[];
  readonly expireTime: number | null;
  readonly context: CommandContext;
}

export interface RotateApiKey {
  readonly type: "RotateApiKey";
  readonly keyId: string;
  readonly secretHash: string;
  /** How long the earlier secrets stay valid, in milliseconds, 0 or more. */
  readonly overlapMs: number;
  readonly note: string;
  readonly context: CommandContext;
}

export interface RevokeApiKey {
  readonly type: "RevokeApiKey";
  readonly keyId: string;
  readonly note: string;
  readonly context: CommandContext;
}

export type ApiKeyCommand = CreateApiKey | RotateApiKey | RevokeApiKey;

export type ApiKeyEvent = {
  readonly time: number;
  readonly actor: string;
  readonly personal: Readonly<Record<string, string>>;
} & (
  | {
      readonly type: "ApiKeyCreated";
      readonly data: Pick<
        ApiKey,
        "secretHash" | "organizationId" | "displayName" | "role" | "permissions" | "expireTime"
      >;
    }
  | {
      readonly type: "ApiKeyRotated";
      /** `overlapEndTime`: the earlier secrets are valid until then at the latest. */
      readonly data: { readonly secretHash: string; readonly overlapEndTime: number };
    }
  | { readonly type: "ApiKeyRevoked"; readonly data: Record<never, never> }
);

export type ApiKeyDecision =
  | { readonly ok: true; readonly events: readonly ApiKeyEvent[] }
  | { readonly ok: false; readonly refusal: Refusal };

/** Returns whether a key is valid at `now`. */
export function isEffective(key: Pick<ApiKey, "expireTime" | "revokeTime">, now: number): boolean {
  return key.revokeTime === null && (key.expireTime === null || key.expireTime > now);
}

/** Returns whether this secret of a valid key is valid at `now`. */
export function opensWith(
  key: Pick<ApiKey, "secretHash" | "earlierSecrets">,
  secretHash: string,
  now: number,
): boolean {
  if (secretHash === key.secretHash) return true;
  return key.earlierSecrets.some(({ hash, endTime }) => hash === secretHash && endTime > now);
}

/** Returns whether a key is a permanent owner key of the instance: one that expires gives no lasting access. */
export function isLastingOwner(key: ApiKey): boolean {
  return key.role === OWNER_ROLE && key.organizationId === null && key.revokeTime === null && key.expireTime === null;
}

/** Decides a command on an API key. `otherOwners`: the number of other permanent owner keys of the instance. */
export function decideApiKey(
  key: ApiKey | undefined,
  command: ApiKeyCommand,
  { now, otherOwners }: { readonly now: number; readonly otherOwners: number },
): ApiKeyDecision {
  const envelope = { time: now, actor: command.context.actor };
  if (command.type === "CreateApiKey") {
    const { secretHash, organizationId, displayName, role, permissions, expireTime } = command;
    const data = { secretHash, organizationId, displayName, role, permissions, expireTime };
    return { ok: true, events: [{ ...envelope, type: "ApiKeyCreated", data, personal: {} }] };
  }
  if (key === undefined || !isInScope(key.organizationId, command.context.scope)) {
    return { ok: false, refusal: apiKeyNotFound(command.keyId) };
  }
  const metadata = { apiKeyId: command.keyId };
  if (key.revokeTime !== null) {
    return {
      ok: false,
      refusal: refuse(
        "API_KEY_ALREADY_REVOKED",
        `the API key ${shown(command.keyId)} was revoked at ${new Date(key.revokeTime).toISOString()}`,
        { metadata },
      ),
    };
  }
  const personal: Readonly<Record<string, string>> = command.note === "" ? {} : { note: command.note };
  if (command.type === "RotateApiKey") {
    const refusal = refusalToRotate(key, command, now);
    if (refusal !== undefined) return { ok: false, refusal };
    const data = { secretHash: command.secretHash, overlapEndTime: now + command.overlapMs };
    return { ok: true, events: [{ ...envelope, type: "ApiKeyRotated", data, personal }] };
  }
  if (isLastingOwner(key) && otherOwners === 0) {
    return {
      ok: false,
      refusal: refuse(
        "API_KEY_LAST_OWNER",
        `the API key ${shown(command.keyId)} is the instance's last owner key without expiry; create another one first`,
        { metadata },
      ),
    };
  }
  return { ok: true, events: [{ ...envelope, type: "ApiKeyRevoked", data: {}, personal }] };
}

function refusalToRotate(key: ApiKey, { overlapMs, context }: RotateApiKey, now: number): Refusal | undefined {
  const metadata = { apiKeyId: key.id };
  const shownHash = context.keyId === key.id ? context.secretHash : undefined;
  // A thief of an earlier secret must neither keep access nor lock out the holder of the present one.
  if (shownHash !== undefined && shownHash !== key.secretHash) {
    return refuseField(
      "api_key_id",
      `${shown(key.id)} is the key whose earlier secret this call shows; rotate it by its present secret, or by another key`,
    );
  }
  if (!isEffective(key, now)) {
    const expiry = new Date(key.expireTime ?? now).toISOString();
    return refuse("API_KEY_EXPIRED", `the API key ${shown(key.id)} expired at ${expiry}; create another one`, {
      metadata,
    });
  }
  const earlier = earlierSecretsAfter(key, now + overlapMs, now);
  if (earlier.length <= EARLIER_SECRETS_MAX) return undefined;
  // The present ends: the refused rotation changes none of them.
  const ends = key.earlierSecrets.map(({ endTime }) => endTime).filter((endTime) => endTime > now);
  const soonest = new Date(Math.min(...ends)).toISOString();
  return refuse(
    "API_KEY_SECRETS_OVERLAP",
    `the API key ${shown(key.id)} has ${EARLIER_SECRETS_MAX} earlier secrets that still open, at most ${EARLIER_SECRETS_MAX} may; wait until ${soonest}, when the first of them ends, or rotate with an overlap of 0s, which ends all of them`,
    { metadata },
  );
}

/** Returns the secrets that stay valid after `now` if a rotation ends them at `overlapEndTime` at the latest. */
function earlierSecretsAfter(key: ApiKey, overlapEndTime: number, now: number): readonly EarlierSecret[] {
  const latest = Math.min(overlapEndTime, key.expireTime ?? Number.POSITIVE_INFINITY);
  return [...key.earlierSecrets, { hash: key.secretHash, endTime: latest }]
    .map(({ hash, endTime }) => ({ hash, endTime: Math.min(endTime, latest) }))
    .filter(({ endTime }) => endTime > now);
}

export function evolveApiKey(before: ApiKey | undefined, event: ApiKeyEvent, id: string): ApiKey {
  const sequence = (before?.sequence ?? 0) + 1;
  if (event.type === "ApiKeyCreated") {
    return {
      id,
      ...event.data,
      earlierSecrets: [],
      revokeTime: null,
      rotateTime: null,
      lastUsedDay: "",
      createdBy: event.actor,
      sequence,
      creationTime: event.time,
      changeTime: event.time,
    };
  }
  if (before === undefined) throw new Error(`evolveApiKey: ${event.type} of a key that was never created`);
  const after = { ...before, sequence, changeTime: event.time };
  if (event.type === "ApiKeyRevoked") return { ...after, revokeTime: event.time };
  const { secretHash, overlapEndTime } = event.data;
  const earlierSecrets = earlierSecretsAfter(before, overlapEndTime, event.time);
  return { ...after, secretHash, earlierSecrets, rotateTime: event.time };
}

export function apiKeyNotFound(keyId: string): Refusal {
  return refuse("API_KEY_NOT_FOUND", `there is no API key with the id ${shown(keyId)}`, {
    metadata: { apiKeyId: keyId },
  });
}

/** One text for malformed, unknown, expired and revoked keys: a caller without a key learns nothing about keys. */
const KEY_INVALID = "the API key is malformed, unknown, expired or revoked";

/** Refuses a credential. `message`: what is wrong with a credential that is not a key. */
export function credentialInvalid(message: string = KEY_INVALID): Refusal {
  return refuse("CREDENTIAL_INVALID", message);
}
