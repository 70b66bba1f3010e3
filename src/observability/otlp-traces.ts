/** Sends traces by OTLP over HTTP, as the `OTEL_*` variables configure. The SDK is loaded only with this file. */
import { AsyncLocalStorage } from "node:async_hooks";
import {
  type Attributes,
  type Context,
  createTraceState,
  DiagLogLevel,
  diag,
  ROOT_CONTEXT,
  type Span,
  SpanKind,
  SpanStatusCode,
  type Tracer,
  trace,
} from "@opentelemetry/api";
import { OTLPTraceExporter } from "@opentelemetry/exporter-trace-otlp-proto";
import {
  defaultResource,
  detectResources,
  resourceAttributesEnvDetector,
  resourceFromAttributes,
  serviceNameEnvDetector,
} from "@opentelemetry/resources";
import {
  AlwaysOffSampler,
  AlwaysOnSampler,
  BatchSpanProcessor,
  ParentBasedSampler,
  type Sampler,
  TraceIdRatioBasedSampler,
  TracerProvider,
} from "@opentelemetry/sdk-trace";
import {
  ATTR_DB_OPERATION_NAME,
  ATTR_DB_SYSTEM_NAME,
  ATTR_ERROR_TYPE,
  ATTR_HTTP_REQUEST_METHOD,
  ATTR_HTTP_RESPONSE_STATUS_CODE,
  ATTR_RPC_METHOD,
  ATTR_RPC_STATUS_CODE,
  ATTR_RPC_SYSTEM_NAME,
  ATTR_SERVICE_NAME,
  ATTR_SERVICE_VERSION,
} from "@opentelemetry/semantic-conventions";
import type { Log } from "./log.ts";
import type { CallTrace, TracedCall, TracedCommand, TraceSampler, TraceSettings, Traces } from "./traces.ts";

/** A receiver that does not answer must not delay the end of the process. */
const CLOSE_MS_MAX = 3_000;
/** The SDK's warnings may contain whole answers of the receiver. */
const WARNING_CHARS_MAX = 500;

/** The codes of the service's own failures; the others are the caller's. */
const ERROR_CODES: ReadonlySet<string> = new Set([
  "UNKNOWN",
  "DEADLINE_EXCEEDED",
  "UNIMPLEMENTED",
  "INTERNAL",
  "UNAVAILABLE",
  "DATA_LOSS",
]);
/** The names that the conventions give to our wires; REST is only HTTP. */
const RPC_SYSTEMS: Readonly<Record<string, string>> = { grpc: "grpc", "grpc-web": "grpc", connect: "connectrpc" };

export interface OtlpOptions {
  readonly settings: TraceSettings;
  readonly version: string;
  readonly log: Log;
}

export function openOtlpTraces({ settings, version, log }: OtlpOptions): Traces {
  const warn = (message: string): void => log.write("warn", "traces", { cause: message.slice(0, WARNING_CHARS_MAX) });
  const silent = (): void => undefined;
  diag.setLogger(
    { error: warn, warn, info: silent, debug: silent, verbose: silent },
    { logLevel: DiagLogLevel.WARN, suppressOverrideMessage: true },
  );
  const provider = new TracerProvider({
    resource: defaultResource()
      .merge(resourceFromAttributes({ [ATTR_SERVICE_NAME]: "lockkeeper", [ATTR_SERVICE_VERSION]: version }))
      .merge(detectResources({ detectors: [resourceAttributesEnvDetector, serviceNameEnvDetector] })),
    sampler: toSampler(settings.sampler),
    spanProcessors: [new BatchSpanProcessor({ exporter: new OTLPTraceExporter(), ...settings.batch })],
  });
  return new OtlpTraces(provider, provider.getTracer("lockkeeper", version), warn);
}

class OtlpTraces implements Traces {
  readonly #provider: TracerProvider;
  readonly #tracer: Tracer;
  readonly #warn: (message: string) => void;
  readonly #current = new AsyncLocalStorage<Context>();

  constructor(provider: TracerProvider, tracer: Tracer, warn: (message: string) => void) {
    this.#provider = provider;
    this.#tracer = tracer;
    this.#warn = warn;
  }

  begin(header: (name: string) => string | undefined): CallTrace {
    const parent = toParent(header("traceparent"), header("tracestate"));
    const span = this.#tracer.startSpan("call", { kind: SpanKind.SERVER }, parent);
    const { traceId, spanId } = span.spanContext();
    const current = this.#current;
    return {
      traceId,
      spanId,
      run: (work) => current.run(trace.setSpan(parent, span), work),
      endSpan: (call) => endCall(span, call),
    };
  }

  async command<T>({ name, system }: TracedCommand, run: () => Promise<T>): Promise<T> {
    const context = this.#current.getStore();
    if (context === undefined) return await run();
    const attributes = { [ATTR_DB_SYSTEM_NAME]: system, [ATTR_DB_OPERATION_NAME]: name };
    const span = this.#tracer.startSpan(name, { kind: SpanKind.CLIENT, attributes }, context);
    try {
      return await run();
    } catch (error) {
      span.setStatus({ code: SpanStatusCode.ERROR });
      span.setAttribute(ATTR_ERROR_TYPE, error instanceof Error ? error.name : "unknown");
      throw error;
    } finally {
      span.end();
    }
  }

  async close(): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<string>((resolve) => {
      timer = setTimeout(() => resolve(`the receiver accepted none within ${CLOSE_MS_MAX} ms`), CLOSE_MS_MAX);
    });
    const sent = this.#provider.shutdown().then(
      () => undefined,
      (error: unknown) => String(error),
    );
    const trouble = await Promise.race([sent, late]);
    clearTimeout(timer);
    if (trouble !== undefined) this.#warn(`the last spans are lost: ${trouble}`);
  }
}

function endCall(span: Span, call: TracedCall): void {
  const { id, rpc, wire, code, reason, httpMethod, httpStatus } = call;
  span.updateName(rpc ?? "unmatched");
  const attributes: Attributes = {
    [ATTR_HTTP_REQUEST_METHOD]: HTTP_METHODS.has(httpMethod) ? httpMethod : "_OTHER",
    [ATTR_RPC_STATUS_CODE]: code,
    "lockkeeper.wire": wire,
    "lockkeeper.call_id": id,
  };
  const system = RPC_SYSTEMS[wire];
  if (rpc !== undefined) attributes[ATTR_RPC_METHOD] = rpc;
  if (system !== undefined) attributes[ATTR_RPC_SYSTEM_NAME] = system;
  if (reason !== undefined) attributes["lockkeeper.reason"] = reason;
  if (httpStatus > 0) attributes[ATTR_HTTP_RESPONSE_STATUS_CODE] = httpStatus;
  if (code !== "OK") attributes[ATTR_ERROR_TYPE] = code;
  span.setAttributes(attributes);
  if (ERROR_CODES.has(code)) span.setStatus({ code: SpanStatusCode.ERROR });
  span.end();
}

/** The methods that the conventions know; others are omitted, because a client may send anything. */
const HTTP_METHODS: ReadonlySet<string> = new Set(["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]);

/** https://www.w3.org/TR/trace-context/: a malformed value counts as absent; later versions may append fields. */
const TRACE_PARENT =
  /^(?!ff)(?<version>[\da-f]{2})-(?!0{32})(?<traceId>[\da-f]{32})-(?!0{16})(?<spanId>[\da-f]{16})-(?<flags>[\da-f]{2})(?<more>-.*)?$/;
const SAMPLED = 1;

function toParent(traceParent: string | undefined, traceState: string | undefined): Context {
  const groups = TRACE_PARENT.exec(traceParent?.trim() ?? "")?.groups;
  if (groups === undefined || (groups.version === "00" && groups.more !== undefined)) return ROOT_CONTEXT;
  const { traceId = "", spanId = "", flags = "" } = groups;
  return trace.setSpanContext(ROOT_CONTEXT, {
    traceId,
    spanId,
    traceFlags: Number.parseInt(flags, 16) & SAMPLED,
    isRemote: true,
    ...(traceState === undefined ? {} : { traceState: createTraceState(traceState) }),
  });
}

function toSampler({ name, ratio }: TraceSampler): Sampler {
  const byParent = name.startsWith("parentbased_");
  const root = toRootSampler(name.replace("parentbased_", ""), ratio);
  return byParent ? new ParentBasedSampler({ root }) : root;
}

function toRootSampler(name: string, ratio: number): Sampler {
  if (name === "always_off") return new AlwaysOffSampler();
  return name === "traceidratio" ? new TraceIdRatioBasedSampler(ratio) : new AlwaysOnSampler();
}
