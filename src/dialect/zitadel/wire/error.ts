/** ZITADEL's errors: a text followed by an id, and one ErrorDetail that carries both. */
import { Code, ConnectError } from "@connectrpc/connect";
import { ErrorDetailSchema } from "@zitadel/proto/zitadel/message_pb.js";
import type { Reason, Refusal } from "../../../domain/refusal.ts";
import { refusalOf, toConnectError } from "../../../service/errors.ts";

/** One of ZITADEL's errors, as its tables name it. */
export interface KnownError {
  readonly code: Code;
  readonly id: string;
  readonly text: string;
}

/** Errors that more than one service answers. */
export const ERRORS = {
  headerMissing: { code: Code.Unauthenticated, id: "", text: "auth header missing" },
  headerInvalid: { code: Code.Unauthenticated, id: "AUTH-toLo1", text: "invalid auth header" },
  tokenInvalid: { code: Code.Unauthenticated, id: "AUTH-7fs1e", text: "Errors.Token.Invalid" },
  organizationMissing: { code: Code.PermissionDenied, id: "AUTH-Bs7Ds", text: "Organisation doesn't exist" },
  noMembership: { code: Code.NotFound, id: "AUTHZ-cdgFk", text: "membership not found" },
  /** Decided before the request is read. */
  methodNotPermitted: { code: Code.PermissionDenied, id: "AUTH-5mWD2", text: "No matching permissions found" },
  /** Decided on the user that the request names. */
  userNotPermitted: { code: Code.PermissionDenied, id: "AUTH-AWfge", text: "No matching permissions found" },
} as const satisfies Readonly<Record<string, KnownError>>;

/**
 * Returns the error to send. `cause`: the error that it translates; the log names the reason of a
 * RefusalError.
 */
export function toError({ code, id, text }: KnownError, cause?: unknown): ConnectError {
  if (id === "") return new ConnectError(text, code, undefined, undefined, cause);
  const detail = { desc: ErrorDetailSchema, value: { id, message: text } };
  return new ConnectError(`${text} (${id})`, code, undefined, [detail], cause);
}

/** Returns an error of ZITADEL's validation, which has neither id nor detail. */
export function invalidArgument(text: string): ConnectError {
  return new ConnectError(text, Code.InvalidArgument);
}

/** A key revoked while its call was in progress is answered like one that never existed. */
const OWN_WORDS: Readonly<Partial<Record<Reason, KnownError>>> = { CREDENTIAL_INVALID: ERRORS.tokenInvalid };

/**
 * Returns whatever a handler threw as an error of ZITADEL's form. Refusals that ZITADEL does not know keep their code
 * and sentence, and their reason is the id. Unforeseen errors stay unchanged, for the transport to mask.
 */
export function mapError(error: unknown): unknown {
  if (error instanceof ConnectError) return error;
  const refusal = refusalOf(error);
  if (refusal === undefined) return error;
  const known = OWN_WORDS[refusal.reason];
  return known === undefined ? ownError(refusal, error) : toError(known, error);
}

/** Milliseconds in a second. */
const SECOND_MS = 1000;

function ownError(refusal: Refusal, cause: unknown): ConnectError {
  const { code } = toConnectError(refusal);
  const error = toError({ code, id: refusal.reason, text: refusal.message }, cause);
  if (refusal.retryAfterMs !== undefined) {
    error.metadata.set("retry-after", `${Math.ceil(refusal.retryAfterMs / SECOND_MS)}`);
  }
  return error;
}

/** Returns the entry of a table for a refusal's reason; `undefined` if there is none. */
export function byReason<T>(error: unknown, table: Readonly<Partial<Record<Reason, T>>>): T | undefined {
  const refusal = refusalOf(error);
  return refusal && table[refusal.reason];
}

/** Removes details that ZITADEL does not have (the transport's own, about what it cannot decode). */
export function keepOwnDetails(error: ConnectError): void {
  error.details = error.details.filter(
    (detail) => ("desc" in detail ? detail.desc.typeName : detail.type) === ErrorDetailSchema.typeName,
  );
}
