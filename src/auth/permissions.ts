/** The permissions, the roles that bundle them, and the permission that each RPC needs: one table each. */

export const PERMISSIONS = [
  "user.read",
  "user.write",
  "user.delete",
  "session.read",
  "session.write",
  "session.delete",
  "signin.read",
  "signin.write",
  "policy.read",
  "policy.write",
  "policy.delete",
  "events.read",
  "events.redact",
  "org.read",
  "org.write",
  "key.read",
  "key.write",
  "metrics.read",
  "backup.create",
] as const;
export type Permission = (typeof PERMISSIONS)[number];

/** Roles are named sets of permissions. */
export const ROLES = {
  owner: PERMISSIONS,
  operator: [
    "user.read",
    "user.write",
    "user.delete",
    "session.read",
    "session.write",
    "session.delete",
    "signin.read",
    "signin.write",
    "policy.read",
    "events.read",
    "org.read",
    "metrics.read",
  ],
  viewer: ["user.read", "session.read", "signin.read", "policy.read", "events.read", "org.read", "metrics.read"],
  login: ["signin.write", "session.read", "session.write", "session.delete"],
  auditor: ["signin.read", "events.read"],
} as const satisfies Readonly<Record<string, readonly Permission[]>>;
export type Role = keyof typeof ROLES;

/** The permission that each RPC needs, by its full name; `null`: any valid credential. A test fails for an RPC without a row. */
export const RPC_PERMISSIONS: Readonly<Record<string, Permission | null>> = {
  "lockkeeper.user.v1.UserService/CreateUser": "user.write",
  "lockkeeper.user.v1.UserService/ImportUsers": "user.write",
  "lockkeeper.user.v1.UserService/GetUser": "user.read",
  "lockkeeper.user.v1.UserService/ListUsers": "user.read",
  "lockkeeper.user.v1.UserService/UpdateUser": "user.write",
  "lockkeeper.user.v1.UserService/DeleteUser": "user.delete",
  "lockkeeper.user.v1.UserService/LockUser": "user.write",
  "lockkeeper.user.v1.UserService/UnlockUser": "user.write",
  "lockkeeper.user.v1.UserService/BanUser": "user.write",
  "lockkeeper.user.v1.UserService/UnbanUser": "user.write",
  "lockkeeper.user.v1.UserService/DeactivateUser": "user.write",
  "lockkeeper.user.v1.UserService/ReactivateUser": "user.write",
  "lockkeeper.user.v1.UserService/ListUserEvents": "events.read",
  "lockkeeper.event.v1.EventService/ListEvents": "events.read",
  "lockkeeper.event.v1.EventService/WatchEvents": "events.read",
  "lockkeeper.event.v1.HistoryService/VerifyHistory": "events.read",
  "lockkeeper.event.v1.HistoryService/ExportHistory": "events.read",
  "lockkeeper.event.v1.HistoryService/ListCheckpoints": "events.read",
  "lockkeeper.event.v1.EventService/RedactEvent": "events.redact",
  "lockkeeper.session.v1.SessionService/CreateSession": "session.write",
  "lockkeeper.session.v1.SessionService/VerifySession": "session.read",
  "lockkeeper.session.v1.SessionService/GetSession": "session.read",
  "lockkeeper.session.v1.SessionService/ListSessions": "session.read",
  "lockkeeper.session.v1.SessionService/ExtendSession": "session.write",
  "lockkeeper.session.v1.SessionService/RevokeSession": "session.delete",
  "lockkeeper.session.v1.SessionService/RevokeUserSessions": "session.delete",
  "lockkeeper.signin.v1.SignInService/CheckSignIn": "session.read",
  "lockkeeper.signin.v1.SignInService/BeginAttempt": "signin.write",
  "lockkeeper.signin.v1.SignInService/CompleteAttempt": "signin.write",
  "lockkeeper.signin.v1.SignInService/RecordFailure": "signin.write",
  "lockkeeper.signin.v1.SignInService/RecordSuccess": "signin.write",
  "lockkeeper.signin.v1.SignInService/ListAttempts": "signin.read",
  "lockkeeper.policy.v1.PolicyService/GetPolicy": "policy.read",
  "lockkeeper.policy.v1.PolicyService/UpdatePolicy": "policy.write",
  "lockkeeper.policy.v1.PolicyService/ResetPolicy": "policy.delete",
  "lockkeeper.policy.v1.PolicyService/SimulatePolicy": "policy.read",
  "lockkeeper.organization.v1.OrganizationService/CreateOrganization": "org.write",
  "lockkeeper.organization.v1.OrganizationService/GetOrganization": "org.read",
  "lockkeeper.organization.v1.OrganizationService/ListOrganizations": "org.read",
  "lockkeeper.organization.v1.OrganizationService/UpdateOrganization": "org.write",
  "lockkeeper.apikey.v1.ApiKeyService/CreateApiKey": "key.write",
  "lockkeeper.apikey.v1.ApiKeyService/GetApiKey": "key.read",
  "lockkeeper.apikey.v1.ApiKeyService/ListApiKeys": "key.read",
  "lockkeeper.apikey.v1.ApiKeyService/RotateApiKey": "key.write",
  "lockkeeper.apikey.v1.ApiKeyService/RevokeApiKey": "key.write",
  "lockkeeper.admin.v1.AdminService/WhoAmI": null,
  "lockkeeper.admin.v1.AdminService/CreateBackup": "backup.create",
};

export function isPermission(text: string): text is Permission {
  return (PERMISSIONS as readonly string[]).includes(text);
}

export function isRole(text: string): text is Role {
  return Object.hasOwn(ROLES, text);
}

/** Returns the permissions of a key: its role's, or the listed ones. Names unknown to this version grant nothing. */
export function permissionsOf(key: {
  readonly role: string;
  readonly permissions: readonly string[];
}): readonly Permission[] {
  return isRole(key.role) ? ROLES[key.role] : key.permissions.filter(isPermission);
}
