/** What the service tells of itself to Prometheus. Labels are of bounded number: RPCs, codes and wires, never ids. */
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from "prom-client";

/** One call that is over. */
export interface CallMetric {
  /** `package.Service/Method`, a dialect's operation, or `unmatched`. */
  readonly rpc: string;
  readonly wire: string;
  /** `OK`, or the RPC code of the refusal. */
  readonly code: string;
  readonly durationMs: number;
}

/** One batch of the store. */
export interface BatchMetric {
  readonly commands: number;
  /** From the first command to the end of the commit. */
  readonly durationMs: number;
}

/** The store at the moment of a scrape; counts are since the start. */
export interface StoreStats {
  readonly waitingCommands: number;
  readonly waitingBytes: number;
  readonly droppedCommands: number;
  readonly refusedCommands: number;
  readonly commitMs: number;
  readonly walWaitMs: number;
  /** How long the oldest restriction that is due has waited to be written. */
  readonly sweepLagMs: number;
  readonly databaseBytes: number;
  readonly walBytes: number;
}

const MS_PER_SECOND = 1000;
const DURATION_BUCKETS = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];
const BATCH_BUCKETS = [1, 2, 4, 8, 16, 32, 64, 128];

export class Metrics {
  readonly #registry = new Registry();
  readonly #calls = new Counter({
    name: "lockkeeper_calls_total",
    help: "Calls that are over, by RPC, wire and code.",
    labelNames: ["rpc", "wire", "code"] as const,
    registers: [this.#registry],
  });
  readonly #callDuration = new Histogram({
    name: "lockkeeper_call_duration_seconds",
    help: "From the request's head to the end of the answer.",
    labelNames: ["rpc", "wire"] as const,
    buckets: DURATION_BUCKETS,
    registers: [this.#registry],
  });
  readonly #batchCommands = new Histogram({
    name: "lockkeeper_batch_commands",
    help: "Commands that shared a commit.",
    buckets: BATCH_BUCKETS,
    registers: [this.#registry],
  });
  readonly #batchDuration = new Histogram({
    name: "lockkeeper_batch_duration_seconds",
    help: "From the first command of a batch to the end of its commit.",
    buckets: DURATION_BUCKETS,
    registers: [this.#registry],
  });

  /** `stats` is asked at each scrape. */
  constructor(stats: () => StoreStats) {
    collectDefaultMetrics({ register: this.#registry });
    for (const [name, help, kind, value] of STORE_METRICS) {
      const Kind = kind === "gauge" ? Gauge : Counter;
      new Kind({
        name,
        help,
        registers: [this.#registry],
        collect() {
          this.reset();
          this.inc(value(stats()));
        },
      });
    }
  }

  call({ rpc, wire, code, durationMs }: CallMetric): void {
    this.#calls.inc({ rpc, wire, code });
    this.#callDuration.observe({ rpc, wire }, durationMs / MS_PER_SECOND);
  }

  batch({ commands, durationMs }: BatchMetric): void {
    this.#batchCommands.observe(commands);
    this.#batchDuration.observe(durationMs / MS_PER_SECOND);
  }

  get contentType(): string {
    return this.#registry.contentType;
  }

  /** Rejects when the store cannot be asked. */
  text(): Promise<string> {
    return this.#registry.metrics();
  }
}

type StoreMetric = readonly [
  name: string,
  help: string,
  kind: "gauge" | "counter",
  value: (stats: StoreStats) => number,
];

const STORE_METRICS: readonly StoreMetric[] = [
  ["lockkeeper_queue_commands", "Commands that wait to be written.", "gauge", (s) => s.waitingCommands],
  ["lockkeeper_queue_bytes", "What the waiting commands hold, roughly.", "gauge", (s) => s.waitingBytes],
  ["lockkeeper_commands_dropped_total", "Commands whose deadline passed.", "counter", (s) => s.droppedCommands],
  ["lockkeeper_commands_refused_total", "Commands refused by a full queue.", "counter", (s) => s.refusedCommands],
  ["lockkeeper_commit_seconds_total", "Time in commits.", "counter", (s) => s.commitMs / MS_PER_SECOND],
  ["lockkeeper_wal_wait_seconds_total", "Waits for room in the log.", "counter", (s) => s.walWaitMs / MS_PER_SECOND],
  [
    "lockkeeper_sweep_lag_seconds",
    "Age of the oldest unwritten change by the clock.",
    "gauge",
    (s) => s.sweepLagMs / MS_PER_SECOND,
  ],
  ["lockkeeper_database_bytes", "Size of the database file.", "gauge", (s) => s.databaseBytes],
  ["lockkeeper_wal_bytes", "Size of the write-ahead log.", "gauge", (s) => s.walBytes],
];
