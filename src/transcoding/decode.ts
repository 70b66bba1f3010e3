/** Makes the request message of a matched request from path, query and body. */
import { create, type DescField, type DescMessage, type Message } from "@bufbuild/protobuf";
import { HttpBodySchema } from "../../gen/google/api/httpbody_pb.ts";
import { badRequest, formatReceived } from "./bad-request.ts";
import { findValue, isSameValue, setLocal, setValue } from "./field-path.ts";
import { parseScanned, type ScannedJson, scanBytes, toMessage } from "./json-message.ts";
import { assertJsonContentType } from "./negotiate.ts";
import { bindQuery } from "./query.ts";
import type { PathBinding, Route } from "./route.ts";
import type { RouteMatch } from "./route-table.ts";

const EMPTY_OBJECT = /^[ \t\r\n]*\{[ \t\r\n]*\}[ \t\r\n]*$/;

/** The longest body that is checked for `{}` with white space. */
const EMPTY_OBJECT_BYTES_MAX = 64;

/**
 * Checks the text of a JSON body: the first step of decoding; `undefined` where the body is not read as JSON. Throws as
 * `decodeScanned` does, and ResourceExhausted for a body of more than `valuesMax` values.
 */
export function scanBody(
  { body: rule, policy }: Route,
  contentType: string | undefined,
  body: Uint8Array,
  valuesMax?: number,
): ScannedJson | undefined {
  if (rule.kind === "none" || rule.raw || body.length === 0) return undefined;
  if (policy.requestContentType === "json") assertJsonContentType(contentType);
  return scanBytes(body, valuesMax);
}

/**
 * Makes the message, the second step. `scanned` is the result of the first step; a large body takes milliseconds in
 * each. Throws a ConnectError (InvalidArgument; UnsupportedMediaType is one that is answered with 415) and nothing
 * else.
 *
 * An empty body is an empty message, whatever its content type. Where a rule has no body, GET and HEAD refuse any body;
 * other methods ignore `{}`, which some clients always send. Path and body may name the same field: equal values are
 * accepted, a field without presence that holds its default counts as absent, and different values are refused, so that
 * a caller cannot be authorised for one value and act on another.
 */
export function decodeScanned(
  match: RouteMatch,
  contentType: string | undefined,
  body: Uint8Array,
  scanned: ScannedJson | undefined,
): Message {
  const { route } = match;
  const message = decodeBody(route, contentType, body, scanned);
  for (let i = 0; i < route.path.length; i++) {
    bindPath(message, route, route.path[i] as PathBinding, match.captures[i] ?? "");
  }
  if (match.query !== "") bindQuery(message, route, match.query);
  return message;
}

function decodeBody(
  route: Route,
  contentType: string | undefined,
  body: Uint8Array,
  scanned: ScannedJson | undefined,
): Message {
  const { input } = route.method;
  if (route.body.kind === "none") {
    if (body.length > 0 && route.policy.unexpectedBody === "refuse") assertNoBody(route, body);
    return create(input);
  }
  if (route.body.raw) {
    return decodeRawBody(input, route.body.kind === "field" ? route.body.field : undefined, contentType, body);
  }
  if (scanned === undefined) return create(input);
  const parsed = parseScanned(scanned);
  if (route.body.kind === "message") return toMessage(input, parsed, route.policy);
  // Wrapped in an object, so that arrays, scalars and enums are read like any field.
  const json = { [route.body.field.jsonName]: parsed.json };
  return toMessage(input, { ...parsed, json, members: parsed.members + 1 }, route.policy);
}

/** Makes a message of google.api.HttpBody: the bytes as they were sent, with their content type. */
function decodeRawBody(
  input: DescMessage,
  field: DescField | undefined,
  contentType: string | undefined,
  body: Uint8Array,
): Message {
  const init = { contentType: contentType ?? "", data: body };
  if (field === undefined) return create(input, init);
  const message = create(input);
  if (body.length > 0 || init.contentType !== "") {
    setLocal(message, field, create(field.message ?? HttpBodySchema, init));
  }
  return message;
}

function assertNoBody(route: Route, body: Uint8Array): void {
  if (route.httpMethod === "GET" || route.httpMethod === "HEAD") {
    throw badRequest("", `a ${route.httpMethod} request takes no body; received ${body.length} bytes`);
  }
  const text = body.length > EMPTY_OBJECT_BYTES_MAX ? "" : String.fromCharCode(...body);
  if (!EMPTY_OBJECT.test(text)) throw badRequest("", `this method takes no body; received ${body.length} bytes`);
}

function bindPath(message: Message, route: Route, binding: PathBinding, text: string): void {
  const { name, path } = binding;
  const value = binding.read(text);
  if (value === undefined) {
    const received = formatReceived(text, binding.redacted);
    throw badRequest(name, `${name} must be ${binding.expected}; received ${received} in the path`);
  }
  if (binding.inBody && route.policy.pathConflict === "refuse") {
    const given = findValue(message, path);
    if (given !== undefined && !isSameValue(path.at(-1) as DescField, given, value)) {
      const [inBody, inPath] = [formatReceived(given, binding.redacted), formatReceived(text, binding.redacted)];
      throw badRequest(
        name,
        `${name} must be the same in path and body, or absent in the body; received ${inPath} in the path and ${inBody} in the body`,
      );
    }
  }
  const conflict = setValue(message, path, value);
  if (conflict !== undefined) {
    throw badRequest(
      name,
      `${conflict.present} in the body excludes ${name} in the path: both are members of ${conflict.oneof}`,
    );
  }
}
