/** Describes failed calls in one sentence each: RPC errors, and obstacles on the way to the service. */
import { create, createRegistry, type Registry, toJson } from "@bufbuild/protobuf";
import { type Any, AnySchema } from "@bufbuild/protobuf/wkt";
import { Code, ConnectError } from "@connectrpc/connect";
import {
  BadRequestSchema,
  ErrorInfoSchema,
  file_google_rpc_error_details,
  RetryInfoSchema,
} from "../../../../gen/google/rpc/error_details_pb.ts";
import { StatusSchema } from "../../../../gen/google/rpc/status_pb.ts";
import { EXIT, type ExitCode, Failure, type StatusJson } from "../failure.ts";

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

/** The circumstances of a call. */
export interface Called {
  readonly server: URL;
  readonly timeoutMs: number;
  /** Returns the flag or argument for a field of the request, such as `--until` for `expire_time`. */
  readonly typedFor: (field: string) => string;
}

/** Returns the Failure for an error of a call. */
export function callFailure(error: ConnectError, { server, timeoutMs, typedFor }: Called): Failure {
  const [info] = error.findDetails(ErrorInfoSchema);
  const sentence = info === undefined ? obstacle(error, server, timeoutMs) : undefined;
  if (sentence !== undefined) {
    const code = error.code === Code.DeadlineExceeded ? error.code : Code.Unavailable;
    const status = { code, message: sentence, details: [] };
    return new Failure(EXIT.UNAVAILABLE, sentence, { cause: error, status });
  }
  const violations = error.findDetails(BadRequestSchema).flatMap(({ fieldViolations }) => fieldViolations);
  const [retry] = error.findDetails(RetryInfoSchema);
  let message = error.rawMessage;
  const lines: string[] = [];
  for (const { field, description } of violations) {
    if (message.startsWith(`${field}: `)) message = typedFor(field) + message.slice(field.length);
    else if (!message.includes(`${field}: ${description}`)) lines.push(`${typedFor(field)}: ${description}`);
  }
  if (info?.metadata.outcome === "UNKNOWN") {
    lines.push(
      "it is not known whether the change was applied: check before you try again, or repeat it with --request-id",
    );
  }
  if (info?.metadata.callId !== undefined) {
    lines.push(`the cause is in the log of the service, under callId=${info.metadata.callId}`);
  }
  if (retry?.retryDelay !== undefined) {
    const delayMs = Number(retry.retryDelay.seconds) * 1000 + retry.retryDelay.nanos / 1e6;
    lines.push(`try again in ${delayMs < 1000 ? `${Math.ceil(delayMs)} ms` : `${Math.ceil(delayMs / 1000)} s`}`);
  }
  const reason = info?.reason ?? nameOfCode(error.code);
  return new Failure(EXIT_CODES[error.code], `${message} (${reason})`, {
    lines,
    status: statusOf(error),
    cause: error,
  });
}

/** Returns a code as the protocol writes it, `PERMISSION_DENIED`; the number itself if a newer service has more codes. */
export function nameOfCode(code: Code): string {
  return (Code[code] ?? String(code)).replace(/(?<=[a-z])(?=[A-Z])/g, "_").toUpperCase();
}

/** Sentences for causes, by patterns of their codes and messages; the first match counts. */
const OBSTACLES: readonly (readonly [found: RegExp, sentence: (server: URL) => string])[] = [
  [/ECONNREFUSED/, ({ origin }) => `nothing listens at ${origin}; is the service running, and is --server right?`],
  [/ENOTFOUND|EAI_AGAIN/, ({ hostname }) => `the host name ${hostname} is unknown; is --server right?`],
  [/EHOSTUNREACH|ENETUNREACH|ETIMEDOUT/, ({ host }) => `${host} cannot be reached over the network`],
  [
    /ERR_SSL_WRONG_VERSION_NUMBER|ERR_SSL_PACKET_LENGTH_TOO_LONG|EPROTO/,
    ({ host }) => `${host} does not speak TLS; is the service at http://${host}?`,
  ],
  [
    /ALERT_CERTIFICATE_REQUIRED|ALERT_HANDSHAKE_FAILURE|ALERT_UNKNOWN_CA|ALERT_BAD_CERTIFICATE/,
    ({ host }) => `${host} requires a client certificate that it trusts; give --client-cert and --client-key`,
  ],
  [/NO_APPLICATION_PROTOCOL/, httpOne],
  [
    /SELF_SIGNED_CERT|UNABLE_TO_GET_ISSUER_CERT|UNABLE_TO_VERIFY_LEAF_SIGNATURE|UNABLE_TO_VERIFY|CERT_UNTRUSTED/,
    ({ host }) =>
      `the certificate of ${host} is not from an authority that this machine trusts; name the authority with --ca FILE`,
  ],
  [/ERR_TLS_CERT_ALTNAME_INVALID/, ({ host }) => `the certificate of ${host} is for another name; is --server right?`],
  [/CERT_HAS_EXPIRED|CERT_NOT_YET_VALID/, ({ host }) => `the certificate of ${host} is not valid at this time`],
  [/ERR_HTTP2_ERROR|Protocol error/, httpOne],
  [/HTTP 50[234]/, ({ origin }) => `the proxy at ${origin} cannot reach the service behind it`],
  [
    /unsupported content type|missing content type|HTTP [2345]\d\d/,
    ({ origin }) => `the server at ${origin} is not lockkeeper, or a proxy in front of it does not forward gRPC`,
  ],
  [
    /ECONNRESET|stream closed|socket hang up|EPIPE|ERR_HTTP2|session|GOAWAY/i,
    ({ host, protocol }) =>
      `${host} closed the connection without an answer${protocol === "http:" ? `; if the service speaks TLS, --server is https://${host}` : ""}`,
  ],
];

function httpOne({ host }: URL): string {
  return `${host} does not speak HTTP/2, which gRPC needs; is it lockkeeper, or a proxy in front of it?`;
}

/** Returns what kept the call or its answer from arriving; `undefined` if unknown. */
function obstacle(error: ConnectError, server: URL, timeoutMs: number): string | undefined {
  if (error.code === Code.DeadlineExceeded) {
    return `no answer from ${server.origin} within ${timeoutMs} ms; a change may have been applied anyway`;
  }
  const causes = causesOf(error).join(" ");
  return OBSTACLES.find(([found]) => found.test(causes))?.[1](server);
}

/** Returns the codes and messages of an error and its causes. */
function causesOf(error: unknown): readonly string[] {
  if (!(error instanceof Error)) return [];
  const { code } = error as NodeJS.ErrnoException;
  return [typeof code === "string" ? code : "", error.message, ...causesOf(error.cause)];
}

let registry: Registry | undefined;

/** Returns google.rpc.Status as JSON, as REST answers it. */
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
