/** Prepares the body of a call for Connect: checks each message by the rules of its method, until the deadline. */
import { Code, ConnectError } from "@connectrpc/connect";
import type { LiveCall } from "../call/call.ts";
import { deadlineExceeded } from "../call/call-error.ts";
import type { BoundMethod } from "../call/handler.ts";
import { requestLimitsOf } from "../call/transport-context.ts";
import type { TransportLimits } from "../limits.ts";
import { registryOf } from "./connect-json.ts";
import {
  findCompression,
  inflate,
  inspection,
  type MessageRules,
  wholeBody,
  wholeEnvelopes,
} from "./request-messages.ts";

/** Checks the message in a query. Connect treats malformed base64 as its own failure. */
export async function inspectQuery<A>(query: string, bound: BoundMethod<A>, limits: TransportLimits): Promise<void> {
  const parameters = new URLSearchParams(query);
  const message = parameters.get("message") ?? "";
  const isBase64 = parameters.get("base64") === "1";
  if (isBase64 && !/^[A-Za-z0-9+/_-]*={0,2}$/.test(message)) {
    throw new ConnectError("the query parameter message is not valid base64", Code.InvalidArgument);
  }
  const name = parameters.get("compression");
  const compression = findCompression(name);
  // Connect refuses an unknown compression before it decodes.
  if (compression === undefined && name !== null && name !== "identity") return;
  const rules = rulesOf(bound, limits);
  const sent = Buffer.from(message, isBase64 ? "base64" : "utf8");
  const bytes = compression === undefined ? sent : await inflate(sent, compression, rules.bodyBytesMax);
  await inspection(rules, parameters.get("encoding") === "json")(bytes);
}

/** Stops at the deadline: after it, Connect would send errors without passing them to us first. */
async function* untilDeadline<A>(
  messages: AsyncIterable<Uint8Array>,
  { deadlineTime = Number.POSITIVE_INFINITY }: LiveCall<A>,
): AsyncGenerator<Uint8Array, undefined, undefined> {
  for await (const message of messages) {
    if (deadlineTime <= Date.now()) throw deadlineExceeded();
    yield message;
  }
}

/** Returns what the messages of a method may be. */
export function rulesOf<A>(bound: BoundMethod<A>, limits: TransportLimits): MessageRules {
  const { options } = bound.mount;
  return {
    input: bound.method.input,
    ...requestLimitsOf(bound, limits),
    json: {
      unknownFields: options.unknownFields,
      registry: registryOf(options),
      redactValues: options.rest?.redactValues ?? false,
    },
  };
}

/** A call whose body will be read next. */
interface SentCall<A> {
  readonly bound: BoundMethod<A>;
  readonly call: LiveCall<A>;
  readonly contentType: string;
  readonly body: AsyncIterable<Uint8Array>;
}

/** Returns the body to give to Connect. For a compressed unary body the headers no longer say that it is compressed. */
export function bodyOf<A>(sent: SentCall<A>, header: Headers, limits: TransportLimits): AsyncIterable<Uint8Array> {
  return untilDeadline(wholeMessages(sent, header, limits), sent.call);
}

function wholeMessages<A>(
  { bound, contentType, body }: SentCall<A>,
  header: Headers,
  limits: TransportLimits,
): AsyncIterable<Uint8Array> {
  const rules = rulesOf(bound, limits);
  const inspect = inspection(rules, /\bjson\b/i.test(contentType));
  if (/^application\/(?:grpc|connect\+)/i.test(contentType)) {
    const name = header.get(/^application\/connect/i.test(contentType) ? "connect-content-encoding" : "grpc-encoding");
    return wholeEnvelopes(body, rules, inspect, findCompression(name));
  }
  const name = header.get("content-encoding");
  const compression = findCompression(name);
  if (compression !== undefined) {
    header.delete("content-encoding");
    header.delete("content-length");
  } else if (name !== null && name !== "identity") {
    return body;
  }
  return wholeBody(body, rules, inspect, compression);
}
