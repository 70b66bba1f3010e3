/** Translates the service's refusals into Clerk's words: reason → code, status and texts. */
import type { FieldViolation, Reason, Refusal } from "../../../domain/refusal.ts";
import { refusalOf } from "../../../service/errors.ts";
import type { UserView } from "../../../service/operations/operations.ts";
import { userMayNotAct } from "../sessions/user-refused.ts";
import {
  type ClerkError,
  clerkError,
  paramFormatInvalid,
  paramsInvalid,
  resourceLocked,
  sessionNotFound,
  userNotFound,
} from "./clerk-error.ts";

/** What a text may depend on in addition to the refusal. */
export interface RefusedCall {
  /** The `Authorization` header; `null`: absent. */
  readonly authorization: string | null;
  /** The parameter to name if the user's attributes as a whole are at fault. */
  readonly attributesParam?: string | undefined;
  /** The user as the refusal left it, for texts that say more than the refusal. */
  readonly view?: UserView | undefined;
}

/** A refusal with the error that carried it and its headers. */
interface Refused {
  readonly refusal: Refusal;
  readonly more: { readonly cause: unknown; readonly header: Readonly<Record<string, string>> };
}

type Translate = (refused: Refused, call: RefusedCall) => ClerkError;

const CHALLENGE = { "www-authenticate": "Bearer" };

/** Other reasons cannot occur here; they are answered as internal errors. */
const TRANSLATIONS: Readonly<Partial<Record<Reason, Translate>>> = {
  USER_NOT_FOUND: ({ refusal, more }) => userNotFound(refusal.metadata.userId ?? "", more.cause),
  SESSION_NOT_FOUND: ({ refusal, more }) => sessionNotFound(refusal.metadata.sessionId ?? "", more.cause),
  USER_MAY_NOT_ACT: ({ refusal, more }, { view }) => userMayNotAct(refusal.metadata.state, view, more.cause),
  CREDENTIAL_MISSING: credentialMissing,
  CREDENTIAL_INVALID: ({ more }) => {
    const message = "The provided Clerk Secret Key is invalid. Make sure that your Clerk Secret Key is correct.";
    return clerkError(401, "clerk_key_invalid", message, message, { ...more, header: CHALLENGE });
  },
  PERMISSION_MISSING: ({ more }) =>
    clerkError(403, "authorization_missing_scopes", "Missing authorization scopes", undefined, more),
  SCOPE_EXCEEDED: ({ more }) =>
    clerkError(
      403,
      "authorization_invalid",
      "Unauthorized request",
      "You are not authorized to perform this request",
      more,
    ),
  AUTHENTICATION_RATE: tooManyRequests,
  ADDRESS_RATE: tooManyRequests,
  CALLER_RATE: tooManyRequests,
  QUEUE_FULL: tooManyRequests,
  SEQUENCE_MISMATCH: ({ more }) => resourceLocked(more.cause),
  FIELD_INVALID: fieldsInvalid,
  // Clerk's own search times out in this case; here a retry of the same search would fail too.
  SEARCH_TOO_BROAD: ({ refusal, more }) =>
    clerkError(422, "form_param_value_invalid", "is invalid", sentence(refusal), more),
  STORE_UNAVAILABLE: serviceUnavailable,
  ISSUER_UNAVAILABLE: serviceUnavailable,
  DEADLINE_PASSED: ({ refusal, more }) =>
    clerkError(504, "gateway_timeout", "Gateway Timeout", sentence(refusal), more),
};

/** Returns Clerk's answer to what an operation threw; `undefined` if it is unforeseen. */
export function translateRefusal(error: unknown, call: RefusedCall): ClerkError | undefined {
  const refusal = refusalOf(error);
  if (refusal === undefined) return undefined;
  return TRANSLATIONS[refusal.reason]?.({ refusal, more: { cause: error, header: retryAfter(refusal) } }, call);
}

/** An unforeseen failure: the answer reveals nothing about it. */
export function internalError(cause: unknown): ClerkError {
  return clerkError(500, "internal_clerk_error", "Oops, an unexpected error occurred", undefined, { cause });
}

function credentialMissing({ more: { cause } }: Refused, { authorization }: RefusedCall): ClerkError {
  const more = { cause, header: CHALLENGE };
  if (authorization === null) {
    const longMessage = "Unable to authenticate the request, you need to supply an active session";
    return clerkError(401, "authentication_invalid", "Invalid authentication", longMessage, more);
  }
  const message = "Invalid Authorization header format";
  const longMessage = `${message}. Must be 'Bearer <YOUR_API_KEY>'`;
  return clerkError(401, "authorization_header_format_invalid", message, longMessage, more);
}

function serviceUnavailable({ refusal, more }: Refused): ClerkError {
  return clerkError(503, "service_unavailable", "Service unavailable", sentence(refusal), more);
}

function tooManyRequests({ more }: Refused): ClerkError {
  return clerkError(429, "too_many_requests", "Too many requests", "Too many requests, retry later", more);
}

/** Our field names → the parameters behind them. */
const PARAM_NAMES: Readonly<Record<string, string>> = {
  "profile.username": "username",
  "profile.email": "email_address",
  "profile.given_name": "first_name",
  "profile.family_name": "last_name",
  "profile.phone": "phone_number",
  "profile.locale": "locale",
  "profile.external_id": "external_id",
  creation_date: "created_at",
};

function fieldsInvalid({ refusal, more: { cause } }: Refused, { attributesParam }: RefusedCall): ClerkError {
  const toFault = ({ field, description }: FieldViolation) =>
    paramFormatInvalid(PARAM_NAMES[field] ?? attributesParam ?? field, `is invalid: ${description}.`);
  const [first = { field: "", description: refusal.message }, ...others] = refusal.fields;
  return paramsInvalid([toFault(first), ...others.map(toFault)], cause);
}

/** Returns the refusal's own sentence: it says what became of the change, for which Clerk has no words. */
function sentence({ message }: Refusal): string {
  return `${message.charAt(0).toUpperCase()}${message.slice(1)}.`;
}

/** Whole seconds, rounded up: an earlier retry would be refused again. */
function retryAfter({ retryAfterMs }: Refusal): Readonly<Record<string, string>> {
  return retryAfterMs === undefined ? {} : { "retry-after": `${Math.max(1, Math.ceil(retryAfterMs / 1000))}` };
}
