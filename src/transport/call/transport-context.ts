/** What the protocols share: the context of all calls, the start of a call and its record. */
import type { DescMethod } from "@bufbuild/protobuf";
import type { ConnectError } from "@connectrpc/connect";
import type { Exchange } from "../exchange/exchange.ts";
import type { TransportLimits } from "../limits.ts";
import type { DescribeError, HttpNote, Mount, Wire } from "../mount.ts";
import { LiveCall } from "./call.ts";
import { callerGone } from "./call-error.ts";
import type { CallRecord, Finished, LogInternal, RefuseUnmatched } from "./call-record.ts";

/** The options of the transport that every protocol needs. */
export interface TransportContext<A> {
  readonly limits: TransportLimits;
  /** Whether plain unary calls bypass connect-es. */
  readonly fastPath: boolean;
  readonly finished: Finished<A>;
  readonly logInternal: LogInternal;
  readonly describeError?: DescribeError | undefined;
  readonly refuseUnmatched?: RefuseUnmatched | undefined;
  /** Aborts when the service takes no more calls: streams without an end must end then. */
  readonly draining: AbortSignal;
  /** Aborts when open calls must end because the service stops. */
  readonly stopping: AbortSignal;
}

/** Starts a call. Its record is reported once, when it is over. */
export function beginCall<A>(
  context: TransportContext<A>,
  exchange: Exchange,
  wire: Wire,
  { method, mount }: { readonly method: DescMethod; readonly mount: Mount<A> },
): LiveCall<A> {
  const describeError = mount.options.describeError ?? context.describeError;
  const isEndless = mount.options.endless?.includes(method.localName) === true;
  const stopping = isEndless ? context.draining : context.stopping;
  const call = new LiveCall<A>(wire, method, exchange, stopping, describeError);
  exchange.onOver((completed) => {
    const error = call.error ?? (completed ? undefined : callerGone());
    const { admitted: admission, request } = call;
    reportExchange(context, exchange, { wire, method, error, admission, request });
  });
  return call;
}

/** Reports a request that matches no method. */
export function recordUnmatched<A>(
  context: TransportContext<A>,
  exchange: Exchange,
  { wire, error }: { readonly wire: Wire; readonly error: ConnectError },
): void {
  exchange.onOver(() => reportExchange(context, exchange, { wire, error }));
}

/** Reports a fault of a connection that belongs to no request. `httpStatus`: 0 if nothing was answered. */
export function recordFault<A>(
  context: TransportContext<A>,
  remoteAddress: string,
  { id, error, httpStatus }: { readonly id: string; readonly error: ConnectError; readonly httpStatus: number },
): void {
  const head = { callId: id, path: "", remoteAddress, startTime: 0, status: httpStatus, method: "", trace: undefined };
  reportExchange(context, head, { wire: "http", error }, 0);
}

/** Reports a call of a plain mount. */
export function recordHttp<A>(
  context: TransportContext<A>,
  exchange: Exchange,
  { noted, error }: { readonly noted: HttpNote<A>; readonly error: ConnectError | undefined },
): void {
  const { operation, userId, admission } = noted;
  reportExchange(context, exchange, { wire: "http", operation, userId, error, admission });
}

/** What an exchange that is over knows by itself. */
type Ended = Pick<Exchange, "callId" | "path" | "remoteAddress" | "startTime" | "status" | "method" | "trace">;
/** What its protocol adds. */
type Outcome<A> = Partial<Pick<CallRecord<A>, "method" | "operation" | "userId" | "admission" | "request">> &
  Pick<CallRecord<A>, "wire" | "error">;

/** Makes every record, so that all have the same shape. */
function reportExchange<A>(
  context: TransportContext<A>,
  exchange: Ended,
  outcome: Outcome<A>,
  durationMs: number = performance.now() - exchange.startTime,
): void {
  const { error } = outcome;
  const record: CallRecord<A> = {
    id: exchange.callId,
    wire: outcome.wire,
    method: outcome.method,
    operation: outcome.operation,
    userId: outcome.userId,
    path: exchange.path,
    code: error === undefined ? "ok" : error.code,
    error,
    admission: outcome.admission,
    request: outcome.request,
    remoteAddress: exchange.remoteAddress,
    durationMs,
    httpStatus: exchange.status,
    httpMethod: exchange.method,
    trace: exchange.trace,
  };
  try {
    context.finished(record);
  } catch (reason) {
    context.logInternal(reason, record.id);
  }
}

/**
 * Calls `next` with the error of `refuseUnmatched` for this address: at once, unless another thread counts. A request that
 * cannot be counted gets no answer: its connection or stream is destroyed.
 */
export function whenCounted<A>(
  { refuseUnmatched, logInternal }: TransportContext<A>,
  request: { readonly remoteAddress: string; readonly callId: string; destroy(): void },
  next: (refused: ConnectError | undefined) => void,
): void {
  const refused = refuseUnmatched?.(request.remoteAddress);
  if (!(refused instanceof Promise)) {
    next(refused);
    return;
  }
  refused.then(next).catch((reason: unknown) => {
    logInternal(reason, request.callId);
    request.destroy();
  });
}

/** Returns the largest body and the largest number of values of one request of a method. */
export function requestLimitsOf<A>(
  { method, mount: { options } }: { readonly method: DescMethod; readonly mount: Mount<A> },
  limits: TransportLimits,
): Pick<TransportLimits, "bodyBytesMax" | "valuesMax"> {
  return {
    bodyBytesMax: options.bodyBytesMax?.[method.localName] ?? limits.bodyBytesMax,
    valuesMax: options.valuesMax?.[method.localName] ?? limits.valuesMax,
  };
}
