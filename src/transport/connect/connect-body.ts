/** Prepares the body of a call for Connect: checks each message by the rules of its method, until the deadline. */
import { Code, ConnectError } from "@connectrpc/connect";
import type { LiveCall } from "../call/call.ts";
import { deadlineExceeded, messageTooLarge } from "../call/call-error.ts";
import type { BoundMethod } from "../call/handler.ts";
import { requestLimitsOf } from "../call/transport-context.ts";
import { decodeContent } from "../exchange/content-coding.ts";
import type { Exchange } from "../exchange/exchange.ts";
import type { TransportLimits } from "../limits.ts";
import { compressions } from "./connect-compression.ts";
import { registryOf } from "./connect-json.ts";
import { type Inflate, inspection, type MessageRules, wholeBody, wholeEnvelopes } from "./request-messages.ts";

/** Checks the message in a query. Connect treats malformed base64 as its own failure. */
export async function inspectQuery<A>(
  exchange: Exchange,
  bound: BoundMethod<A>,
  limits: TransportLimits,
): Promise<void> {
  const parameters = new URLSearchParams(exchange.query);
  const message = parameters.get("message") ?? "";
  const isBase64 = parameters.get("base64") === "1";
  if (isBase64 && !/^[A-Za-z0-9+/_-]*={0,2}$/.test(message)) {
    throw new ConnectError("the query parameter message is not valid base64", Code.InvalidArgument);
  }
  const name = parameters.get("compression");
  const rules = rulesOf(bound, limits);
  const inflate = inflation(name, exchange, rules);
  // Connect refuses an unknown compression before it decodes.
  if (inflate === undefined && name !== null && name !== "identity") return;
  const sent = Buffer.from(message, isBase64 ? "base64" : "utf8");
  const bytes = inflate === undefined ? sent : await inflate(sent);
  await inspection(rules, parameters.get("encoding") === "json")(bytes);
}

/**
 * Returns what decompresses the messages of a request; `undefined` if the compression is unknown or absent. Connect's own
 * would not count what it makes.
 */
function inflation(name: string | null, { body }: Exchange, { bodyBytesMax }: MessageRules): Inflate | undefined {
  if (!compressions.some((each) => each.name === name)) return undefined;
  return (bytes) => decodeContent(name ?? undefined, bytes, body, { bodyBytesMax, tooLarge: messageTooLarge });
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
  readonly exchange: Exchange;
  readonly contentType: string;
  /** The body of the exchange; of gRPC-Web in text form what it says. */
  readonly body: AsyncIterable<Uint8Array>;
}

/** Returns the body to give to Connect. For a compressed unary body the headers no longer say that it is compressed. */
export function bodyOf<A>(sent: SentCall<A>, header: Headers, limits: TransportLimits): AsyncIterable<Uint8Array> {
  return untilDeadline(wholeMessages(sent, header, limits), sent.call);
}

function wholeMessages<A>(
  { bound, exchange, contentType, body }: SentCall<A>,
  header: Headers,
  limits: TransportLimits,
): AsyncIterable<Uint8Array> {
  const rules = rulesOf(bound, limits);
  const inspect = inspection(rules, /\bjson\b/i.test(contentType));
  if (/^application\/(?:grpc|connect\+)/i.test(contentType)) {
    const name = header.get(/^application\/connect/i.test(contentType) ? "connect-content-encoding" : "grpc-encoding");
    return wholeEnvelopes(body, rules, inspect, inflation(name, exchange, rules));
  }
  const name = header.get("content-encoding");
  const inflate = inflation(name, exchange, rules);
  if (inflate !== undefined) {
    header.delete("content-encoding");
    header.delete("content-length");
  } else if (name !== null && name !== "identity") {
    return body;
  }
  return wholeBody(body, rules, inspect, inflate);
}
