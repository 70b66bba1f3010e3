/** How each RPC, by its full name, is refused by its own rules: each reason with an example that a service answered. */
import { ATTEMPT_ID, MADE } from "./examples.ts";

/** A refusal in the form that callers of JSON see. */
export interface RefusalExample {
  readonly message: string;
  /** Set if the Connect protocol words it differently. */
  readonly connectMessage?: string;
  readonly metadata?: Readonly<Record<string, string>>;
  /** The fields at fault, by their JSON names, each with its fault. */
  readonly fields?: Readonly<Record<string, string>>;
  /** In milliseconds. */
  readonly retryAfterMs?: number;
}

/** By reason. */
export type Refusals = Readonly<Record<string, RefusalExample>>;

const NO_USER: Refusals = {
  USER_NOT_FOUND: { message: 'there is no user with the id "alice"', metadata: { userId: "alice" } },
};

const NO_ORGANIZATION: Refusals = {
  ORGANIZATION_NOT_FOUND: {
    message: 'there is no organization with the id "acme"',
    metadata: { organizationId: "acme" },
  },
};

const NO_SESSION: Refusals = {
  SESSION_NOT_FOUND: {
    message: `there is no session with the id "${MADE.sessionId}"`,
    metadata: { sessionId: MADE.sessionId },
  },
};

const ENDED_SESSION: Refusals = {
  SESSION_ENDED: {
    message: `the session "${MADE.sessionId}" has ended: REVOKED`,
    metadata: { sessionId: MADE.sessionId, status: "REVOKED" },
  },
};

const NO_KEY: Refusals = {
  API_KEY_NOT_FOUND: {
    message: `there is no API key with the id "${MADE.apiKeyId}"`,
    metadata: { apiKeyId: MADE.apiKeyId },
  },
};

const REVOKED_KEY: Refusals = { API_KEY_ALREADY_REVOKED: ofKey("was revoked at 2026-11-28T14:11:46.398Z") };

/** The credential belongs to one organization, and the call names another. */
const OTHER_SCOPE: Refusals = {
  SCOPE_EXCEEDED: {
    message: 'organizationId is "globex"; this credential is confined to "acme"',
    metadata: { scope: "acme" },
  },
};

const NOBODY: Refusals = { USER_NOT_FOUND: { message: "nobody has this username or email address" } };

const SEVERAL: Refusals = {
  IDENTIFIER_AMBIGUOUS: { message: "several users have this username or email address; name the user by userId" },
};

export const OF_RPCS: Readonly<Record<string, Refusals>> = {
  "lockkeeper.event.v1.EventService/RedactEvent": {
    EVENT_NOT_FOUND: {
      message: 'there is no event 9 of the user "alice"; its history ends at 1',
      metadata: { userId: "alice", sequence: "9" },
    },
    EVENT_NOT_PERSONAL: {
      message: 'the event 3 of the user "alice" was recorded without personal values',
      metadata: { userId: "alice", sequence: "3" },
    },
    ...NO_USER,
  },
  "lockkeeper.organization.v1.OrganizationService/CreateOrganization": {
    ORGANIZATION_ALREADY_EXISTS: {
      message: 'the organization id "acme" is taken',
      metadata: { organizationId: "acme" },
    },
    SCOPE_EXCEEDED: {
      message: 'creating organizations needs a credential of the whole instance; this credential is confined to "acme"',
      metadata: { scope: "acme" },
    },
  },
  "lockkeeper.organization.v1.OrganizationService/GetOrganization": NO_ORGANIZATION,
  "lockkeeper.organization.v1.OrganizationService/UpdateOrganization": {
    ...NO_ORGANIZATION,
    SEQUENCE_MISMATCH: sequenceMismatch("organization", "acme"),
  },
  "lockkeeper.policy.v1.PolicyService/GetPolicy": {
    ...NO_ORGANIZATION,
    ...OTHER_SCOPE,
    FIELD_INVALID: unknownMember("allowed are organizationId"),
  },
  "lockkeeper.policy.v1.PolicyService/UpdatePolicy": {
    ...NO_ORGANIZATION,
    ...OTHER_SCOPE,
    SEQUENCE_MISMATCH: sequenceMismatch("policy", "acme"),
  },
  "lockkeeper.policy.v1.PolicyService/ResetPolicy": {
    ...NO_ORGANIZATION,
    ...OTHER_SCOPE,
    FIELD_INVALID: unknownMember("allowed are organizationId, requestId, validateOnly, expectedSequence"),
    SEQUENCE_MISMATCH: sequenceMismatch("policy", "acme"),
  },
  "lockkeeper.policy.v1.PolicyService/SimulatePolicy": {
    ...OTHER_SCOPE,
    SEARCH_TOO_BROAD: { message: "the period has more than 200000 attempts; shorten it" },
  },
  "lockkeeper.user.v1.UserService/CreateUser": {
    USER_ALREADY_EXISTS: { message: 'the user id "alice" is taken', metadata: { userId: "alice" } },
    ...NO_ORGANIZATION,
    ...OTHER_SCOPE,
  },
  "lockkeeper.user.v1.UserService/ImportUsers": OTHER_SCOPE,
  "lockkeeper.user.v1.UserService/GetUser": NO_USER,
  "lockkeeper.user.v1.UserService/ListUsers": {
    ...OTHER_SCOPE,
    SEARCH_TOO_BROAD: {
      message:
        "the search is too broad: its conditions take too long; ask for fewer users, by the beginning of an id, username or email address, or in the order of creation or id",
    },
  },
  "lockkeeper.user.v1.UserService/UpdateUser": NO_USER,
  "lockkeeper.user.v1.UserService/DeleteUser": NO_USER,
  "lockkeeper.user.v1.UserService/LockUser": {
    USER_ALREADY_LOCKED: already("locked", "2026-11-29T14:11:45.581Z"),
    ...NO_USER,
  },
  "lockkeeper.user.v1.UserService/UnlockUser": { USER_NOT_LOCKED: notThere("locked"), ...NO_USER },
  "lockkeeper.user.v1.UserService/BanUser": { USER_ALREADY_BANNED: already("banned"), ...NO_USER },
  "lockkeeper.user.v1.UserService/UnbanUser": { USER_NOT_BANNED: notThere("banned"), ...NO_USER },
  "lockkeeper.user.v1.UserService/DeactivateUser": { USER_ALREADY_DEACTIVATED: already("deactivated"), ...NO_USER },
  "lockkeeper.user.v1.UserService/ReactivateUser": {
    USER_NOT_DEACTIVATED: notThere("deactivated for the cause DIRECTORY"),
    ...NO_USER,
  },
  "lockkeeper.user.v1.UserService/ListUserEvents": NO_USER,
  "lockkeeper.event.v1.EventService/ListEvents": OTHER_SCOPE,
  "lockkeeper.signin.v1.SignInService/CheckSignIn": NO_USER,
  "lockkeeper.signin.v1.SignInService/BeginAttempt": {
    ATTEMPTS_OUTSTANDING: {
      message: "attempts under way fill the limit and no attempt was completed in time; nothing was counted",
      metadata: { outcome: "NOT_APPLIED" },
      retryAfterMs: 1000,
    },
    ATTEMPT_ID_REUSED: {
      message: `attemptId: "${ATTEMPT_ID}" belongs to another attempt; make a new UUID`,
      metadata: { attemptId: ATTEMPT_ID },
      fields: { attemptId: "belongs to another attempt; make a new UUID" },
    },
    ...SEVERAL,
    ...NOBODY,
    ...OTHER_SCOPE,
  },
  "lockkeeper.signin.v1.SignInService/CompleteAttempt": {
    ATTEMPT_NOT_FOUND: {
      message: `there is no attempt with the id "${ATTEMPT_ID}"`,
      metadata: { attemptId: ATTEMPT_ID },
    },
    ATTEMPT_SETTLED: {
      message: `the attempt "${ATTEMPT_ID}" was completed before: FAILED`,
      metadata: { attemptId: ATTEMPT_ID, outcome: "FAILED" },
    },
    ATTEMPT_EXPIRED: {
      message: `the attempt "${ATTEMPT_ID}" was to be completed before 2026-11-28T14:11:46.398Z; it counts as failed`,
      metadata: { attemptId: ATTEMPT_ID, outcome: "EXPIRED" },
    },
    // The user was deleted in the meantime.
    ...NO_USER,
  },
  "lockkeeper.signin.v1.SignInService/RecordFailure": { ...NO_USER, ...SEVERAL, ...OTHER_SCOPE },
  "lockkeeper.signin.v1.SignInService/RecordSuccess": { ...NO_USER, ...SEVERAL, ...OTHER_SCOPE },
  "lockkeeper.signin.v1.SignInService/ListAttempts": OTHER_SCOPE,
  "lockkeeper.session.v1.SessionService/CreateSession": {
    USER_MAY_NOT_ACT: {
      message: 'the user "alice" is BANNED and may not sign in',
      metadata: { userId: "alice", state: "BANNED" },
    },
    ...NO_USER,
  },
  "lockkeeper.session.v1.SessionService/GetSession": NO_SESSION,
  "lockkeeper.session.v1.SessionService/ListSessions": OTHER_SCOPE,
  "lockkeeper.session.v1.SessionService/ExtendSession": { ...ENDED_SESSION, ...NO_SESSION },
  "lockkeeper.session.v1.SessionService/RevokeSession": { ...ENDED_SESSION, ...NO_SESSION },
  "lockkeeper.session.v1.SessionService/RevokeUserSessions": NO_USER,
  "lockkeeper.apikey.v1.ApiKeyService/CreateApiKey": { ...NO_ORGANIZATION, ...OTHER_SCOPE },
  "lockkeeper.apikey.v1.ApiKeyService/GetApiKey": NO_KEY,
  "lockkeeper.apikey.v1.ApiKeyService/ListApiKeys": OTHER_SCOPE,
  "lockkeeper.apikey.v1.ApiKeyService/RotateApiKey": {
    API_KEY_SECRETS_OVERLAP: ofKey(
      "has 4 earlier secrets that still open, at most 4 may; wait until 2026-11-29T14:11:46.373Z, when the first of them ends, or rotate with an overlap of 0s, which ends all of them",
    ),
    API_KEY_EXPIRED: ofKey("expired at 2026-11-28T14:11:46.398Z; create another one"),
    ...REVOKED_KEY,
    ...NO_KEY,
  },
  "lockkeeper.apikey.v1.ApiKeyService/RevokeApiKey": {
    API_KEY_LAST_OWNER: ofKey("is the instance's last owner key without expiry; create another one first"),
    ...REVOKED_KEY,
    ...NO_KEY,
  },
  "lockkeeper.admin.v1.AdminService/WhoAmI": { FIELD_INVALID: unknownMember("none is allowed here") },
};

/** The resource changed after the caller read it. */
export function sequenceMismatch(kind: "user" | "organization" | "policy", id: string): RefusalExample {
  return {
    message: `expectedSequence is 7, the ${kind} "${id}" is at 3; read it again and decide again`,
    metadata: { [`${kind}Id`]: id, expectedSequence: "7", sequence: "3" },
  };
}

/** A member that the request does not have. `allowed`: the members that it has. */
function unknownMember(allowed: string): RefusalExample {
  const message = `note is unknown; ${allowed}`;
  return { message, fields: { note: message } };
}

function ofKey(what: string): RefusalExample {
  return { message: `the API key "${MADE.apiKeyId}" ${what}`, metadata: { apiKeyId: MADE.apiKeyId } };
}

/** The user already has such a restriction. */
function already(word: string, expireTime?: string): RefusalExample {
  const startTime = "2026-11-28T14:11:45.581Z";
  const until = expireTime === undefined ? "without expiry" : `until ${expireTime}`;
  return {
    message: `the user "alice" is ${word} already, since ${startTime}, ${until}`,
    metadata: {
      userId: "alice",
      restrictionId: "01a2227f-6b2d-7616-850c-28e904cca94d",
      startTime,
      ...(expireTime === undefined ? {} : { expireTime }),
    },
  };
}

/** There is nothing to lift. */
function notThere(words: string): RefusalExample {
  return {
    message: `the user "alice" is not ${words}; its state is ACTIVE`,
    metadata: { userId: "alice", state: "ACTIVE" },
  };
}
