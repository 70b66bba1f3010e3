/** What the service tells of itself to Prometheus. Labels are of bounded number: RPCs, codes, wires and reasons, never ids. */
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from "prom-client";
import { CallDurations } from "./call-durations.ts";

/** One call that is over. */
export interface CallMetric {
  /** `package.Service/Method`, or a dialect's operation. Absent where no method answers to the path. */
  readonly rpc: string | undefined;
  readonly wire: string;
  /** `OK`, or the RPC code of the refusal. */
  readonly code: string;
  /** Why it was refused, where that has a name. */
  readonly reason: string | undefined;
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
  readonly walWaitMs: number;
  /** How long the oldest change by the clock (a start, an expiry, an attempt that ran out of time) has been unwritten. */
  readonly sweepLagMs: number;
  readonly databaseBytes: number;
  readonly walBytes: number;
  /** What of the log has still to be moved into the database. */
  readonly walPendingBytes: number;
  /** How far the clock is behind the newest record; time stands still for as long. */
  readonly clockBehindMs: number;
  /** Meanwhile the log is let grow. */
  readonly backupsUnderWay: number;
}

/** What is asked at each scrape. */
export interface MetricSources {
  readonly store: () => StoreStats;
  readonly load: () => { readonly requests: number; readonly connections: number };
  readonly serving: () => boolean;
}

/** All calls to paths that no method answers to are one. */
const UNMATCHED = "unmatched";
const MS_PER_SECOND = 1000;
const DURATION_BUCKETS = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];
const EVENT_LOOP_TICK_MS = 50;
const BATCH_BUCKETS = [1, 2, 4, 8, 16, 32, 64];

/** Of the process, not of one service in it: its listeners in V8 and the event loop cannot be taken away again. */
let processRegistry: Registry | undefined;

function ofProcess(): Registry {
  if (processRegistry === undefined) {
    processRegistry = new Registry();
    collectDefaultMetrics({ register: processRegistry, eventLoopMonitoringPrecision: MS_PER_SECOND });
    // These begin anew at each scrape, so that of two scrapers each would see a part, and are no numbers in between.
    for (const { name } of processRegistry.getMetricsAsArray()) {
      if (name.startsWith("nodejs_eventloop_lag")) processRegistry.removeSingleMetric(name);
    }
    watchEventLoop(processRegistry);
  }
  return processRegistry;
}

/** In their place: how late a timer is, at every tick of it. */
function watchEventLoop(registry: Registry): void {
  const delay = new Histogram({
    name: "lockkeeper_event_loop_delay_seconds",
    help: "How much later than it should a timer of the event loop runs.",
    buckets: DURATION_BUCKETS,
    registers: [registry],
  });
  let last = performance.now();
  const timer = setInterval(() => {
    const now = performance.now();
    delay.observe(Math.max(0, now - last - EVENT_LOOP_TICK_MS) / MS_PER_SECOND);
    last = now;
  }, EVENT_LOOP_TICK_MS);
  timer.unref();
}

export class Metrics {
  readonly #registry = new Registry();
  readonly #process = ofProcess();
  /** The count of calls is this histogram's: a counter beside it would say the same. */
  readonly #calls = new CallDurations({
    name: "lockkeeper_call_duration_seconds",
    help: "Calls that are over, from the head of the request to the end of the answer.",
    buckets: DURATION_BUCKETS,
  });
  readonly #refusals = new Counter({
    name: "lockkeeper_refusals_total",
    help: "Calls that were refused, by code and reason.",
    labelNames: ["code", "reason"] as const,
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
  readonly #commitDuration = new Histogram({
    name: "lockkeeper_commit_duration_seconds",
    help: "COMMIT alone, of batches and of housekeeping: the disk.",
    buckets: DURATION_BUCKETS,
    registers: [this.#registry],
  });
  readonly #troubles = new Counter({
    name: "lockkeeper_store_troubles_total",
    help: "Faults of the store; each is in the log with its cause.",
    registers: [this.#registry],
  });
  readonly #clockJumps = new Counter({
    name: "lockkeeper_clock_jumps_total",
    help: "Jumps of the wall clock by more than 60 s against the monotonic clock.",
    registers: [this.#registry],
  });
  #pending: Promise<string> | undefined;

  constructor({ version }: { readonly version: string }) {
    new Gauge({
      name: "lockkeeper_build_info",
      help: "1; the labels say which version runs on which Node.",
      labelNames: ["version", "node"] as const,
      registers: [this.#registry],
    }).set({ version, node: process.version }, 1);
  }

  /** From now on these are asked at each scrape. */
  watch({ store, load, serving }: MetricSources): void {
    const askStore = onceATurn(store);
    const own: readonly SourceMetric[] = [
      [
        "lockkeeper_requests_in_flight",
        "Requests being served, probes and scrapes too.",
        "gauge",
        () => load().requests,
      ],
      ["lockkeeper_connections", "Connections that are open.", "gauge", () => load().connections],
      ["lockkeeper_serving", "1 while the service is ready, else 0.", "gauge", () => Number(serving())],
    ];
    const ofStore = STORE_METRICS.map(([name, help, kind, value]): SourceMetric => {
      return [name, help, kind, () => value(askStore())];
    });
    for (const [name, help, kind, value] of [...own, ...ofStore]) {
      const Kind = kind === "gauge" ? Gauge : Counter;
      new Kind({
        name,
        help,
        registers: [this.#registry],
        collect() {
          // What cannot be asked is absent; the rest of the scrape is needed most just then.
          this.remove();
          try {
            this.inc(value());
          } catch {
            // The store tells of its troubles itself.
          }
        },
      });
    }
  }

  call({ rpc = UNMATCHED, wire, code, reason, durationMs }: CallMetric): void {
    this.#calls.observe(rpc, wire, code, durationMs / MS_PER_SECOND);
    if (reason !== undefined) this.#refusals.inc({ code, reason });
  }

  batch({ commands, durationMs }: BatchMetric): void {
    this.#batchCommands.observe(commands);
    this.#batchDuration.observe(durationMs / MS_PER_SECOND);
  }

  /** Counts a jump of the wall clock against the monotonic clock. */
  clockJump(): void {
    this.#clockJumps.inc();
  }

  commit(durationMs: number): void {
    this.#commitDuration.observe(durationMs / MS_PER_SECOND);
  }

  trouble(): void {
    this.#troubles.inc();
  }

  get contentType(): string {
    return this.#registry.contentType;
  }

  /** The exposition. Scrapes at the same time share one. */
  text(): Promise<string> {
    this.#pending ??= this.#write().finally(() => {
      this.#pending = undefined;
    });
    return this.#pending;
  }

  async #write(): Promise<string> {
    return this.#calls.text() + (await this.#registry.metrics()) + (await this.#process.metrics());
  }
}

/** Asks once for all that want to know in one turn of the event loop: one look serves all metrics of a scrape. */
function onceATurn<T>(ask: () => T): () => T {
  let answer: { readonly value: T } | undefined;
  return () => {
    if (answer === undefined) {
      answer = { value: ask() };
      setImmediate(() => {
        answer = undefined;
      });
    }
    return answer.value;
  };
}

type SourceMetric<V extends unknown[] = []> = readonly [
  name: string,
  help: string,
  kind: "gauge" | "counter",
  value: (...from: V) => number,
];

const STORE_METRICS: readonly SourceMetric<[StoreStats]>[] = [
  ["lockkeeper_queue_commands", "Commands that wait to be written.", "gauge", (s) => s.waitingCommands],
  ["lockkeeper_queue_bytes", "What the waiting commands hold, roughly.", "gauge", (s) => s.waitingBytes],
  ["lockkeeper_commands_dropped_total", "Commands whose deadline passed.", "counter", (s) => s.droppedCommands],
  ["lockkeeper_commands_refused_total", "Commands refused by a full queue.", "counter", (s) => s.refusedCommands],
  [
    "lockkeeper_wal_wait_seconds_total",
    "Time that the writer waited for room in the write-ahead log.",
    "counter",
    (s) => s.walWaitMs / MS_PER_SECOND,
  ],
  [
    "lockkeeper_sweep_lag_seconds",
    "Age of the oldest change by the clock that is not written yet.",
    "gauge",
    (s) => s.sweepLagMs / MS_PER_SECOND,
  ],
  ["lockkeeper_database_bytes", "Size of the database file.", "gauge", (s) => s.databaseBytes],
  ["lockkeeper_wal_bytes", "Size of the file of the write-ahead log; it is used again.", "gauge", (s) => s.walBytes],
  [
    "lockkeeper_wal_pending_bytes",
    "What of the write-ahead log is still to be moved into the database.",
    "gauge",
    (s) => s.walPendingBytes,
  ],
  [
    "lockkeeper_clock_behind_seconds",
    "How far the clock is behind the newest record; time stands still for as long.",
    "gauge",
    (s) => s.clockBehindMs / MS_PER_SECOND,
  ],
  [
    "lockkeeper_backups_under_way",
    "Backups being made, 0 or 1; the write-ahead log grows meanwhile.",
    "gauge",
    (s) => s.backupsUnderWay,
  ],
];
