/** Refusals and storage trouble as RPC errors: code, one plain sentence, ErrorInfo, BadRequest and RetryInfo. */
import type { DescMessage, MessageInitShape } from "@bufbuild/protobuf";
import { Code, ConnectError } from "@connectrpc/connect";
import { BadRequestSchema, ErrorInfoSchema, RetryInfoSchema } from "../../gen/google/rpc/error_details_pb.ts";
import {
  codeOf,
  invalidField,
  listFields,
  type Refusal,
  type RefusalCode,
  RefusalError,
  refuse,
  refuseField,
} from "../domain/refusal.ts";
import {
  CursorError,
  HistoryChangedError,
  PageTokenError,
  ReadGivenUpError,
  StoreUnavailableError,
} from "../store/errors.ts";

export { invalidField };

/** The `domain` of every ErrorInfo. */
export const ERROR_DOMAIN = "lockkeeper";

/** How long a caller should wait before it tries again if the store fails. */
const UNAVAILABLE_RETRY_MS = 1000;

const CODES: Readonly<Record<RefusalCode, Code>> = {
  INVALID_ARGUMENT: Code.InvalidArgument,
  DEADLINE_EXCEEDED: Code.DeadlineExceeded,
  NOT_FOUND: Code.NotFound,
  ALREADY_EXISTS: Code.AlreadyExists,
  PERMISSION_DENIED: Code.PermissionDenied,
  RESOURCE_EXHAUSTED: Code.ResourceExhausted,
  FAILED_PRECONDITION: Code.FailedPrecondition,
  ABORTED: Code.Aborted,
  INTERNAL: Code.Internal,
  UNAVAILABLE: Code.Unavailable,
  UNAUTHENTICATED: Code.Unauthenticated,
  UNIMPLEMENTED: Code.Unimplemented,
};

/** Returns a refusal as an RPC error. */
export function toConnectError(refusal: Refusal, cause?: unknown): ConnectError {
  const { reason, message, metadata, fields, retryAfterMs } = refusal;
  const details = [detail(ErrorInfoSchema, { reason, domain: ERROR_DOMAIN, metadata: { ...metadata } })];
  if (fields.length > 0) {
    details.push(detail(BadRequestSchema, { fieldViolations: listFields(fields).map((f) => ({ ...f, reason: "" })) }));
  }
  if (retryAfterMs !== undefined) {
    const seconds = Math.floor(retryAfterMs / 1000);
    details.push(
      detail(RetryInfoSchema, {
        retryDelay: { seconds: BigInt(seconds), nanos: Math.round((retryAfterMs - seconds * 1000) * 1e6) },
      }),
    );
  }
  return new ConnectError(message, CODES[codeOf(reason)], undefined, details, cause);
}

/** Returns what a handler threw as a refusal; `undefined`: unforeseen. */
export function refusalOf(error: unknown): Refusal | undefined {
  if (error instanceof RefusalError) return error.refusal;
  if (error instanceof StoreUnavailableError) return storeUnavailable(error);
  if (error instanceof HistoryChangedError) return refuse("HISTORY_CHANGED", error.message);
  if (error instanceof CursorError) {
    return refuseField(
      "cursor",
      "is not a cursor of this database; leave it out to begin now, or send 0 to begin at the first event",
    );
  }
  if (error instanceof PageTokenError) {
    return refuseField("page_token", "is not from an earlier page of the same request; leave it empty to start again");
  }
  return undefined;
}

/** Returns what a handler threw as an RPC error; the transport masks an unforeseen error, which stays as it is. */
export function mapError(error: unknown): unknown {
  const refusal = refusalOf(error);
  if (refusal === undefined) return error;
  return toConnectError(refusal, error instanceof RefusalError ? error.cause : error);
}

function storeUnavailable(error: StoreUnavailableError): Refusal {
  // Without RetryInfo: the same request would take as long again.
  if (error instanceof ReadGivenUpError) {
    const said = `the store gave up reading the answer after ${error.afterMs} ms; ${error.advice}`;
    return refuse("STORE_UNAVAILABLE", said);
  }
  const { outcome } = error;
  if (outcome === undefined) {
    return refuse("STORE_UNAVAILABLE", "the store cannot be read now; nothing is known of the user's state", {
      retryAfterMs: UNAVAILABLE_RETRY_MS,
    });
  }
  const said =
    outcome === "NOT_APPLIED"
      ? "the store cannot be written now; nothing was applied"
      : "the store did not confirm the commit; read the resource before trying again, or repeat with the same request_id";
  return refuse("STORE_UNAVAILABLE", said, {
    metadata: { outcome },
    ...(outcome === "NOT_APPLIED" ? { retryAfterMs: UNAVAILABLE_RETRY_MS } : {}),
  });
}

function detail<D extends DescMessage>(
  desc: D,
  value: MessageInitShape<D>,
): { desc: DescMessage; value: MessageInitShape<DescMessage> } {
  return { desc, value: value as MessageInitShape<DescMessage> };
}
