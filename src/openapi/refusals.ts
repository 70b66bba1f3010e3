/** How each RPC may be refused: every reason with an example that a service answered; a test asks a real one. */
import type { DescMethod } from "@bufbuild/protobuf";
import { MethodOptions_IdempotencyLevel } from "@bufbuild/protobuf/wkt";
import { OF_RPCS, type Refusals, sequenceMismatch } from "./refusals-by-rpc.ts";

/** `own`: the refusals of this RPC; `shared`: those of every RPC of its kind. */
export interface MethodRefusals {
  readonly kind: "read" | "change";
  readonly own: Refusals;
  readonly shared: Refusals;
}

/**
 * Returns the refusals of an RPC. `permissions`: what each RPC needs, by its full name; `null` or absent: any valid
 * credential.
 */
export function refusalsOf(method: DescMethod, permissions: Readonly<Record<string, string | null>>): MethodRefusals {
  const rpc = `${method.parent.typeName}/${method.name}`;
  const names = new Set(method.input.fields.map(({ name }) => name));
  const byField = Object.entries(ofFields(rpc)).flatMap(([name, each]) => (names.has(name) ? [each] : []));
  const own = OF_RPCS[rpc] ?? {};
  const isRead = method.idempotency === MethodOptions_IdempotencyLevel.NO_SIDE_EFFECTS;
  return {
    kind: isRead ? "read" : "change",
    // The RPC's own come first. The most specific wins: the RPC's before a field's, an earlier field's before a
    // later one's.
    own: Object.fromEntries(
      [own, ofPermission(method.name, permissions[rpc] ?? null), ...byField.reverse(), own].flatMap(Object.entries),
    ) as Refusals,
    shared: { ...(isRead ? OF_READS : OF_CHANGES), ...OF_ALL },
  };
}

/** Reasons that no operation of the document has, and why. */
export const OF_NO_OPERATION = {
  PATH_NOT_FOUND: "no operation has the path",
  METHOD_NOT_SERVED: "no operation has the method",
  USER_STATE_MISMATCH: "only dialects name the states that a command is allowed from",
  WATCH_TOO_MANY: "WatchEvents is a stream",
  WATCH_TOO_SLOW: "WatchEvents is a stream",
  HISTORY_TOO_MANY: "ExportHistory and VerifyHistory are streams",
  BACKUP_UNDER_WAY: "CreateBackup is a stream",
  BACKUP_NO_SPACE: "CreateBackup is a stream",
  BACKUP_ABANDONED: "CreateBackup is a stream",
} as const;

const NOT_APPLIED = { outcome: "NOT_APPLIED" } as const;

/** Refusals before the RPC is known, or independent of it. */
const OF_ALL: Refusals = {
  REQUEST_MALFORMED: { message: "the request body is JSON that ends too early" },
  CREDENTIAL_MISSING: {
    message: "the call has no Authorization header; send `Authorization: Bearer <API key>`",
  },
  CREDENTIAL_INVALID: { message: "the API key is malformed, unknown, expired or revoked" },
  REQUEST_TOO_LARGE: {
    message: "the request body is larger than 262144 bytes",
    connectMessage: "the request message is larger than 262144 bytes",
  },
  SERVICE_BUSY: {
    message: "requests larger than 4096 bytes may have 33554432 bytes together; there is no room for this one now",
    metadata: NOT_APPLIED,
    retryAfterMs: 1000,
  },
  AUTHENTICATION_RATE: {
    message: 'more than 20 authentications from "192.0.2.7" failed within a second',
    retryAfterMs: 640,
  },
  ADDRESS_RATE: {
    message: 'calls from "192.0.2.7" are limited to 100 a second and 200 at once; this is one too many',
    retryAfterMs: 10,
  },
  CALLER_RATE: {
    message: "calls with one credential are limited to 100 a second and 200 at once; this is one too many",
    retryAfterMs: 10,
  },
  ISSUER_UNAVAILABLE: {
    message: 'the keys of the issuer "https://login.example.com" cannot be fetched now',
    metadata: { issuer: "https://login.example.com" },
    retryAfterMs: 5000,
  },
  SERVICE_STOPPING: { message: "the service is stopping" },
  CALL_TIMED_OUT: { message: "the deadline of the call has passed" },
  UNFORESEEN: { message: "internal error", metadata: { callId: "019aa1c0-2f4e-7b7a-9c3f-6a1d2e3f4a5b" } },
};

const OF_READS: Refusals = {
  STORE_UNAVAILABLE: {
    message: "the store cannot be read now; nothing is known of the user's state",
    retryAfterMs: 1000,
  },
};

const OF_CHANGES: Refusals = {
  STORE_UNAVAILABLE: {
    message: "the store cannot be written now; nothing was applied",
    metadata: NOT_APPLIED,
    retryAfterMs: 1000,
  },
  QUEUE_FULL: {
    message:
      "4096 commands of 812032 bytes wait to be written; allowed are 4096 and 16777216 bytes, half of it for bulk work",
    metadata: NOT_APPLIED,
    retryAfterMs: 250,
  },
  DEADLINE_PASSED: {
    message: "the deadline passed 12 ms before the command began; nothing was applied",
    metadata: NOT_APPLIED,
  },
  STORE_REJECTED: { message: "the database refused this command; nothing was applied", metadata: NOT_APPLIED },
};

function ofPermission(name: string, permission: string | null): Refusals {
  if (permission === null) return {};
  return {
    PERMISSION_MISSING: {
      message: `${name} needs the permission ${permission}, which this credential lacks`,
      metadata: { permission },
    },
  };
}

function invalid(field: string, description: string): Refusals {
  return { FIELD_INVALID: { message: `${field}: ${description}`, fields: { [field]: description } } };
}

/** The refusals that a field implies, by proto name; of FIELD_INVALID the first counts. */
function ofFields(rpc: string): Readonly<Record<string, Refusals>> {
  const requestId = "7d8f2f0e-3c55-4c4b-9d58-2a0a4a5b1c01";
  const tooShort = '"" is not allowed; it must be at least 1 character';
  return {
    default_lock_duration: invalid(
      "defaultLockDuration",
      "-60s is not allowed; it must be greater than 0s and less than or equal to 315360000s",
    ),
    values: invalid(
      "values.lockDuration",
      "-60s is not allowed; it must be greater than or equal to 1s and less than or equal to 315360000s",
    ),
    token: invalid("token", "is not the token of a session: lks_, 43 letters and digits, and a checksum"),
    session_id: invalid("sessionId", tooShort),
    idle_timeout: invalid(
      "idleTimeout",
      "-60s is not allowed; it must be greater than or equal to 10s and less than or equal to 315360000s",
    ),
    duration: invalid("duration", "-60s is not allowed; it must be greater than 0s"),
    overlap: invalid(
      "overlap",
      "-60s is not allowed; it must be greater than or equal to 0s and less than or equal to 2592000s",
    ),
    cause: invalid("cause", "CAUSE_POLICY is not allowed; it must be one of CAUSE_ADMIN, CAUSE_DIRECTORY"),
    reason_code: invalid(
      "reasonCode",
      '"spam" is not allowed; it must be capital letters, digits and underscores, beginning with a letter, such as SPAM_REPORT',
    ),
    network: invalid(
      "network",
      '"192.0.2" is not a network; it must be like 203.0.113.0/24, 2001:db8::/48 or a single address',
    ),
    outcome: invalid(
      "outcome",
      "ATTEMPT_OUTCOME_UNSPECIFIED is not allowed; it must be one of ATTEMPT_OUTCOME_SUCCEEDED, ATTEMPT_OUTCOME_FAILED",
    ),
    role: invalid("role", '"boss" is not a role; roles are owner, operator, viewer, login, auditor'),
    users: invalid("users", "a list of 0 is not allowed; it must contain at least 1 item"),
    user_id: invalid("userId", tooShort),
    factor: invalid(
      "factor",
      "FACTOR_UNSPECIFIED is not allowed; it must be one of FACTOR_PASSWORD, FACTOR_OTP, FACTOR_PASSKEY, FACTOR_BACKUP_CODE, FACTOR_RECOVERY",
    ),
    page_token: {
      ...invalid("pageToken", "is not from an earlier page of the same request; leave it empty to start again"),
      HISTORY_CHANGED: {
        message:
          "the page token was made under generation 1, this is 2: a backup was restored in between, which rewound the history; start again without a page token",
      },
    },
    api_key_id: invalid("apiKeyId", tooShort),
    request_id: {
      REQUEST_ID_REUSED: {
        message: `the requestId "${requestId}" was used for another ${rpc} request; use a new one`,
        metadata: { requestId },
      },
    },
    expected_sequence: { SEQUENCE_MISMATCH: sequenceMismatch("user", "alice") },
    organization_id: invalid("organizationId", tooShort),
  };
}
