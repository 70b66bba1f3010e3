/** Writes a failed call as a google.rpc.Status JSON document with its HTTP status and headers. */
import {
  create,
  type DescMessage,
  fromBinary,
  type JsonObject,
  type JsonValue,
  type Message,
  type Registry,
  toBinary,
  toJson,
} from "@bufbuild/protobuf";
import { base64Encode } from "@bufbuild/protobuf/wire";
import { hasCustomJsonRepresentation } from "@bufbuild/protobuf/wkt";
import { Code, type ConnectError } from "@connectrpc/connect";
import { codeToHttpStatus } from "@connectrpc/connect/protocol-connect";
import { RetryInfoSchema } from "../../gen/google/rpc/error_details_pb.ts";
import { isRestError } from "./rest-error.ts";

type Detail = ConnectError["details"][number];

/** A complete answer, as it is written to the wire. Header names are lower case. */
export interface RestAnswer {
  readonly status: number;
  readonly header: Readonly<Record<string, string>>;
  readonly body: Uint8Array;
}

/** Headers of the framing, or without meaning in an answer. Metadata must not replace them. */
const FRAMING_HEADERS: ReadonlySet<string> = new Set([
  "content-type",
  "content-length",
  "content-encoding",
  "transfer-encoding",
  "connection",
  "keep-alive",
  "trailer",
  "upgrade",
  "te",
]);

const utf8 = new TextEncoder();

/**
 * Encodes an error by default. The error's metadata become headers, as in Connect's unary protocol. INTERNAL and
 * UNKNOWN have a fixed message, so that no text of an unforeseen error reaches the caller; details, which were added on
 * purpose, stay. 401 names the scheme; 429 and 503 have Retry-After if the error has a RetryInfo detail.
 */
export function encodeStatusError(error: ConnectError, { registry }: { readonly registry: Registry }): RestAnswer {
  const status = isRestError(error) ? error.httpStatus : codeToHttpStatus(error.code);
  const header: Record<string, string> = {};
  for (const [name, value] of error.metadata) {
    if (!FRAMING_HEADERS.has(name)) header[name] = value;
  }
  if (isRestError(error)) Object.assign(header, error.header);
  header["content-type"] = "application/json";
  if (status === 401) header["www-authenticate"] ??= "Bearer";
  if (status === 429 || status === 503) {
    const seconds = findRetrySeconds(error);
    if (seconds !== undefined) header["retry-after"] ??= String(seconds);
  }
  return { status, header, body: utf8.encode(JSON.stringify(toStatusJson(error, registry))) };
}

/** Returns the error as JSON of `google.rpc.Status`; `details` is always present. */
export function toStatusJson(error: ConnectError, registry: Registry): JsonObject {
  const masked = error.code === Code.Internal || error.code === Code.Unknown;
  return {
    code: error.code,
    message: masked ? "internal error" : error.rawMessage,
    details: error.details.map((detail) => toAnyJson(detail, registry)),
  };
}

/** Returns a detail as JSON of google.protobuf.Any. A detail that cannot be printed is kept as base64 of its bytes. */
function toAnyJson(detail: Detail, registry: Registry): JsonObject {
  if ("desc" in detail) {
    const type = `type.googleapis.com/${detail.desc.typeName}`;
    const message = create(detail.desc, detail.value);
    return printAny(type, detail.desc, message, registry) ?? toRawAny(type, toBinary(detail.desc, message));
  }
  const type = `type.googleapis.com/${detail.type}`;
  const desc = registry.getMessage(detail.type);
  return (desc && printAny(type, desc, tryFromBinary(desc, detail.value), registry)) ?? toRawAny(type, detail.value);
}

function printAny(
  type: string,
  desc: DescMessage,
  message: Message | undefined,
  registry: Registry,
): JsonObject | undefined {
  if (message === undefined) return undefined;
  try {
    const json: JsonValue = toJson(desc, message, { registry });
    const asMembers = typeof json === "object" && json !== null && !Array.isArray(json);
    return asMembers && !hasCustomJsonRepresentation(desc)
      ? { "@type": type, ...json }
      : { "@type": type, value: json };
  } catch {
    // An Any inside the detail is not in the registry, or a number has no JSON form.
    return undefined;
  }
}

function toRawAny(type: string, bytes: Uint8Array): JsonObject {
  return { "@type": type, value: base64Encode(bytes) };
}

function tryFromBinary(desc: DescMessage, bytes: Uint8Array): Message | undefined {
  try {
    return fromBinary(desc, bytes);
  } catch {
    return undefined;
  }
}

/** Returns whole seconds, rounded up: an earlier retry would be refused again. */
function findRetrySeconds(error: ConnectError): number | undefined {
  const delay = error.findDetails(RetryInfoSchema)[0]?.retryDelay;
  return delay === undefined ? undefined : Math.max(0, Number(delay.seconds) + (delay.nanos > 0 ? 1 : 0));
}
