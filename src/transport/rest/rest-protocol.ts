/** Serves REST, HTTP with JSON: transcoding finds the method and makes messages of bodies; the handlers are the same. */
import { createRegistry, type DescMethod, type Message } from "@bufbuild/protobuf";
import type { ConnectError } from "@connectrpc/connect";
import { codeToHttpStatus } from "@connectrpc/connect/protocol-connect";
import { parseDeadlineMs } from "../../transcoding/deadline.ts";
import { decodeScanned, scanBody } from "../../transcoding/decode.ts";
import { encodeResponse, resumeStream, streamFormatOf } from "../../transcoding/encode.ts";
import { encodeStatusError, type RestAnswer } from "../../transcoding/error.ts";
import { nativeRestPolicy, type RestPolicy } from "../../transcoding/policy.ts";
import { fitRefusal } from "../../transcoding/refusal-size.ts";
import { methodNotAllowed, pathNotFound } from "../../transcoding/rest-error.ts";
import type { Route } from "../../transcoding/route.ts";
import { createRouteTable, type RouteAnswer, type RouteMatch, type RouteMount } from "../../transcoding/route-table.ts";
import type { LiveCall } from "../call/call.ts";
import { timeoutMsMax } from "../call/call-timeout.ts";
import { type BoundMethod, noteError } from "../call/handler.ts";
import {
  beginCall,
  recordUnmatched,
  requestLimitsOf,
  type TransportContext,
  whenCounted,
} from "../call/transport-context.ts";
import { assertContentCoding, decodeContent, encodeContent } from "../exchange/content-coding.ts";
import type { AnswerHeader, Exchange } from "../exchange/exchange.ts";
import { addHandledHeader, addHandledTrailer } from "../exchange/handled-header.ts";
import { hasTurn, takeTurn } from "../exchange/turns.ts";
import type { Mount } from "../mount.ts";
import { answerUnmatched, type ServedMethods, unknownRpc, unmatchedWireOf } from "../unmatched.ts";
import { sendStream } from "./rest-stream.ts";

/** The policy for answers where no mount is known. */
const noMount = nativeRestPolicy({ registry: createRegistry() });

/** A longer body is decoded in steps, between which other calls have their turn. */
const SHORT_BODY_BYTES_MAX = 1_024;

/** The served methods and paths, for hints in errors. */
interface Served {
  readonly methods: ServedMethods;
  /** The templates of all routes, and the other paths that are served. */
  readonly paths: readonly string[];
}

/**
 * Returns the function that serves REST requests. `otherPaths`: paths that are served by others. Throws an Error that
 * names every http rule that cannot be served.
 */
export function createRestProtocol<A>(
  methods: readonly BoundMethod<A>[],
  context: TransportContext<A>,
  otherPaths: readonly string[] = [],
): (exchange: Exchange) => void {
  const table = createRouteTable(toRouteMounts(methods));
  const bound = new Map<DescMethod, BoundMethod<A>>(methods.map((each) => [each.method, each]));
  const served: Served = {
    methods: toServedMethods(methods),
    paths: [...table.routes.map(({ template }) => template.text), ...otherPaths],
  };
  return (exchange) => {
    const found = table.match(exchange.method, exchange.target);
    const method = found.kind === "match" ? bound.get(found.route.method) : undefined;
    if (found.kind !== "match" || method === undefined) {
      serveUnmatched(context, exchange, found, served);
      return;
    }
    const call = beginCall(context, exchange, "rest", method);
    exchange.body.retain();
    const onDone = (): void => exchange.body.release();
    const onError = (reason: unknown): void => {
      exchange.body.release();
      const error = noteError(call, reason, context.logInternal);
      if (exchange.over) return;
      if (exchange.headSent) {
        exchange.destroy();
      } else {
        sendError(context, exchange, error, found.route.policy, headerOf(call));
      }
    };
    serve(method, context, exchange, call, found).then(onDone, onError);
  };
}

function toServedMethods<A>(methods: readonly BoundMethod<A>[]): ServedMethods {
  const served = new Map<string, string[]>();
  for (const { method } of methods) {
    const names = served.get(method.parent.typeName) ?? [];
    names.push(method.name);
    served.set(method.parent.typeName, names);
  }
  return served;
}

function toRouteMounts<A>(methods: readonly BoundMethod<A>[]): RouteMount[] {
  const byMount = new Map<Mount<A>, { policy: RestPolicy; methods: DescMethod[] }>();
  for (const { mount, method } of methods) {
    const policy = mount.options.rest;
    if (policy !== undefined) {
      const entry = byMount.get(mount) ?? { policy, methods: [] };
      entry.methods.push(method);
      byMount.set(mount, entry);
    }
  }
  return [...byMount].map(([{ service }, { policy, methods: served }]) => ({ service, policy, methods: served }));
}

async function serve<A>(
  bound: BoundMethod<A>,
  context: TransportContext<A>,
  exchange: Exchange,
  call: LiveCall<A>,
  match: RouteMatch,
): Promise<void> {
  // Most requests have nothing to wait for: a key is checked at once, and a small body came together with its head.
  const admitting = call.admit(bound.mount.options);
  if (admitting !== undefined) await admitting;
  const { header } = call;
  const timeoutMs = parseDeadlineMs((name) => header.get(name), timeoutMsMax(bound.method, context.limits));
  if (timeoutMs !== undefined) call.setTimeout(timeoutMs);
  const contentCoding = exchange.headerValue("content-encoding");
  assertContentCoding(contentCoding);
  const { bodyBytesMax, valuesMax } = requestLimitsOf(bound, context.limits);
  const sent = exchange.body.takeWhole(bodyBytesMax) ?? (await exchange.body.readAll(bodyBytesMax));
  const body =
    contentCoding === undefined ? sent : await decodeContent(contentCoding, sent, exchange.body, { bodyBytesMax });
  const isLong = body.byteLength > SHORT_BODY_BYTES_MAX;
  if (isLong) await takeTurn();
  const contentType = header.get("content-type") ?? undefined;
  const scanned = scanBody(match.route, contentType, body, valuesMax);
  if (isLong) await takeTurn();
  const request = decodeScanned(match, contentType, body, scanned);
  if (isLong) await takeTurn();
  if (bound.kind === "stream") {
    const format = streamFormatOf(match.route, exchange.headerValue("accept"));
    if (format === "sse") resumeStream(match.route, request, exchange.headerValue("last-event-id"));
    await sendStream(exchange, call, match, format, bound.invoke(request, call), context.logInternal);
  } else {
    const message = await bound.invoke(request, call);
    // The encoding may take long.
    if (!hasTurn()) await takeTurn();
    await sendMessage(exchange, call, match, message);
  }
}

/** Resolves when the answer is passed on; `undefined`: it is already. */
function sendMessage<A>(
  exchange: Exchange,
  call: LiveCall<A>,
  { route }: RouteMatch,
  message: Message,
): Promise<void> | undefined {
  const { contentType, body } = encodeResponse(route, message);
  const status = successStatusOf(route);
  const zipping = encodeContent(exchange.headerValue("accept-encoding"), body);
  const header = headerOf(call);
  header["content-type"] = contentType;
  if (zipping !== undefined) return sendZipped(exchange, status, header, zipping);
  exchange.answer(status, header, body);
  return undefined;
}

function successStatusOf({ policy, method }: Route): number {
  return policy.successStatuses[method.localName] ?? 200;
}

/** Returns the headers that the handler has set. The answer is one piece, so its trailers are headers too. */
function headerOf<A>(call: LiveCall<A>): AnswerHeader {
  const header: AnswerHeader = {};
  addHandledHeader(header, call);
  addHandledTrailer(header, call);
  return header;
}

async function sendZipped(
  exchange: Exchange,
  status: number,
  header: AnswerHeader,
  zipping: Promise<Buffer>,
): Promise<void> {
  const zipped = await zipping;
  const vary = exchange.answerHeader("vary");
  header.vary = vary === undefined ? "Accept-Encoding" : `${vary}, Accept-Encoding`;
  header["content-encoding"] = "gzip";
  exchange.answer(status, header, zipped);
}

function serveUnmatched<A>(context: TransportContext<A>, exchange: Exchange, found: RouteAnswer, served: Served): void {
  whenCounted(context, exchange, (refused) => answerUncalled(context, exchange, { found, served, refused }));
}

/** A request that no RPC matches. `refused`: its address is refused already. */
interface Uncalled {
  readonly found: RouteAnswer;
  readonly served: Served;
  readonly refused: ConnectError | undefined;
}

function answerUncalled<A>(
  context: TransportContext<A>,
  exchange: Exchange,
  { found, served, refused }: Uncalled,
): void {
  if (
    refused === undefined &&
    exchange.method === "OPTIONS" &&
    (found.kind === "method_not_allowed" || exchange.path === "*")
  ) {
    const allow = found.kind === "method_not_allowed" ? [...found.allow, "OPTIONS"] : ["GET", "POST", "OPTIONS"];
    exchange.answer(204, { allow: allow.join(", ") }, undefined);
    return;
  }
  const wire = unmatchedWireOf(exchange);
  const [fault, policy] =
    wire === "rest" ? refusalOf(found, exchange.path, served) : [unknownRpc(exchange.path, served.methods), undefined];
  const error = refused ?? fault;
  context.describeError?.(error, { method: undefined, callId: exchange.callId });
  fitRefusal(error);
  recordUnmatched(context, exchange, { wire, error });
  if (wire === "rest") {
    sendError(context, exchange, error, policy ?? noMount);
  } else {
    const status = refused === undefined ? 404 : codeToHttpStatus(refused.code);
    answerUnmatched(exchange, error, { wire, status, header: {}, jsonOptions: noMount });
  }
}

function refusalOf(found: RouteAnswer, path: string, { paths }: Served): [ConnectError, RestPolicy | undefined] {
  switch (found.kind) {
    case "method_not_allowed":
      return [methodNotAllowed(found.allow, path, paths), found.policy];
    case "malformed":
      return [found.error, found.policy];
    case "not_found":
      return [pathNotFound(path, paths), found.policy];
    case "match":
      return [pathNotFound(path, paths), found.route.policy];
  }
}

function sendError<A>(
  context: TransportContext<A>,
  exchange: Exchange,
  error: ConnectError,
  policy: RestPolicy,
  header: AnswerHeader = {},
): void {
  let answer: RestAnswer;
  try {
    answer = policy.encodeError(error, policy);
  } catch (reason) {
    context.logInternal(reason, exchange.callId);
    answer = encodeStatusError(error, noMount);
  }
  exchange.answer(answer.status, { ...header, ...answer.header }, answer.body);
}
