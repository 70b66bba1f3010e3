/** Commands for tests: a test names what matters, the rest has defaults. */
import type { CreateApiKey, RevokeApiKey, RotateApiKey } from "../../../src/domain/api-key.ts";
import type {
  BanUser,
  CommandContext,
  CreateUser,
  DeleteUser,
  ImportUser,
  LockUser,
  RedactEvent,
  SettleUser,
  UnbanUser,
  UnlockUser,
  UpdateUser,
} from "../../../src/domain/command.ts";
import type { CreateOrganization } from "../../../src/domain/organization.ts";
import type { CreateSession } from "../../../src/domain/session.ts";

export const ORGANIZATION_ID = "default";

/** Restriction ids only have to differ. */
let lastId = 0;

export function context(more: Partial<CommandContext> = {}): CommandContext {
  return { actor: "key:test", via: "test", scope: null, validateOnly: false, ...more };
}

/** A context that carries a request id; `content` stands for the rest of the request. */
export function requestContext(id: string, content = "same", more: Partial<CommandContext> = {}): CommandContext {
  return context({
    request: { rpc: "lockkeeper.user.v1.UserService/Test", id, scope: "", content: Buffer.from(content) },
    ...more,
  });
}

const PLAIN = { reasonCode: "", note: "" };

export function createOrganization(
  organizationId = ORGANIZATION_ID,
  more: Partial<CreateOrganization> = {},
): CreateOrganization {
  return { type: "CreateOrganization", organizationId, displayName: "", context: context(), ...more };
}

export function createUser(userId: string, more: Partial<CreateUser> = {}): CreateUser {
  return {
    type: "CreateUser",
    userId,
    organizationId: ORGANIZATION_ID,
    profile: {},
    attributes: {},
    context: context(),
    ...PLAIN,
    ...more,
  };
}

export function importUser(userId: string, more: Partial<ImportUser> = {}): ImportUser {
  return {
    type: "ImportUser",
    userId,
    organizationId: ORGANIZATION_ID,
    profile: {},
    attributes: {},
    restrictions: [],
    ifExists: "error",
    context: context(),
    ...PLAIN,
    ...more,
  };
}

export function updateUser(userId: string, more: Partial<UpdateUser> = {}): UpdateUser {
  return {
    type: "UpdateUser",
    userId,
    profile: {},
    attributes: {},
    fields: [],
    namespaces: [],
    context: context(),
    ...PLAIN,
    ...more,
  };
}

export function deleteUser(userId: string, more: Partial<DeleteUser> = {}): DeleteUser {
  return { type: "DeleteUser", userId, context: context(), ...PLAIN, ...more };
}

export function lockUser(userId: string, more: Partial<LockUser> = {}): LockUser {
  return {
    type: "LockUser",
    userId,
    restrictionId: `restriction-${++lastId}`,
    ifAlready: "refuse",
    expiry: { kind: "default" },
    revokeSessions: false,
    context: context(),
    ...PLAIN,
    ...more,
  };
}

export function unlockUser(userId: string, more: Partial<UnlockUser> = {}): UnlockUser {
  return { type: "UnlockUser", userId, ifAlready: "refuse", context: context(), ...PLAIN, ...more };
}

export function banUser(userId: string, more: Partial<BanUser> = {}): BanUser {
  return {
    type: "BanUser",
    userId,
    restrictionId: `restriction-${++lastId}`,
    ifAlready: "refuse",
    expiry: { kind: "never" },
    context: context(),
    ...PLAIN,
    ...more,
  };
}

export function unbanUser(userId: string, more: Partial<UnbanUser> = {}): UnbanUser {
  return { type: "UnbanUser", userId, ifAlready: "refuse", context: context(), ...PLAIN, ...more };
}

export function settleUser(userId: string): SettleUser {
  return { type: "SettleUser", userId, context: context({ actor: "system" }) };
}

export function createApiKey(keyId: string, more: Partial<CreateApiKey> = {}): CreateApiKey {
  return {
    type: "CreateApiKey",
    keyId,
    secretHash: `hash-of-${keyId}`,
    organizationId: null,
    displayName: "",
    role: "owner",
    permissions: [],
    expireTime: null,
    context: context(),
    ...more,
  };
}

export function revokeApiKey(keyId: string, more: Partial<RevokeApiKey> = {}): RevokeApiKey {
  return { type: "RevokeApiKey", keyId, note: "", context: context(), ...more };
}

export function rotateApiKey(keyId: string, more: Partial<RotateApiKey> = {}): RotateApiKey {
  const secretHash = `next-hash-of-${keyId}`;
  return { type: "RotateApiKey", keyId, secretHash, overlapMs: 0, note: "", context: context(), ...more };
}

/** A session without idle timeout; the hash of its token is `hash`. */
export function createSession(sessionId: string, userId: string, more: Partial<CreateSession> = {}): CreateSession {
  return {
    type: "CreateSession",
    sessionId,
    tokenHash: "hash",
    userId,
    expiry: { kind: "default" },
    idleTimeoutMs: null,
    userAgent: "",
    ip: "",
    attributes: {},
    context: context(),
    ...more,
  };
}

export function redactEvent(userId: string, more: Partial<RedactEvent> = {}): RedactEvent {
  return { type: "RedactEvent", userId, eventSequence: 1, fields: [], context: context(), ...PLAIN, ...more };
}
