/** API keys: what a caller shows. Their rules, commands and events; the secret itself is never here, only its hash. */
import type { CommandContext } from "./command.ts";
import { type Refusal, refuse, shown } from "./refusal.ts";

/** The role whose holders may do everything; the last instance key with it cannot be revoked. */
export const OWNER_ROLE = "owner";

export interface ApiKey {
  readonly id: string;
  /** SHA-256 of the whole secret, lower-case hex. */
  readonly secretHash: string;
  /** The organization that the key is confined to; `null`: the whole instance. */
  readonly organizationId: string | null;
  readonly displayName: string;
  /** A role's name, or empty where `permissions` are listed. */
  readonly role: string;
  readonly permissions: readonly string[];
  readonly expireTime: number | null;
  readonly revokeTime: number | null;
  /** The UTC day of the last use, `YYYY-MM-DD`; empty: never used. Kept beside the history, not in it. */
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

export interface RevokeApiKey {
  readonly type: "RevokeApiKey";
  readonly keyId: string;
  readonly note: string;
  readonly context: CommandContext;
}

export type ApiKeyCommand = CreateApiKey | RevokeApiKey;

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
  | { readonly type: "ApiKeyRevoked"; readonly data: Record<never, never> }
);

export type ApiKeyDecision =
  | { readonly ok: true; readonly events: readonly ApiKeyEvent[] }
  | { readonly ok: false; readonly refusal: Refusal };

/** Whether a key opens anything at `now`. */
export function isEffective(key: Pick<ApiKey, "expireTime" | "revokeTime">, now: number): boolean {
  return key.revokeTime === null && (key.expireTime === null || key.expireTime > now);
}

/** Whether a key is an instance owner's, now and without an end: one that expires does not keep the door open. */
export function isLastingOwner(key: ApiKey): boolean {
  return key.role === OWNER_ROLE && key.organizationId === null && key.revokeTime === null && key.expireTime === null;
}

/**
 * The rules of API keys. `otherOwners`: how many lasting instance owner keys there are beside this one.
 */
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
  const { scope } = command.context;
  if (key === undefined || (scope !== null && scope !== key.organizationId)) {
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
  const personal: Readonly<Record<string, string>> = command.note === "" ? {} : { note: command.note };
  return { ok: true, events: [{ ...envelope, type: "ApiKeyRevoked", data: {}, personal }] };
}

export function evolveApiKey(before: ApiKey | undefined, event: ApiKeyEvent, id: string): ApiKey {
  const sequence = (before?.sequence ?? 0) + 1;
  if (event.type === "ApiKeyCreated") {
    return {
      id,
      ...event.data,
      revokeTime: null,
      lastUsedDay: "",
      createdBy: event.actor,
      sequence,
      creationTime: event.time,
      changeTime: event.time,
    };
  }
  if (before === undefined) throw new Error(`evolveApiKey: ${event.type} of a key that was never created`);
  return { ...before, revokeTime: event.time, sequence, changeTime: event.time };
}

export function apiKeyNotFound(keyId: string): Refusal {
  return refuse("API_KEY_NOT_FOUND", `there is no API key with the id ${shown(keyId)}`, {
    metadata: { apiKeyId: keyId },
  });
}

/** One text for malformed, unknown, expired and revoked: who has no key learns nothing about keys. */
const KEY_INVALID = "the API key is malformed, unknown, expired or revoked";

/** `message`: what is wrong with a credential that is no key. */
export function credentialInvalid(message: string = KEY_INVALID): Refusal {
  return refuse("CREDENTIAL_INVALID", message);
}
