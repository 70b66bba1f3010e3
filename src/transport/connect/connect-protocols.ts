/** Serves gRPC, gRPC-Web (binary and text) and Connect: connect-es speaks the protocols, this file sets the limits. */
import type { DescMethod, Message } from "@bufbuild/protobuf";
import {
  Code,
  ConnectError,
  type ContextValues,
  createConnectRouter,
  createContextKey,
  createContextValues,
  type HandlerContext,
} from "@connectrpc/connect";
import type { UniversalHandler, UniversalServerRequest } from "@connectrpc/connect/protocol";
import { codeToHttpStatus } from "@connectrpc/connect/protocol-connect";
import { showUnderscores } from "../../transcoding/field-mask.ts";
import type { LiveCall } from "../call/call.ts";
import { callerGone, correctDecodeError, deadlineExceeded } from "../call/call-error.ts";
import { readTimeout, timeoutHeaderOf, timeoutMsMax } from "../call/call-timeout.ts";
import { type BoundMethod, noteError } from "../call/handler.ts";
import { beginCall, requestLimitsOf, type TransportContext, whenCounted } from "../call/transport-context.ts";
import type { Exchange } from "../exchange/exchange.ts";
import { takeTurn } from "../exchange/turns.ts";
import { serveUnary, type UnaryRules, unaryRulesOf } from "../unary/unary-call.ts";
import { findUnaryForm, type UnaryForm } from "../unary/unary-form.ts";
import { allowOf, answerUnmatched, explainRefusal, rpcWireOf } from "../unmatched.ts";
import { bodyOf, inspectQuery } from "./connect-body.ts";
import { compressions } from "./connect-compression.ts";
import { createJsonOptions, registryOf } from "./connect-json.ts";
import { answerRefusal, isPlain } from "./early-refusal.ts";
import { encodedOnce } from "./encoded-once.ts";
import { decodeText, isGrpcWebText, toBinaryType } from "./grpc-web-text.ts";
import { sendUniversal } from "./universal.ts";

/** Serves one RPC path. The exchange has passed CORS; nothing else of it has been checked. */
export type ConnectRoute = (exchange: Exchange) => void;

/** More bytes than any message has. */
const NEVER_COMPRESSED = 0xffff_ffff;

interface CallState<A> {
  readonly call: LiveCall<A>;
  readonly exchange: Exchange;
  readonly gone: AbortSignal;
}

/** Returns one route per method, by its path `/pkg.Service/Method`. Throws when a path is mounted twice. */
export function createConnectRoutes<A>(
  methods: readonly BoundMethod<A>[],
  context: TransportContext<A>,
): Map<string, ConnectRoute> {
  const routes = new Map<string, ConnectRoute>();
  for (const bound of methods) {
    const path = `/${bound.method.parent.typeName}/${bound.method.name}`;
    if (routes.has(path)) throw new Error(`transport: ${path} is mounted twice`);
    // Made at the first call: a large service has hundreds of methods and few are used; making all would slow every
    // start.
    let served: ServedMethod<A> | undefined;
    routes.set(path, (exchange) => {
      served ??= { bound, handler: createHandler(bound, context), rules: unaryRulesOf(bound, context) };
      serve(served, exchange, context);
    });
  }
  return routes;
}

/**
 * Links our call to the context that Connect passes to its gate and to the implementation. The type parameter is lost.
 */
const stateKey = createContextKey<CallState<never> | undefined>(undefined);

function stateOf<A>(values: ContextValues): CallState<A> {
  const state = values.get(stateKey);
  if (state === undefined) throw new Error("transport: a call without its state");
  return state as CallState<never> as unknown as CallState<A>;
}

function createHandler<A>(bound: BoundMethod<A>, context: TransportContext<A>): UniversalHandler {
  const { method, mount } = bound;
  const { limits, stopping } = context;
  const isEndless = mount.options.endless?.includes(method.localName) === true;
  const router = createConnectRouter({
    acceptCompression: [...compressions],
    readMaxBytes: requestLimitsOf(bound, limits).bodyBytesMax,
    ...(isEndless ? { compressMinBytes: NEVER_COMPRESSED } : {}),
    shutdownSignal: stopping,
    jsonOptions: createJsonOptions(mount.options, method.input),
    requestGate: (handlerContext) => gate(bound, context, handlerContext),
  });
  const send = isEndless ? encodedOnce(method.output, { registry: registryOf(mount.options) }) : undefined;
  const implementation = (request: Message & AsyncIterable<Message>, handlerContext: HandlerContext): unknown => {
    const { call, exchange } = stateOf<A>(handlerContext.values);
    if (bound.kind === "unary") {
      showUnderscores(method.input, request);
      return beforeEncoding(bound.invoke(request, call));
    }
    const answers = bound.invoke(request, call);
    const contentType = exchange.headerValue("content-type") ?? "";
    if (send !== undefined && !isGrpcWebText(contentType)) {
      return send(answers, exchange, call, !/json/i.test(contentType));
    }
    return method.methodKind === "client_streaming" ? onlyMessage(answers, method) : answers;
  };
  // The compiler cannot tie a method of unknown kind to its implementation.
  router.rpc(method as never, implementation as never);
  const [handler] = router.handlers;
  if (handler === undefined) throw new Error(`transport: connect-es made no handler for ${method}`);
  return handler;
}

/** The encoding comes next, which may take long. */
async function beforeEncoding(answer: Promise<Message>): Promise<Message> {
  const message = await answer;
  await takeTurn();
  return message;
}

/** Returns the one answer of a client stream. Its handler returns an iterable, like that of a bidirectional stream. */
async function onlyMessage(answers: AsyncIterable<Message>, method: DescMethod): Promise<Message> {
  for await (const answer of answers) return answer;
  throw new ConnectError(`${method.name} has no answer`, Code.Internal);
}

/** Runs before the body is read. Connect encodes what it throws in the protocol of the call. */
async function gate<A>(
  bound: BoundMethod<A>,
  context: TransportContext<A>,
  handlerContext: HandlerContext,
): Promise<void> {
  const { call, exchange, gone } = stateOf<A>(handlerContext.values);
  call.adopt(handlerContext);
  handlerContext.signal.addEventListener("abort", () => {
    const reason: unknown = handlerContext.signal.reason;
    if (reason === gone.reason || reason === context.stopping.reason || !(reason instanceof Error)) return;
    if (reason.name === "AbortError") return;
    // Connect passes its errors here just before it encodes them; errors of the handler are recorded by then.
    if (reason instanceof ConnectError && reason !== call.error) {
      nameEncodings(reason, handlerContext.responseHeader);
      correctDecodeError(reason);
    }
    noteError(call, reason, context.logInternal);
  });
  try {
    await call.admit(bound.mount.options);
    if (call.deadline?.isOver) throw deadlineExceeded();
    if (exchange.method === "GET") await inspectQuery(exchange, bound, context.limits);
  } catch (reason) {
    throw noteError(call, reason, context.logInternal);
  }
}

/** Names the accepted encodings where another one was refused: Connect keeps them with the error. */
function nameEncodings(error: ConnectError, header: Headers): void {
  for (const name of ["grpc-accept-encoding", "connect-accept-encoding", "accept-encoding"]) {
    const accepted = error.metadata.get(name);
    if (accepted !== null) header.set(name, accepted);
  }
}

/** A method with what serves its calls. */
interface ServedMethod<A> {
  readonly bound: BoundMethod<A>;
  readonly handler: UniversalHandler;
  readonly rules: UnaryRules;
}

function serve<A>(served: ServedMethod<A>, exchange: Exchange, context: TransportContext<A>): void {
  const { bound, handler, rules } = served;
  if (exchange.method === "OPTIONS") {
    whenCounted(context, exchange, (refused) => {
      if (refused === undefined) exchange.answer(204, { allow: allowOf(handler) }, undefined);
      else answerRefused(bound, exchange, refused);
    });
    return;
  }
  const contentType = exchange.headerValue("content-type") ?? "";
  const form = context.fastPath && bound.kind === "unary" ? findUnaryForm(exchange, contentType) : undefined;
  const call = beginCall(context, exchange, form?.protocol ?? rpcWireOf(contentType), bound);
  const connectCall: ConnectCall<A> = { handler, bound, call, exchange, contentType };
  if (form === undefined && (bound.kind !== "unary" || !isPlain(exchange, contentType))) {
    passToConnect(connectCall, context);
    return;
  }
  let admitting: Promise<void> | undefined;
  try {
    admitting = call.admit(bound.mount.options);
  } catch (reason) {
    refuseEarly(connectCall, reason, context);
    return;
  }
  if (admitting === undefined) {
    serveAdmitted(connectCall, form, rules, context);
  } else {
    admitting
      .then(
        () => serveAdmitted(connectCall, form, rules, context),
        (reason: unknown) => refuseEarly(connectCall, reason, context),
      )
      .catch((reason: unknown) => breakOff(call, exchange, reason, context));
  }
}

function serveAdmitted<A>(
  connectCall: ConnectCall<A>,
  form: UnaryForm | undefined,
  rules: UnaryRules,
  context: TransportContext<A>,
): void {
  const { bound, call, exchange } = connectCall;
  if (form === undefined || bound.kind !== "unary") {
    passToConnect(connectCall, context);
    return;
  }
  const decline = (): void => passToConnect(connectCall, context);
  const fail = (reason: unknown): void => breakOff(call, exchange, reason, context);
  serveUnary({ bound, rules, form, call, exchange, context, decline, fail });
}

function refuseEarly<A>(
  { bound, call, exchange, contentType }: ConnectCall<A>,
  reason: unknown,
  context: TransportContext<A>,
): void {
  const error = noteError(call, reason, context.logInternal);
  const { rest } = bound.mount.options;
  const answering = answerRefusal(exchange, contentType, { error, jsonOptions: { registry: rest?.registry } });
  answering.catch((fault: unknown) => breakOff(call, exchange, fault, context));
}

/** A call that Connect will serve. */
interface ConnectCall<A> {
  readonly handler: UniversalHandler;
  readonly bound: BoundMethod<A>;
  readonly call: LiveCall<A>;
  readonly exchange: Exchange;
  readonly contentType: string;
}

function passToConnect<A>(connectCall: ConnectCall<A>, context: TransportContext<A>): void {
  const { handler, call, exchange, contentType } = connectCall;
  const asText = isGrpcWebText(contentType);
  const header = exchange.header;
  if (asText) header.set("content-type", toBinaryType(contentType));
  takeTimeout(connectCall, header, context);
  exchange.clientStreams = isClientStreaming(handler);
  // Messages of a stream pass through; no request keeps them all.
  if (exchange.clientStreams) exchange.body.stopCounting();
  const gone = new AbortController();
  exchange.onOver((completed) => {
    if (!completed) gone.abort(callerGone());
  });
  const state: CallState<A> = { call, exchange, gone: gone.signal };
  const request: UniversalServerRequest = {
    httpVersion: exchange.httpVersion,
    method: exchange.method,
    url: `http://localhost${exchange.path}${exchange.query === "" ? "" : `?${exchange.query}`}`,
    header,
    body: bodyOf({ ...connectCall, body: asText ? decodeText(exchange.body) : exchange.body }, header, context.limits),
    signal: gone.signal,
    contextValues: createContextValues().set(stateKey, state as unknown as CallState<never>),
  };
  exchange.body.retain();
  void run(connectCall, request, context, asText)
    .catch((reason: unknown) => breakOff(call, exchange, reason, context))
    .finally(() => exchange.body.release());
}

/**
 * Takes the timeout out of the headers: the call keeps its deadline itself, with the same timer on every path. A malformed
 * timeout is left to Connect, which refuses it.
 */
function takeTimeout<A>({ call, handler }: ConnectCall<A>, header: Headers, { limits }: TransportContext<A>): void {
  const name = timeoutHeaderOf(call.wire);
  const text = header.get(name);
  const timeoutMs = text === null ? undefined : readTimeout(text, call.wire);
  if (timeoutMs === undefined) return;
  call.setTimeout(Math.min(timeoutMs, timeoutMsMax(handler.method, limits)));
  header.delete(name);
}

/** Ends a call that cannot be answered: what was sent so far must not look complete. */
function breakOff<A>(call: LiveCall<A>, exchange: Exchange, reason: unknown, context: TransportContext<A>): void {
  if (exchange.over) return;
  noteError(call, reason, context.logInternal);
  exchange.destroy();
}

async function run<A>(
  connectCall: ConnectCall<A>,
  request: UniversalServerRequest,
  context: TransportContext<A>,
  asText: boolean,
): Promise<void> {
  const { handler, bound, call, exchange } = connectCall;
  const answer = await handler(request);
  if (exchange.over) {
    await answer.body?.[Symbol.asyncIterator]().return?.();
  } else if (answer.body === undefined) {
    whenCounted(context, exchange, (refused) => {
      call.error = refused;
      if (refused === undefined) refuse(connectCall, answer.status, context);
      else answerRefused(bound, exchange, refused);
    });
  } else {
    await sendUniversal(exchange, answer, asText);
  }
}

/** Answers a request that is not a call: its address is refused already. */
function answerRefused<A>({ mount }: BoundMethod<A>, exchange: Exchange, error: ConnectError): void {
  const wire = rpcWireOf(exchange.headerValue("content-type") ?? "");
  const jsonOptions = { registry: mount.options.rest?.registry };
  answerUnmatched(exchange, error, { wire, status: codeToHttpStatus(error.code), header: {}, jsonOptions });
}

function isClientStreaming(handler: UniversalHandler): boolean {
  const { methodKind } = handler.method;
  return methodKind === "client_streaming" || methodKind === "bidi_streaming";
}

/** Answers a request that Connect does not accept as a call of this method, and explains why. */
function refuse<A>(connectCall: ConnectCall<A>, status: number, context: TransportContext<A>): void {
  const { handler, bound, call, exchange } = connectCall;
  const { error, header } = explainRefusal(handler, exchange, status);
  const noted = noteError(call, error, context.logInternal);
  const jsonOptions = { registry: bound.mount.options.rest?.registry };
  answerUnmatched(exchange, noted, { wire: rpcWireOf(connectCall.contentType), status, header, jsonOptions });
}
