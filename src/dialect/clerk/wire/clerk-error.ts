/** Refusals in Clerk's words: the catalogue of codes and texts, and the JSON form of an error. */
import type { JsonObject } from "@bufbuild/protobuf";
import { invalidField } from "../../../service/errors.ts";

/** One entry of `errors`. */
export interface ErrorEntry {
  readonly code: string;
  readonly message: string;
  readonly longMessage: string;
  /** The parameter at fault. */
  readonly paramName?: string;
  /** Seconds until the user is unlocked; absent: permanent, or not about a lock. */
  readonly lockoutSeconds?: number;
}

/** A refusal as Clerk would answer it. `cause`: the error behind it, if any; the log names its reason. */
export class ClerkError extends Error {
  override readonly name = "ClerkError";
  readonly status: number;
  readonly entries: readonly ErrorEntry[];
  /** Header names are lower case. */
  readonly header: Readonly<Record<string, string>>;

  constructor(
    status: number,
    entries: readonly ErrorEntry[],
    more: { readonly header?: Readonly<Record<string, string>>; readonly cause?: unknown } = {},
  ) {
    const listed = listEntries(entries);
    super(listed.map(({ longMessage }) => longMessage).join(" "), { cause: more.cause });
    this.status = status;
    this.entries = listed;
    this.header = more.header ?? {};
  }

  /** Returns the document to send. */
  toJson(traceId: string): JsonObject {
    return {
      errors: this.entries.map(({ code, message, longMessage, paramName, lockoutSeconds }) => ({
        message,
        long_message: longMessage,
        code,
        ...(paramName === undefined ? {} : { meta: { param_name: paramName } }),
        ...(lockoutSeconds === undefined ? {} : { meta: { lockout_expires_in_seconds: lockoutSeconds } }),
      })),
      clerk_trace_id: traceId,
    };
  }
}

/** At most this many entries, and bytes of JSON: the whole answer stays within 8 KiB. */
const LISTED_MAX = 20;
const LISTED_BYTES_MAX = 7_000;
const TEXT_CHARS_MAX = 500;

/** Returns as many entries as fit; the last one says how many more there are. */
function listEntries(entries: readonly ErrorEntry[]): readonly ErrorEntry[] {
  const listed: ErrorEntry[] = [];
  let bytes = 0;
  for (const each of entries.slice(0, LISTED_MAX)) {
    const entry = { ...each, longMessage: each.longMessage.slice(0, TEXT_CHARS_MAX).toWellFormed() };
    // The member names in the answer are longer than here.
    bytes += Buffer.byteLength(JSON.stringify(entry)) + 20;
    if (bytes > LISTED_BYTES_MAX && listed.length > 0) break;
    listed.push(entry);
  }
  const last = listed.at(-1);
  const left = entries.length - listed.length;
  if (last !== undefined && left > 0) {
    listed[listed.length - 1] = { ...last, longMessage: `${last.longMessage} (and ${left} more)` };
  }
  return listed;
}

/** Returns an error with one entry; its long text may differ from the short one. */
export function clerkError(
  status: number,
  code: string,
  message: string,
  longMessage: string = message,
  more: ConstructorParameters<typeof ClerkError>[2] = {},
): ClerkError {
  return new ClerkError(status, [{ code, message, longMessage }], more);
}

/** Nothing is served at the path, or the path names nothing. */
export function resourceNotFound(): ClerkError {
  return clerkError(404, "resource_not_found", "not found", "Resource not found");
}

/** No such user is visible to the caller. */
export function userNotFound(userId: string, cause?: unknown): ClerkError {
  return clerkError(404, "resource_not_found", "not found", `No user was found with id ${userId}`, { cause });
}

/** No such session is visible to the caller. */
export function sessionNotFound(sessionId: string, cause?: unknown): ClerkError {
  const longMessage = `No session was found with id ${sessionId}`;
  return clerkError(404, "resource_not_found", "Session not found", longMessage, { cause });
}

/** The path exists for other methods only. Clerk's catalogue has no code for it; this one follows its naming. */
export function methodNotAllowed(method: string, allow: readonly string[]): ClerkError {
  const allowed = allow.join(", ");
  const longMessage = `The method ${method} is not allowed here. Use ${allowed}.`;
  return clerkError(405, "method_not_allowed", "Method not allowed", longMessage, { header: { allow: allowed } });
}

/** The body is not a JSON object, or holds a value that JSON cannot express. */
export function bodyInvalid(): ClerkError {
  return clerkError(
    400,
    "request_body_invalid",
    "Request body invalid",
    "The request body is invalid. Please consult the API documentation for more information.",
  );
}

/** The body exceeds the size limit. */
export function bodyTooLarge(bytesMax: string): ClerkError {
  return clerkError(
    413,
    "request_body_too_large",
    "Request body too large",
    `The request body exceeds the maximum allowed size of ${bytesMax} bytes.`,
  );
}

/** The body has more members, items and single values than the limit. */
export function bodyTooManyValues(valuesMax: string): ClerkError {
  return clerkError(
    413,
    "request_body_too_large",
    "Request body too large",
    `The request body exceeds the maximum allowed number of ${valuesMax} values.`,
  );
}

/** The content type says that the body is not JSON. */
export function contentTypeUnsupported(actual: string): ClerkError {
  return clerkError(
    415,
    "unsupported_content_type",
    "Content-Type is unsupported",
    `Content-Type ${actual} is unsupported. You should use application/json instead.`,
    { header: { accept: "application/json" } },
  );
}

/** At least one of these parameters must be given. */
export function queryParameterMissing(...names: readonly string[]): ClerkError {
  const longMessage = `Either of the following query parameters must be provided: ${names.join(", ")}.`;
  return clerkError(400, "missing_query_parameter", "Missing query parameter", longMessage);
}

/** No token, another session's token, or an ended session: the text does not reveal which. */
export function sessionTokenInvalid(): ClerkError {
  const longMessage = "The token provided could not be successfully verified";
  return clerkError(400, "invalid_session_token", "Invalid session token", longMessage);
}

/** A bulk call has more than `max` items. */
export function bulkSizeExceeded(max: number): ClerkError {
  const longMessage = `Parameters exceed the maximum allowed bulk processing size of ${max}.`;
  return clerkError(400, "bulk_size_exceeded", "bulk size exceeded", longMessage);
}

/** Clerk supports the request; this service does not. */
export function featureNotEnabled(): ClerkError {
  return clerkError(403, "feature_not_enabled", "not enabled", "This feature is not enabled on this instance");
}

/** Concurrent changes interfered repeatedly. */
export function resourceLocked(cause: unknown): ClerkError {
  return clerkError(
    409,
    "resource_locked",
    "resource busy",
    "This resource is currently being modified by another request. Please try again.",
    { cause },
  );
}

/** A fault of one parameter of a body or query. */
export type ParamFault = ErrorEntry & { readonly paramName: string };

/** The operation does not have this parameter. */
export function paramUnknown(paramName: string): ParamFault {
  const longMessage = `${paramName} is not a valid parameter for this request.`;
  return { code: "form_param_unknown", message: "is unknown", longMessage, paramName };
}

/** The operation requires this parameter. */
export function paramMissing(paramName: string): ParamFault {
  return {
    code: "form_param_missing",
    message: "is missing",
    longMessage: `${paramName} must be included.`,
    paramName,
  };
}

/** The parameter has another JSON type. */
export function paramTypeInvalid(paramName: string, type: string): ParamFault {
  const longMessage = `\`${paramName}\` must be a \`${type}\`.`;
  return { code: "form_param_type_invalid", message: "is invalid", longMessage, paramName };
}

/** `requirement` follows the parameter's name: `must be a valid email address.` */
export function paramFormatInvalid(paramName: string, requirement: string): ParamFault {
  const longMessage = `${paramName} ${requirement}`;
  return { code: "form_param_format_invalid", message: "is invalid", longMessage, paramName };
}

const VALUE_CHARS_MAX = 100;

/** Do not use for values that may be secret: the text contains the value. */
export function paramValueInvalid(paramName: string, value: string): ParamFault {
  const shown = value.length > VALUE_CHARS_MAX ? `${value.slice(0, VALUE_CHARS_MAX)}…` : value;
  const longMessage = `${shown.toWellFormed()} does not match one of the allowed values for parameter ${paramName}`;
  return { code: "form_param_value_invalid", message: "is invalid", longMessage, paramName };
}

/** 422 for all parameters at fault. */
export function paramsInvalid(faults: readonly [ParamFault, ...ParamFault[]], cause?: unknown): ClerkError {
  const [{ paramName, message }] = faults;
  return new ClerkError(422, faults, { cause: cause ?? invalidField(paramName, message) });
}
