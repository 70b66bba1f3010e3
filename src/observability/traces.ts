/** Traces by OpenTelemetry: one span per call, below the caller's, and one per store command below that. */

/** What creates the spans of the service's calls. */
export interface Traces {
  /**
   * Starts the span of a request below the one in its `traceparent`. `header`: returns a header by its lower-case name.
   */
  begin(header: (name: string) => string | undefined): CallTrace;
  /** Runs a store command in a span below the call's; outside of calls it just runs. */
  command<T>(command: TracedCommand, run: () => Promise<T>): Promise<T>;
  /** Sends buffered spans; takes a few seconds at most. */
  close(): Promise<void>;
}

/** The span of one call. A span that never ends is never sent: probes are not traced. */
export interface CallTrace {
  /** 32 and 16 hexadecimal digits. */
  readonly traceId: string;
  readonly spanId: string;
  /** Runs immediately; whatever it starts belongs to the call, however late. */
  run(work: () => void): void;
  endSpan(call: TracedCall): void;
}

/** A command of the store. */
export interface TracedCommand {
  readonly name: string;
  /** The database system, by its name in OpenTelemetry's conventions. */
  readonly system: string;
}

/** What is recorded of a finished call. No path, address, id or message: they may be personal or secret. */
export interface TracedCall {
  readonly id: string;
  /** `package.Service/Method`, or a dialect's operation. Absent if no method serves the path. */
  readonly rpc: string | undefined;
  readonly wire: string;
  /** `OK`, or the RPC code of the refusal. */
  readonly code: string;
  readonly reason: string | undefined;
  readonly httpMethod: string;
  /** 0 if the caller went away before the answer. */
  readonly httpStatus: number;
}

export interface TraceSettings {
  readonly sampler: TraceSampler;
  /** The batches that spans are sent in; absent values have the SDK's default. */
  readonly batch: TraceBatch;
}

export interface TraceSampler {
  readonly name: (typeof SAMPLERS)[number];
  /** The fraction of traces that is kept, 0 to 1. */
  readonly ratio: number;
}

export interface TraceBatch {
  readonly scheduledDelayMillis?: number;
  readonly exportTimeoutMillis?: number;
  readonly maxQueueSize?: number;
  readonly maxExportBatchSize?: number;
}

type Environment = Readonly<Record<string, string | undefined>>;

const SAMPLERS = [
  "always_on",
  "always_off",
  "traceidratio",
  "parentbased_always_on",
  "parentbased_always_off",
  "parentbased_traceidratio",
] as const;

/**
 * Returns the trace settings of the environment; `undefined`: no traces. As OpenTelemetry's specification requires, an
 * unknown value is ignored with a warning: the variables are often set for many programs at once.
 */
export function readTraceSettings(
  environment: Environment,
  warn: (warning: string) => void,
): TraceSettings | undefined {
  const read = (name: string): string | undefined => environment[name]?.trim() || undefined;
  if (read("OTEL_SDK_DISABLED")?.toLowerCase() === "true") return undefined;
  const exporter = read("OTEL_TRACES_EXPORTER");
  const endpointName = ENDPOINT_VARIABLES.find((name) => read(name) !== undefined);
  if (exporter === "none" || (exporter === undefined && endpointName === undefined)) return undefined;
  if (exporter !== undefined && exporter !== "otlp") {
    warn(
      `OTEL_TRACES_EXPORTER: ${JSON.stringify(exporter)} is not supported, so there are no traces; supported are otlp and none`,
    );
    return undefined;
  }
  if (endpointName !== undefined && !isHttpUrl(read(endpointName) ?? "")) {
    // The value may contain a password, so it is not repeated.
    warn(`${endpointName}: the value is not an http or https URL like http://127.0.0.1:4318, so there are no traces`);
    return undefined;
  }
  const protocol = read("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL") ?? read("OTEL_EXPORTER_OTLP_PROTOCOL");
  if (protocol !== undefined && protocol !== "http/protobuf") {
    warn(`OTEL_EXPORTER_OTLP_PROTOCOL: ${JSON.stringify(protocol)} is not supported; http/protobuf is used`);
  }
  return { sampler: readSampler(read, warn), batch: readBatch(read, warn) };
}

/** The first one that is set counts. */
const ENDPOINT_VARIABLES = ["OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT"] as const;

function isHttpUrl(text: string): boolean {
  return URL.canParse(text) && /^https?:$/.test(new URL(text).protocol);
}

function readSampler(read: (name: string) => string | undefined, warn: (warning: string) => void): TraceSampler {
  const text = read("OTEL_TRACES_SAMPLER") ?? "parentbased_always_on";
  const name = SAMPLERS.find((each) => each === text);
  if (name === undefined) {
    warn(
      `OTEL_TRACES_SAMPLER: ${JSON.stringify(text)} is unknown; parentbased_always_on is used. Known are ${SAMPLERS.join(", ")}`,
    );
    return { name: "parentbased_always_on", ratio: 1 };
  }
  const argument = read("OTEL_TRACES_SAMPLER_ARG");
  const ratio = Number(argument ?? 1);
  if (ratio >= 0 && ratio <= 1) return { name, ratio };
  warn(`OTEL_TRACES_SAMPLER_ARG: ${JSON.stringify(argument)} is not a number from 0 to 1; 1 is used`);
  return { name, ratio: 1 };
}

const BATCH_VARIABLES: Readonly<Record<keyof TraceBatch, string>> = {
  scheduledDelayMillis: "OTEL_BSP_SCHEDULE_DELAY",
  exportTimeoutMillis: "OTEL_BSP_EXPORT_TIMEOUT",
  maxQueueSize: "OTEL_BSP_MAX_QUEUE_SIZE",
  maxExportBatchSize: "OTEL_BSP_MAX_EXPORT_BATCH_SIZE",
};

function readBatch(read: (name: string) => string | undefined, warn: (warning: string) => void): TraceBatch {
  const batch: Record<string, number> = {};
  for (const [option, name] of Object.entries(BATCH_VARIABLES)) {
    const text = read(name);
    if (text === undefined) continue;
    if (/^[1-9]\d{0,8}$/.test(text)) batch[option] = Number(text);
    else warn(`${name}: ${JSON.stringify(text)} is not a whole number above 0; the default is used`);
  }
  return batch;
}
