/** Refuses requests that match no RPC: an unknown path, HTTP method or media type; each in the form of its wire. */
import { createRegistry, type Registry } from "@bufbuild/protobuf";
import { Code, ConnectError } from "@connectrpc/connect";
import type { UniversalHandler } from "@connectrpc/connect/protocol";
import { errorToJsonBytes } from "@connectrpc/connect/protocol-connect";
import { quote } from "../transcoding/bad-request.ts";
import { findClosestName, suggest } from "../transcoding/closest-name.ts";
import { encodeStatusError } from "../transcoding/error.ts";
import { fitRefusal } from "../transcoding/refusal-size.ts";
import type { RestError } from "../transcoding/rest-error.ts";
import { recordUnmatched, type TransportContext, whenCounted } from "./call/transport-context.ts";
import { answerRefusal, type JsonOptions } from "./connect/early-refusal.ts";
import type { Exchange } from "./exchange/exchange.ts";
import type { Wire } from "./mount.ts";

/** Returns the wire of a request to an RPC path, by its media type. */
export function rpcWireOf(contentType: string): Exclude<Wire, "rest"> {
  if (!/^application\/grpc(?=$|[+; -])/i.test(contentType)) return "connect";
  return /^application\/grpc-web/i.test(contentType) ? "grpc-web" : "grpc";
}

/** `/pkg.Service/Method`: both names begin with a capital, as in no REST path of ours. */
const RPC_PATH = /^\/(?:\w+\.)+[A-Z]\w*\/[A-Z]\w*\/*$/;

/** Returns the wire of a request to an unknown path. A request that looks like an RPC is treated as one. */
export function unmatchedWireOf(exchange: Exchange): Wire {
  const contentType = exchange.headerValue("content-type") ?? "";
  const wire = rpcWireOf(contentType);
  const isConnect =
    exchange.headerValue("connect-protocol-version") !== undefined ||
    /^application\/(?:connect\+|proto$)/i.test(contentType);
  return wire === "connect" && !isConnect && !RPC_PATH.test(exchange.path) ? "rest" : wire;
}

/** The method names of each served service, by the full name of the service. */
export type ServedMethods = ReadonlyMap<string, readonly string[]>;

/** Returns the error for an unknown RPC path: which part is unknown, and which name was probably meant. */
export function unknownRpc(path: string, served: ServedMethods): ConnectError {
  const [, service = "", method = ""] = /^\/([^/]*)\/?(.*)$/.exec(path) ?? [];
  const methods = served.get(service);
  return new ConnectError(textOf(service, method, methods, served), Code.Unimplemented);
}

function textOf(
  service: string,
  method: string,
  methods: readonly string[] | undefined,
  served: ServedMethods,
): string {
  if (methods === undefined) {
    const closest = findClosestName(service, served.keys());
    return `no service ${quote(service)} is served here${closest === undefined ? "" : `; did you mean ${closest}?`}`;
  }
  const bare = withoutSlashes(method);
  if (methods.includes(bare)) return `an RPC path has no trailing slash; did you mean /${service}/${bare}?`;
  return `${service} serves no RPC ${quote(method)}${suggest(method, methods)}`;
}

/** Removes trailing slashes. A pattern would scan each inner run of slashes again and again. */
function withoutSlashes(name: string): string {
  let end = name.length;
  while (name[end - 1] === "/") end--;
  return name.slice(0, end);
}

/**
 * Answers a request that is not a call: gRPC and gRPC-Web in their own forms with status 200, others with Connect's
 * error JSON.
 */
export function answerUnmatched(
  exchange: Exchange,
  error: ConnectError,
  { wire, status, header, jsonOptions }: UnmatchedAnswer,
): void {
  if (wire === "connect") {
    const { registry } = jsonOptions;
    const body = errorToJsonBytes(error, registry === undefined ? undefined : { registry });
    exchange.answer(status, { ...header, "content-type": "application/json" }, body);
    return;
  }
  const asText = /^application\/grpc-web-text/i.test(exchange.headerValue("content-type") ?? "");
  const contentType = `application/${wire}${asText ? "-text" : ""}+proto`;
  answerRefusal(exchange, contentType, { error, jsonOptions }).catch(() => exchange.destroy());
}

const NO_TYPES: JsonOptions & { readonly registry: Registry } = { registry: createRegistry() };

/** Answers and records a request that its head rules out, whatever serves its path. */
export function refuseByHead<A>(context: TransportContext<A>, exchange: Exchange, fault: RestError): void {
  whenCounted(context, exchange, (refused) => answerByHead(context, exchange, refused ?? fault));
}

function answerByHead<A>(context: TransportContext<A>, exchange: Exchange, error: ConnectError): void {
  context.describeError?.(error, { method: undefined, callId: exchange.callId });
  fitRefusal(error);
  const wire = unmatchedWireOf(exchange);
  recordUnmatched(context, exchange, { wire, error });
  const { status, header, body } = encodeStatusError(error, NO_TYPES);
  if (wire === "rest") {
    exchange.answer(status, { ...header }, body);
  } else {
    answerUnmatched(exchange, error, { wire, status, header: {}, jsonOptions: NO_TYPES });
  }
}

/** How to answer an unmatched request. */
export interface UnmatchedAnswer {
  readonly wire: Exclude<Wire, "rest">;
  /** The HTTP status where the wire is neither gRPC nor gRPC-Web. */
  readonly status: number;
  readonly header: Readonly<Record<string, string>>;
  readonly jsonOptions: JsonOptions;
}

/**
 * Explains a refusal by Connect: for method, media type and HTTP version Connect sends no text and does not say what is
 * allowed.
 */
export function explainRefusal(
  handler: UniversalHandler,
  exchange: Exchange,
  status: number,
): { readonly error: ConnectError; readonly header: Readonly<Record<string, string>> } {
  const { requestPath } = handler;
  if (status === 405) {
    const allow = allowOf(handler);
    const text = `${requestPath} does not take ${exchange.method}; it takes ${allow}`;
    return { error: new ConnectError(text, Code.Unimplemented), header: { allow } };
  }
  if (status === 415) {
    const accepted = acceptedTypes(handler).join(", ");
    const given = exchange.headerValue("content-type");
    const what = given === undefined ? "has no content type" : "has a content type that is not served";
    const isConnect = rpcWireOf(given ?? "") === "connect";
    if (exchange.method === "GET" && !isConnect) {
      const text = `${requestPath} takes GET from Connect clients only; gRPC and gRPC-Web send POST`;
      return { error: new ConnectError(text, Code.Unimplemented), header: {} };
    }
    if (exchange.method === "GET") {
      const text = `a GET of ${requestPath} needs the query parameters encoding (json or proto) and message`;
      return { error: new ConnectError(text, Code.InvalidArgument), header: {} };
    }
    // In gRPC terms the server does not implement this message format.
    const code = isConnect ? Code.InvalidArgument : Code.Unimplemented;
    const error = new ConnectError(`the request ${what}; ${requestPath} takes ${accepted}`, code);
    return { error, header: { "accept-post": accepted } };
  }
  const text = `${requestPath} streams both ways and needs HTTP/2`;
  return { error: new ConnectError(text, Code.Unimplemented), header: { connection: "close" } };
}

/** Returns the value of `Allow` for an RPC path. */
export function allowOf(handler: UniversalHandler): string {
  return [...handler.allowedMethods, "OPTIONS"].join(", ");
}

const GRPC_TYPES = ["application/grpc", "application/grpc-web", "application/grpc-web-text"];

function acceptedTypes(handler: UniversalHandler): string[] {
  return handler.method.methodKind === "unary"
    ? ["application/json", "application/proto", ...GRPC_TYPES]
    : ["application/connect+json", "application/connect+proto", ...GRPC_TYPES];
}
