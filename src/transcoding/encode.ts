/** Turns response messages into bodies: JSON, one field of the message, raw bytes, or the lines of a stream. */
import {
  create,
  type DescField,
  type DescMessage,
  type JsonValue,
  type Message,
  type Registry,
  ScalarType,
  toJson,
} from "@bufbuild/protobuf";
import type { ConnectError } from "@connectrpc/connect";
import type { HttpBody } from "../../gen/google/api/httpbody_pb.ts";
import { encodeStatusError } from "./error.ts";
import { getLocal, setLocal } from "./field-path.ts";
import { jsonWriter } from "./json-writer.ts";
import { isNamed } from "./negotiate.ts";
import type { RestPolicy } from "./policy.ts";
import type { Route } from "./route.ts";
import { madeOnce, sharedJsonWriter } from "./shared-encoding.ts";

/** The body of an answer: JSON as text, which Node writes in one piece with the head, or raw bytes. */
export interface EncodedBody {
  readonly contentType: string;
  readonly body: Uint8Array | string;
}

/**
 * `ndjson`: a JSON document per line. `sse`: server-sent events. `raw`: the bytes of google.api.HttpBody as they come.
 */
export type StreamFormat = "ndjson" | "sse" | "raw";

type ResponseRoute = Pick<Route, "method" | "policy" | "responseField" | "rawResponse">;

const OCTETS = "application/octet-stream";
/** The characters of a header value; others would let a message add headers of its own. */
const HEADER_TEXT = /^[\x20-\x7e]+$/;

const utf8 = new TextEncoder();
const NOTHING = new Uint8Array(0);

/**
 * Returns the body of a unary answer. Throws if the message has no JSON form (an Any of an unknown type), a bug of the
 * handler.
 */
export function encodeResponse(route: ResponseRoute, message: Message): EncodedBody {
  if (route.rawResponse) {
    const raw = findHttpBody(route, message);
    return { contentType: rawContentType(raw), body: raw?.data ?? NOTHING };
  }
  return { contentType: "application/json", body: responseText(route, message) };
}

/**
 * Returns the format of a stream: raw for google.api.HttpBody, server-sent events if `Accept` names them, else
 * newline-delimited JSON.
 */
export function streamFormatOf(route: ResponseRoute, accept: string | undefined): StreamFormat {
  if (route.rawResponse) return "raw";
  return isNamed(accept, "text/event-stream") ? "sse" : "ndjson";
}

/**
 * Returns the content type of a stream. In a raw stream the first message names it; an empty stream has the default
 * type.
 */
export function streamContentType(route: ResponseRoute, format: StreamFormat, first: Message | undefined): string {
  switch (format) {
    case "raw":
      return rawContentType(first && findHttpBody(route, first));
    case "sse":
      return "text/event-stream";
    case "ndjson":
      return "application/x-ndjson";
  }
}

/** Returns a message as `{"result":…}` in a line or an event, or as raw bytes. */
export function encodeStreamMessage(route: ResponseRoute, message: Message, format: StreamFormat): Uint8Array {
  if (format === "raw") return findHttpBody(route, message)?.data ?? NOTHING;
  return framesOf(route)[format](message);
}

/** How the messages of a route become frames: the same message may go to many callers. */
type Frames = Readonly<Record<Exclude<StreamFormat, "raw">, (message: Message) => Uint8Array>>;

const framesByRoute = new WeakMap<ResponseRoute, Frames>();

function framesOf(route: ResponseRoute): Frames {
  const known = framesByRoute.get(route);
  if (known !== undefined) return known;
  const { method, policy, responseField } = route;
  const toText =
    responseField === undefined
      ? sharedJsonWriter(method.output, { registry: policy.registry })
      : (message: Message) => responseText(route, message);
  const result = (message: Message): string => `{"result":${toText(message)}}`;
  const frames = {
    ndjson: madeOnce((message) => frame(result(message), "ndjson", "")),
    sse: madeOnce((message) => frame(result(message), "sse", eventIdOf(route, message))),
  } as const;
  framesByRoute.set(route, frames);
  return frames;
}

/**
 * Sets the field that names where a stream of server-sent events goes on, if its client names one. `lastEventId`: the
 * header `Last-Event-ID`, which wins over the query.
 */
export function resumeStream(route: ResponseRoute, request: Message, lastEventId: string | undefined): void {
  const field = eventIdField(route, route.method.input);
  if (field !== undefined && lastEventId) setLocal(request, field, lastEventId);
}

/** Returns the id of an event; empty: it has none. */
function eventIdOf(route: ResponseRoute, message: Message): string {
  const field = eventIdField(route, route.method.output);
  const id = field === undefined ? "" : String(getLocal(message, field));
  // Others would end the line, or be ignored by the client.
  return /^[\x20-\x7e]*$/.test(id) ? id : "";
}

function eventIdField({ method, policy }: ResponseRoute, desc: DescMessage): DescField | undefined {
  const name = policy.eventIds?.[method.localName];
  return name === undefined ? undefined : desc.field[name];
}

/**
 * Returns the last line or event of a stream that has begun: `{"error":…}` with the document of the mount's error
 * encoder. A raw stream has no room for it: the result is empty, and the caller must break the connection off.
 */
export function encodeStreamError(error: ConnectError, policy: RestPolicy, format: StreamFormat): Uint8Array {
  return format === "raw" ? NOTHING : frame(JSON.stringify({ error: toErrorJson(error, policy) }), format);
}

/**
 * Returns the error document as a value, to be printed again: an encoder may write several lines, which would break the
 * framing, or no JSON at all.
 */
function toErrorJson(error: ConnectError, policy: RestPolicy): JsonValue {
  try {
    return parseBody(policy.encodeError(error, policy).body);
  } catch {
    return parseBody(encodeStatusError(error, policy).body);
  }
}

function parseBody(body: Uint8Array): JsonValue {
  return JSON.parse(new TextDecoder().decode(body)) as JsonValue;
}

/**
 * Frames a line. Events have no name: an event named `error` would reach the listener that browsers call for broken
 * connections.
 */
function frame(line: string, format: "ndjson" | "sse", id: string = ""): Uint8Array {
  if (format === "ndjson") return utf8.encode(`${line}\n`);
  return utf8.encode(id === "" ? `data: ${line}\n\n` : `id: ${id}\ndata: ${line}\n\n`);
}

/** Returns the JSON text of the message, or of the one field that the rule's response_body names. */
function responseText({ method, policy, responseField }: ResponseRoute, message: Message): string {
  const { registry } = policy;
  if (responseField === undefined) return jsonWriter(method.output, { registry })(message);
  return JSON.stringify(fieldJson(method.output, message, responseField, registry));
}

function fieldJson(type: DescMessage, message: Message, field: DescField, registry: Registry): JsonValue {
  // A message with this field alone, so that the others are not printed.
  const holder = create(type);
  const value = getLocal(message, field);
  if (field.fieldKind === "list") {
    for (const item of value as readonly unknown[]) setLocal(holder, field, item);
  } else if (value !== undefined) {
    setLocal(holder, field, value);
  }
  const json = toJson(type, holder, { registry }) as { readonly [name: string]: JsonValue };
  const name = field.jsonName;
  return Object.hasOwn(json, name) ? (json[name] as JsonValue) : unsetJson(field);
}

/** Returns the body for an unset field: its default, or null if it has presence. */
function unsetJson(field: DescField): JsonValue {
  switch (field.fieldKind) {
    case "list":
      return [];
    case "map":
      return {};
    case "message":
      return null;
    case "enum":
      return field.enum.values[0]?.jsonName ?? null;
    case "scalar":
      return zeroJson(field.scalar);
  }
}

function zeroJson(scalar: ScalarType): JsonValue {
  switch (scalar) {
    case ScalarType.BOOL:
      return false;
    case ScalarType.STRING:
    case ScalarType.BYTES:
      return "";
    case ScalarType.INT64:
    case ScalarType.UINT64:
    case ScalarType.SINT64:
    case ScalarType.FIXED64:
    case ScalarType.SFIXED64:
      return "0";
    default:
      return 0;
  }
}

function findHttpBody(route: ResponseRoute, message: Message): HttpBody | undefined {
  return (route.responseField === undefined ? message : getLocal(message, route.responseField)) as HttpBody | undefined;
}

/** Returns the content type that the message names; it is never guessed from the bytes. */
function rawContentType(raw: HttpBody | undefined): string {
  const contentType = raw?.contentType ?? "";
  return HEADER_TEXT.test(contentType) ? contentType : OCTETS;
}
