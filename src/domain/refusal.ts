/** Why a call is refused: one union of reasons, each with its RPC code and each made in one place. */

/** RPC codes by their standard names. */
export type RefusalCode =
  | "INVALID_ARGUMENT"
  | "DEADLINE_EXCEEDED"
  | "NOT_FOUND"
  | "ALREADY_EXISTS"
  | "PERMISSION_DENIED"
  | "RESOURCE_EXHAUSTED"
  | "FAILED_PRECONDITION"
  | "ABORTED"
  | "INTERNAL"
  | "UNAVAILABLE"
  | "UNAUTHENTICATED"
  | "UNIMPLEMENTED";

/** Every reason with its code and what it means to a caller. A test compares the table in docs/errors.md with this one. */
export const REASONS = {
  FIELD_INVALID: ["INVALID_ARGUMENT", "A field of the request has a value that is not allowed; `BadRequest` names it."],
  REQUEST_MALFORMED: [
    "INVALID_ARGUMENT",
    "The request cannot be decoded: its body, path, query, encoding or a header is not what the protocol asks for.",
  ],
  REQUEST_TOO_LARGE: ["RESOURCE_EXHAUSTED", "The request is larger than is taken."],
  SERVICE_BUSY: [
    "RESOURCE_EXHAUSTED",
    "Too many large requests are open at once; nothing was applied; `RetryInfo` says how long to wait.",
  ],
  PATH_NOT_FOUND: ["NOT_FOUND", "Nothing is served at this path."],
  METHOD_NOT_SERVED: ["UNIMPLEMENTED", "The RPC or the HTTP method is not served at this path."],
  CALL_TIMED_OUT: [
    "DEADLINE_EXCEEDED",
    "The deadline passed while the call was under way; a change may have been applied anyway.",
  ],
  SERVICE_STOPPING: ["UNAVAILABLE", "The service is stopping; another replica, or the next start, will answer."],
  REQUEST_ID_REUSED: ["INVALID_ARGUMENT", "The `request_id` was used before by this caller with another content."],
  USER_NOT_FOUND: ["NOT_FOUND", "There is no such user that the caller may see."],
  USER_ALREADY_EXISTS: ["ALREADY_EXISTS", "The user id is taken."],
  USER_ALREADY_LOCKED: ["FAILED_PRECONDITION", "An administrator's lock holds or is scheduled."],
  USER_NOT_LOCKED: ["FAILED_PRECONDITION", "There is no lock to lift."],
  USER_ALREADY_BANNED: ["FAILED_PRECONDITION", "A ban holds or is scheduled."],
  USER_NOT_BANNED: ["FAILED_PRECONDITION", "There is no ban to lift."],
  USER_ALREADY_DEACTIVATED: ["FAILED_PRECONDITION", "The user is deactivated for this cause."],
  USER_NOT_DEACTIVATED: ["FAILED_PRECONDITION", "There is no deactivation of this cause to lift."],
  EVENT_NOT_FOUND: ["NOT_FOUND", "The user has no event of this sequence."],
  EVENT_NOT_PERSONAL: [
    "FAILED_PRECONDITION",
    "The event was recorded without personal values: there is nothing to erase.",
  ],
  USER_STATE_MISMATCH: ["FAILED_PRECONDITION", "The command is not allowed in the user's present state."],
  SEQUENCE_MISMATCH: ["ABORTED", "The resource changed since it was read: `expected_sequence` differs."],
  ORGANIZATION_NOT_FOUND: ["NOT_FOUND", "There is no such organization that the caller may see."],
  ORGANIZATION_ALREADY_EXISTS: ["ALREADY_EXISTS", "The organization id is taken."],
  API_KEY_NOT_FOUND: ["NOT_FOUND", "There is no such API key that the caller may see."],
  API_KEY_ALREADY_REVOKED: ["FAILED_PRECONDITION", "The API key was revoked before."],
  API_KEY_LAST_OWNER: ["FAILED_PRECONDITION", "The last owner key of the instance cannot be revoked."],
  API_KEY_EXPIRED: ["FAILED_PRECONDITION", "The API key has expired; create another one."],
  API_KEY_SECRETS_OVERLAP: [
    "FAILED_PRECONDITION",
    "Too many earlier secrets of the API key still open; wait until one ends, or rotate with an overlap of 0s.",
  ],
  SESSION_NOT_FOUND: ["NOT_FOUND", "There is no such session that the caller may see."],
  SESSION_ENDED: ["FAILED_PRECONDITION", "The session does not hold any more; `status` says why."],
  USER_MAY_NOT_ACT: ["FAILED_PRECONDITION", "The user is locked, banned or deactivated and may not sign in."],
  IDENTIFIER_AMBIGUOUS: [
    "FAILED_PRECONDITION",
    "Several users have this username or email address; name the user by its id.",
  ],
  ATTEMPT_NOT_FOUND: ["NOT_FOUND", "There is no such attempt that the caller may see."],
  ATTEMPT_SETTLED: ["FAILED_PRECONDITION", "The attempt was completed before."],
  ATTEMPT_EXPIRED: [
    "FAILED_PRECONDITION",
    "The attempt was not completed in the policy's reservation time; it counts as failed and the sign-in is denied.",
  ],
  ATTEMPT_ID_REUSED: ["INVALID_ARGUMENT", "The `attempt_id` belongs to another attempt."],
  ATTEMPTS_OUTSTANDING: [
    "UNAVAILABLE",
    "Attempts under way fill the limit; nothing was counted; `RetryInfo` says how long to wait.",
  ],
  CREDENTIAL_MISSING: ["UNAUTHENTICATED", "The call carries no `Authorization: Bearer` credential."],
  CREDENTIAL_INVALID: ["UNAUTHENTICATED", "The credential is malformed, unknown, expired or revoked."],
  PERMISSION_MISSING: ["PERMISSION_DENIED", "The credential lacks the permission that the RPC needs."],
  SCOPE_EXCEEDED: ["PERMISSION_DENIED", "The credential's scope does not reach what the call asks for."],
  ISSUER_UNAVAILABLE: [
    "UNAVAILABLE",
    "The keys of the token's issuer cannot be fetched now; `RetryInfo` says how long to wait.",
  ],
  AUTHENTICATION_RATE: [
    "RESOURCE_EXHAUSTED",
    "Too many failed authentications from this address; `RetryInfo` says how long to wait.",
  ],
  ADDRESS_RATE: [
    "RESOURCE_EXHAUSTED",
    "More calls from this address than `--rate-limit-address` allows, or more of `/openapi.json`, `/docs` and reflection than an address is given; `RetryInfo` says how long to wait.",
  ],
  CALLER_RATE: [
    "RESOURCE_EXHAUSTED",
    "More calls with this credential than `--rate-limit-caller` allows, or more lists at once than may wait; `RetryInfo` says how long to wait.",
  ],
  SEARCH_TOO_BROAD: [
    "FAILED_PRECONDITION",
    "The search would have to look at more users than one search may; ask for less, or by a field that is indexed.",
  ],
  WATCH_TOO_MANY: [
    "RESOURCE_EXHAUSTED",
    "More streams of WatchEvents are open than `--watch-streams` or `--watch-streams-caller` allows; `RetryInfo` says how long to wait.",
  ],
  WATCH_TOO_SLOW: [
    "RESOURCE_EXHAUSTED",
    "A stream of WatchEvents was read too slowly; `cursor` says from where to go on.",
  ],
  HISTORY_TOO_MANY: [
    "RESOURCE_EXHAUSTED",
    "More streams of ExportHistory or of VerifyHistory are open than one caller (4) or a replica (16) may have; `RetryInfo` says how long to wait.",
  ],
  BACKUP_UNDER_WAY: ["FAILED_PRECONDITION", "Another backup is under way; there is one at a time."],
  BACKUP_NO_SPACE: ["RESOURCE_EXHAUSTED", "The disk of the database is too full to let its log grow during a backup."],
  BACKUP_ABANDONED: [
    "ABORTED",
    "The backup was given up before its end: the log grew too long meanwhile, or nobody read on.",
  ],
  HISTORY_CHANGED: [
    "FAILED_PRECONDITION",
    "The page token or the cursor is of before the history was rewound, by a restore or a database that lacked events; start again without it.",
  ],
  QUEUE_FULL: [
    "RESOURCE_EXHAUSTED",
    "The write queue is full; nothing was applied; `RetryInfo` says how long to wait.",
  ],
  DEADLINE_PASSED: ["DEADLINE_EXCEEDED", "The deadline passed before the command began; nothing was applied."],
  STORE_UNAVAILABLE: [
    "UNAVAILABLE",
    "The store cannot be reached or written; `outcome` says whether the command took effect. A read that took over 10 s by itself is given up: ask for less.",
  ],
  UNFORESEEN: ["INTERNAL", "A fault of the service; the log has its cause under `callId`."],
  STORE_REJECTED: ["INTERNAL", "The database refused this command alone; nothing was applied."],
} as const satisfies Record<string, readonly [RefusalCode, string]>;

export type Reason = keyof typeof REASONS;

/** A field that is wrong. */
export interface FieldViolation {
  /** The path in proto names, for example `profile.email`. */
  readonly field: string;
  readonly description: string;
}

/** A refusal is data: it crosses threads. It is thrown as RefusalError only where a function must end. */
export interface Refusal {
  readonly reason: Reason;
  /** One plain sentence with the values received and allowed. */
  readonly message: string;
  readonly metadata: Readonly<Record<string, string>>;
  readonly fields: readonly FieldViolation[];
  /** After how many milliseconds trying again may help. */
  readonly retryAfterMs?: number;
}

/** Whether a command that failed took effect. */
export type FailedOutcome = "NOT_APPLIED" | "UNKNOWN";

/** A refusal as an exception. */
export class RefusalError extends Error {
  readonly refusal: Refusal;
  constructor(refusal: Refusal, options?: ErrorOptions) {
    super(`${refusal.reason}: ${refusal.message}`, options);
    this.name = "RefusalError";
    this.refusal = refusal;
  }
}

/** Returns the RPC code of a reason. */
export function codeOf(reason: Reason): RefusalCode {
  return REASONS[reason][0];
}

/** Makes a refusal. Pass values that came from outside through `shown` before they go into `message`. */
export function refuse(
  reason: Reason,
  message: string,
  more: Partial<Pick<Refusal, "metadata" | "fields" | "retryAfterMs">> = {},
): Refusal {
  return { reason, message, metadata: {}, fields: [], ...more };
}

/** Refuses one field of the request, named by its proto path. */
export function refuseField(field: string, description: string): Refusal {
  return refuseFields([{ field, description }]);
}

/** Returns the refusal of one field as an exception. */
export function invalidField(field: string, description: string): RefusalError {
  return new RefusalError(refuseField(field, description));
}

/** Refuses all fields that are wrong; the sentence names the first and counts the others. */
export function refuseFields(fields: readonly FieldViolation[]): Refusal {
  const [first] = fields;
  if (first === undefined) throw new Error("refuseFields: no field is at fault");
  const more = fields.length > 1 ? ` (and ${fields.length - 1} more)` : "";
  return refuse("FIELD_INVALID", `${first.field}: ${first.description}${more}`, { fields });
}

/** The most fields that a refusal names, and bytes of their JSON: the answer fits into 8 KiB on every wire. */
const LISTED_MAX = 20;
const LISTED_BYTES_MAX = 2_000;

/** Returns as many wrong fields as there is room for; the last one says how many more there are. */
export function listFields(fields: readonly FieldViolation[], max = LISTED_MAX): readonly FieldViolation[] {
  const listed: FieldViolation[] = [];
  let bytes = 0;
  for (const each of fields.slice(0, max)) {
    bytes += Buffer.byteLength(JSON.stringify(each));
    if (bytes > LISTED_BYTES_MAX && listed.length > 0) break;
    listed.push(each);
  }
  const last = listed.at(-1);
  const left = fields.length - listed.length;
  if (last !== undefined && left > 0) {
    listed[listed.length - 1] = { ...last, description: `${last.description} (and ${left} more)` };
  }
  return listed;
}

/** Refuses a change because the resource is not at the sequence that the caller expects. */
export function sequenceMismatch(
  kind: "user" | "organization" | "policy" | "session",
  id: string,
  { expected, sequence }: { readonly expected: number; readonly sequence: number },
): Refusal {
  // Only the policy of the whole instance has no id.
  const resource = id === "" ? `${kind} of the instance` : `${kind} ${shown(id)}`;
  return refuse(
    "SEQUENCE_MISMATCH",
    `expected_sequence is ${expected}, the ${resource} is at ${sequence}; read it again and decide again`,
    { metadata: { [`${kind}Id`]: id, expectedSequence: `${expected}`, sequence: `${sequence}` } },
  );
}

/** Refuses a search that would read, take or return more than one request may. */
export function searchTooBroad(message: string): Refusal {
  return refuse("SEARCH_TOO_BROAD", message);
}

const SHOWN_CHARS_MAX = 100;

/** Returns a count with its noun: `1 character`, `2 characters`. */
export function counted(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? "" : "s"}`;
}

/** Returns a value from outside in a form that is safe in an error: quoted, escaped and cut at 100 characters. */
export function shown(value: string): string {
  const cut = value.length > SHOWN_CHARS_MAX ? `${value.slice(0, SHOWN_CHARS_MAX)}…` : value;
  return JSON.stringify(cut).replace(
    /[\u007f-\u009f\u2028\u2029\ud800-\udfff]/g,
    (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}
