/** What became of a call that failed: RPC errors, and what stands in the way to the service, each in one sentence. */
import { create, createRegistry, type Registry, toJson } from "@bufbuild/protobuf";
import { type Any, AnySchema } from "@bufbuild/protobuf/wkt";
import { Code, ConnectError } from "@connectrpc/connect";
import {
  BadRequestSchema,
  ErrorInfoSchema,
  file_google_rpc_error_details,
  RetryInfoSchema,
} from "../../gen/google/rpc/error_details_pb.ts";
import { StatusSchema } from "../../gen/google/rpc/status_pb.ts";
import { EXIT, type ExitCode, Failure, type StatusJson } from "./failure.ts";

const EXIT_CODES: Readonly<Record<Code, ExitCode>> = {
  [Code.Canceled]: EXIT.UNAVAILABLE,
  [Code.Unknown]: EXIT.UNFORESEEN,
  [Code.InvalidArgument]: EXIT.USAGE,
  [Code.DeadlineExceeded]: EXIT.UNAVAILABLE,
  [Code.NotFound]: EXIT.NOT_FOUND,
  [Code.AlreadyExists]: EXIT.REFUSED,
  [Code.PermissionDenied]: EXIT.NOT_PERMITTED,
  [Code.ResourceExhausted]: EXIT.UNAVAILABLE,
  [Code.FailedPrecondition]: EXIT.REFUSED,
  [Code.Aborted]: EXIT.REFUSED,
  [Code.OutOfRange]: EXIT.USAGE,
  [Code.Unimplemented]: EXIT.UNFORESEEN,
  [Code.Internal]: EXIT.UNFORESEEN,
  [Code.Unavailable]: EXIT.UNAVAILABLE,
  [Code.DataLoss]: EXIT.UNFORESEEN,
  [Code.Unauthenticated]: EXIT.NOT_PERMITTED,
};

/** A Failure for what a call threw. `server`: where it was made to. */
export function callFailure(error: ConnectError, { server, timeoutMs }: { server: URL; timeoutMs: number }): Failure {
  const [info] = error.findDetails(ErrorInfoSchema);
  if (info === undefined) {
    const sentence = obstacle(error, server, timeoutMs);
    if (sentence !== undefined) {
      return new Failure(EXIT.UNAVAILABLE, sentence, {
        cause: error,
        status: { code: error.code === Code.DeadlineExceeded ? 4 : 14, message: sentence, details: [] },
      });
    }
  }
  const violations = error.findDetails(BadRequestSchema).flatMap(({ fieldViolations }) => fieldViolations);
  const [retry] = error.findDetails(RetryInfoSchema);
  const lines = violations
    .filter(({ field, description }) => !error.rawMessage.includes(`${field}: ${description}`))
    .map(({ field, description }) => `${field}: ${description}`);
  if (info?.metadata.outcome === "UNKNOWN") {
    lines.push("whether it was applied is not known: look before it is tried again, or repeat it with --request-id");
  }
  if (retry?.retryDelay !== undefined) {
    const delayMs = Number(retry.retryDelay.seconds) * 1000 + retry.retryDelay.nanos / 1e6;
    lines.push(`try again in ${delayMs < 1000 ? `${Math.ceil(delayMs)} ms` : `${Math.ceil(delayMs / 1000)} s`}`);
  }
  const reason = info === undefined ? Code[error.code] : info.reason;
  return new Failure(EXIT_CODES[error.code], `${error.rawMessage} (${reason})`, {
    lines,
    status: statusOf(error),
    cause: error,
  });
}

/** What kept the call from the service or its answer from us; `undefined`: nothing that is known. */
function obstacle(error: ConnectError, server: URL, timeoutMs: number): string | undefined {
  const text = causesOf(error).join(" ");
  const at = `at ${server.origin}`;
  if (error.code === Code.DeadlineExceeded) {
    return `no answer ${at} within ${timeoutMs} ms; whether a change was applied is not known: look before you try again`;
  }
  if (/ECONNREFUSED/.test(text)) return `nothing listens ${at}; is the service running, and is --server right?`;
  if (/ENOTFOUND|EAI_AGAIN/.test(text)) return `the host name of ${server.origin} is not known`;
  if (/EHOSTUNREACH|ENETUNREACH|ETIMEDOUT/.test(text)) return `${server.host} cannot be reached over the network`;
  return undefined;
}

/** Codes and messages of an error and of what caused it. */
function causesOf(error: unknown): readonly string[] {
  if (!(error instanceof Error)) return [];
  const { code } = error as NodeJS.ErrnoException;
  return [typeof code === "string" ? code : "", error.message, ...causesOf(error.cause)];
}

let registry: Registry | undefined;

/** google.rpc.Status as JSON, as REST answers it. */
function statusOf(error: ConnectError): StatusJson {
  registry ??= createRegistry(file_google_rpc_error_details);
  const details = error.details.flatMap((detail): Any[] =>
    "type" in detail && registry?.getMessage(detail.type) !== undefined && detail.value instanceof Uint8Array
      ? [create(AnySchema, { typeUrl: `type.googleapis.com/${detail.type}`, value: detail.value })]
      : [],
  );
  const status = create(StatusSchema, { code: error.code, message: error.rawMessage, details });
  return {
    code: error.code,
    message: error.rawMessage,
    details: [],
    ...(toJson(StatusSchema, status, { registry }) as object),
  };
}

export function isCallError(error: unknown): error is ConnectError {
  return error instanceof ConnectError;
}
