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
  /** Aborts when open calls must end because the service stops. */
  readonly stopping: AbortSignal;
}

/** The longest delay of a timer; Node fires longer ones at once. */
const TIMER_MS_MAX = 2 ** 31 - 1;

/** Starts a call. Its record is reported once, when it is over. */
export function beginCall<A>(
  context: TransportContext<A>,
  exchange: Exchange,
  wire: Wire,
  { method, mount }: { readonly method: DescMethod; readonly mount: Mount<A> },
): LiveCall<A> {
  const call = new LiveCall<A>(wire, method, exchange, {
    stopping: context.stopping,
    describeError: mount.options.describeError ?? context.describeError,
  });
  exchange.onOver((completed) => {
    const error = call.error ?? (completed ? undefined : callerGone());
    const { admitted: admission, request } = call;
    report(context, { ...endOf(exchange), wire, method, code: error?.code ?? "ok", error, admission, request });
  });
  return call;
}

/** Reports a request that matches no method. */
export function recordUnmatched<A>(
  context: TransportContext<A>,
  exchange: Exchange,
  { wire, error }: { readonly wire: Wire; readonly error: ConnectError },
): void {
  exchange.onOver(() =>
    report(context, {
      ...endOf(exchange),
      wire,
      method: undefined,
      code: error.code,
      error,
      admission: undefined,
      request: undefined,
    }),
  );
}

/** Reports a fault of a connection that belongs to no request. `httpStatus`: 0 if nothing was answered. */
export function recordFault<A>(
  context: TransportContext<A>,
  remoteAddress: string,
  { id, error, httpStatus }: { readonly id: string; readonly error: ConnectError; readonly httpStatus: number },
): void {
  report(context, {
    id,
    wire: "http",
    method: undefined,
    path: "",
    code: error.code,
    error,
    admission: undefined,
    request: undefined,
    remoteAddress,
    durationMs: 0,
    httpStatus,
    httpMethod: "",
    trace: undefined,
  });
}

/** Reports a call of a plain mount. */
export function recordHttp<A>(
  context: TransportContext<A>,
  exchange: Exchange,
  { noted, error }: { readonly noted: HttpNote<A>; readonly error: ConnectError | undefined },
): void {
  report(context, {
    ...endOf(exchange),
    wire: "http",
    method: undefined,
    operation: noted.operation,
    userId: noted.userId,
    code: error?.code ?? "ok",
    error,
    admission: noted.admission,
    request: undefined,
  });
}

type ExchangeRecord = Pick<
  CallRecord,
  "id" | "path" | "remoteAddress" | "durationMs" | "httpStatus" | "httpMethod" | "trace"
>;

/** Returns the part of a record that an exchange that is over knows by itself. */
function endOf(exchange: Exchange): ExchangeRecord {
  return {
    id: exchange.callId,
    path: exchange.path,
    remoteAddress: exchange.remoteAddress,
    durationMs: performance.now() - exchange.startTime,
    httpStatus: exchange.status,
    httpMethod: exchange.method,
    trace: exchange.trace,
  };
}

/** Returns the deadline of a call that may take `timeoutMs` from now. */
export function toDeadlineTime(timeoutMs: number): number {
  return Date.now() + Math.ceil(timeoutMs);
}

/** Returns the longest timeout of a method: only unary calls have a limit. */
export function timeoutMsMax(method: DescMethod, limits: TransportLimits): number {
  return method.methodKind === "unary" ? limits.deadlineMsMax : TIMER_MS_MAX;
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

function report<A>(context: TransportContext<A>, record: CallRecord<A>): void {
  try {
    context.finished(record);
  } catch (reason) {
    context.logInternal(reason, record.id);
  }
}
