/** A successful request for each RPC, in an order in which all succeed one after another; a test sends them. */
import type { JsonObject } from "@bufbuild/protobuf";

/** Ids and tokens that the service makes: replace them with those of your answers. */
export const MADE = {
  sessionId: "019aa1c0-2f4e-7b7a-9c3f-6a1d2e3f4a5b",
  token: "the-token-that-CreateSession-answered",
  apiKeyId: "019aa1c02f4e7b7a9c3f6a1d2e3f4a5b",
} as const;

/** The caller that begins an attempt chooses its id. */
export const ATTEMPT_ID = "7d8f2f0e-3c55-4c4b-9d58-2a0a4a5b1c01";

export const EXAMPLES = {
  "lockkeeper.organization.v1.OrganizationService/CreateOrganization": {
    organizationId: "acme",
    displayName: "Acme Ltd",
    defaultLockDuration: "3600s",
  },
  "lockkeeper.organization.v1.OrganizationService/GetOrganization": { organizationId: "acme" },
  "lockkeeper.organization.v1.OrganizationService/ListOrganizations": { pageSize: 20 },
  "lockkeeper.organization.v1.OrganizationService/UpdateOrganization": {
    organizationId: "acme",
    displayName: "Acme Inc",
    updateMask: "displayName",
  },
  "lockkeeper.event.v1.HistoryService/ListCheckpoints": { pageSize: 20 },
  "lockkeeper.policy.v1.PolicyService/UpdatePolicy": {
    organizationId: "acme",
    values: { limits: [{ factor: "FACTOR_PASSWORD", attemptsMax: 5 }], lockDuration: "900s" },
    updateMask: "limits,lockDuration",
  },
  "lockkeeper.policy.v1.PolicyService/GetPolicy": { organizationId: "acme" },
  "lockkeeper.policy.v1.PolicyService/SimulatePolicy": {
    organizationId: "acme",
    values: { limits: [{ factor: "FACTOR_PASSWORD", attemptsMax: 3 }] },
  },
  "lockkeeper.policy.v1.PolicyService/ResetPolicy": { organizationId: "acme" },
  "lockkeeper.user.v1.UserService/CreateUser": {
    userId: "alice",
    profile: { username: "alice", email: "alice@example.com", emailVerified: true },
  },
  "lockkeeper.user.v1.UserService/ImportUsers": {
    users: [
      {
        userId: "bob",
        creationDate: "2020-02-29T12:00:00Z",
        restrictions: [{ kind: "RESTRICTION_KIND_BAN", reasonCode: "FRAUD", never: true }],
      },
    ],
    ifExists: "IF_EXISTS_SKIP",
  },
  "lockkeeper.user.v1.UserService/GetUser": { userId: "alice" },
  "lockkeeper.user.v1.UserService/ListUsers": { states: ["STATE_BANNED"], pageSize: 20 },
  "lockkeeper.user.v1.UserService/UpdateUser": {
    userId: "alice",
    profile: { displayName: "Alice" },
    updateMask: "profile.displayName",
  },
  "lockkeeper.user.v1.UserService/LockUser": {
    userId: "alice",
    reasonCode: "SPAM",
    note: "three reports",
    duration: "86400s",
  },
  "lockkeeper.user.v1.UserService/UnlockUser": { userId: "alice", reasonCode: "APPEAL" },
  "lockkeeper.user.v1.UserService/BanUser": { userId: "alice", reasonCode: "FRAUD", never: true },
  "lockkeeper.user.v1.UserService/UnbanUser": { userId: "alice" },
  "lockkeeper.user.v1.UserService/DeactivateUser": { userId: "alice", cause: "CAUSE_DIRECTORY" },
  "lockkeeper.user.v1.UserService/ReactivateUser": { userId: "alice", cause: "CAUSE_DIRECTORY" },
  "lockkeeper.user.v1.UserService/ListUserEvents": { userId: "alice", order: "EVENT_ORDER_OLDEST_FIRST" },
  "lockkeeper.event.v1.EventService/ListEvents": { filter: "type=UserLocked", order: "EVENT_ORDER_OLDEST_FIRST" },
  "lockkeeper.signin.v1.SignInService/CheckSignIn": { userId: "alice", factor: "FACTOR_PASSWORD" },
  "lockkeeper.signin.v1.SignInService/BeginAttempt": {
    attemptId: ATTEMPT_ID,
    subject: { identifier: "alice@example.com" },
    factor: "FACTOR_PASSWORD",
    client: { ip: "192.0.2.7" },
  },
  "lockkeeper.signin.v1.SignInService/CompleteAttempt": {
    attemptId: ATTEMPT_ID,
    outcome: "ATTEMPT_OUTCOME_SUCCEEDED",
  },
  "lockkeeper.signin.v1.SignInService/RecordFailure": { subject: { userId: "alice" }, factor: "FACTOR_OTP" },
  "lockkeeper.signin.v1.SignInService/RecordSuccess": { subject: { userId: "alice" }, factor: "FACTOR_OTP" },
  "lockkeeper.signin.v1.SignInService/ListAttempts": { network: "192.0.2.0/24", pageSize: 20 },
  "lockkeeper.session.v1.SessionService/CreateSession": {
    userId: "alice",
    duration: "28800s",
    idleTimeout: "1800s",
    ip: "192.0.2.7",
  },
  "lockkeeper.session.v1.SessionService/VerifySession": { token: MADE.token },
  "lockkeeper.session.v1.SessionService/GetSession": { sessionId: MADE.sessionId },
  "lockkeeper.session.v1.SessionService/ListSessions": { userId: "alice", activeOnly: true },
  "lockkeeper.session.v1.SessionService/ExtendSession": { sessionId: MADE.sessionId, duration: "28800s" },
  "lockkeeper.session.v1.SessionService/RevokeSession": { sessionId: MADE.sessionId },
  "lockkeeper.session.v1.SessionService/RevokeUserSessions": { userId: "alice", reasonCode: "PASSWORD_CHANGED" },
  "lockkeeper.apikey.v1.ApiKeyService/CreateApiKey": { role: "operator", displayName: "support desk" },
  "lockkeeper.apikey.v1.ApiKeyService/GetApiKey": { apiKeyId: MADE.apiKeyId },
  "lockkeeper.apikey.v1.ApiKeyService/ListApiKeys": { pageSize: 20 },
  "lockkeeper.apikey.v1.ApiKeyService/RotateApiKey": { apiKeyId: MADE.apiKeyId, overlap: "86400s" },
  "lockkeeper.apikey.v1.ApiKeyService/RevokeApiKey": { apiKeyId: MADE.apiKeyId },
  "lockkeeper.admin.v1.AdminService/WhoAmI": {},
  "lockkeeper.event.v1.EventService/RedactEvent": { userId: "alice", sequence: "1", fields: ["profile.email"] },
  "lockkeeper.user.v1.UserService/DeleteUser": { userId: "alice", reasonCode: "GDPR" },
} as const satisfies Readonly<Record<string, JsonObject>>;
