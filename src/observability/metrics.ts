/** The metrics for Prometheus. Labels have few values (RPCs, codes, wires, reasons), never ids. */
import { CallDurations, type CallFigures } from "./call-durations.ts";
import { type BucketFigures, Counter, type CounterFigures, Histogram, headOf, labelOf } from "./instruments.ts";

/** One finished call. */
export interface CallMetric {
  /** `package.Service/Method`, or a dialect's operation. Absent if no method serves the path. */
  readonly rpc: string | undefined;
  readonly wire: string;
  /** `OK`, or the RPC code of the refusal. */
  readonly code: string;
  /** The reason of the refusal, if it has one. */
  readonly reason: string | undefined;
  readonly durationMs: number;
}

/** One batch of the store. */
export interface BatchMetric {
  readonly commands: number;
  /** From the first command to the end of the commit, in milliseconds. */
  readonly durationMs: number;
}

/** A metric whose value is read at each scrape; one that throws is absent from that scrape. */
export interface SourceMetric {
  readonly name: string;
  readonly help: string;
  readonly kind: "gauge" | "counter";
  readonly value: () => number;
}

/** What is read at each scrape. */
export interface MetricSources {
  readonly store: readonly SourceMetric[];
  readonly load: () => { readonly requests: number; readonly connections: number };
  readonly serving: () => boolean;
  /** How many streams of each kind are open. */
  readonly streams: () => readonly (readonly [kind: string, open: number])[];
}

/** What a serving thread has counted, as plain data. */
export interface ThreadFigures {
  readonly calls: CallFigures;
  readonly refusals: CounterFigures;
  readonly troubles: CounterFigures;
  readonly eventLoopDelay: BucketFigures;
}

/** The label of all calls to paths that no method serves. */
const UNMATCHED = "unmatched";
const MS_PER_SECOND = 1000;
const DURATION_BUCKETS = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];
const EVENT_LOOP_TICK_MS = 50;
const BATCH_BUCKETS = [1, 2, 4, 8, 16, 32, 64];

/** The text format of an exposition. */
const CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8";

/** Of the process, not of one service in it: how late a timer is at every tick. */
let eventLoopDelay: Histogram | undefined;

function watchEventLoop(): Histogram {
  if (eventLoopDelay !== undefined) return eventLoopDelay;
  const delay = new Histogram({
    name: "lockkeeper_event_loop_delay_seconds",
    help: "Delay of an event-loop timer.",
    buckets: DURATION_BUCKETS,
  });
  let last = performance.now();
  const timer = setInterval(() => {
    const now = performance.now();
    delay.observe(Math.max(0, now - last - EVENT_LOOP_TICK_MS) / MS_PER_SECOND);
    last = now;
  }, EVENT_LOOP_TICK_MS);
  timer.unref();
  eventLoopDelay = delay;
  return delay;
}

export class Metrics {
  readonly #version: string;
  readonly #sources: SourceMetric[] = [];
  readonly #eventLoopDelay = watchEventLoop();
  /** This histogram's count is the number of calls: a counter would repeat it. */
  readonly #calls = new CallDurations({
    name: "lockkeeper_call_duration_seconds",
    help: "Duration of finished calls, from the head of the request to the end of the answer.",
    buckets: DURATION_BUCKETS,
  });
  readonly #refusals = new Counter(
    {
      name: "lockkeeper_refusals_total",
      help: "Refused calls, by code and reason.",
    },
    { hasLabels: true },
  );
  readonly #batchCommands = new Histogram({
    name: "lockkeeper_batch_commands",
    help: "Commands per commit.",
    buckets: BATCH_BUCKETS,
  });
  readonly #batchDuration = new Histogram({
    name: "lockkeeper_batch_duration_seconds",
    help: "Duration from the first command of a batch to the end of its commit.",
    buckets: DURATION_BUCKETS,
  });
  readonly #commitDuration = new Histogram({
    name: "lockkeeper_commit_duration_seconds",
    help: "Duration of COMMIT alone, of batches and housekeeping: the disk.",
    buckets: DURATION_BUCKETS,
  });
  readonly #troubles = new Counter({
    name: "lockkeeper_store_troubles_total",
    help: "Storage errors; each is in the log with its cause.",
  });
  readonly #clockJumps = new Counter({
    name: "lockkeeper_clock_jumps_total",
    help: "Jumps of the wall clock by more than 60 s against the monotonic clock.",
  });
  #readStreams: MetricSources["streams"] = () => [];
  #readThreads: () => Promise<readonly ThreadFigures[]> = async () => [];
  #pending: Promise<string> | undefined;

  constructor({ version }: { readonly version: string }) {
    this.#version = version;
  }

  /** Adds what is read at each scrape from now on. */
  watch({ store, load, serving, streams }: MetricSources): void {
    const own: readonly SourceMetric[] = [
      {
        name: "lockkeeper_requests_in_flight",
        help: "Requests being served, including probes and scrapes.",
        kind: "gauge",
        value: () => load().requests,
      },
      {
        name: "lockkeeper_connections",
        help: "Open connections.",
        kind: "gauge",
        value: () => load().connections,
      },
      {
        name: "lockkeeper_serving",
        help: "1 while the service is ready, else 0.",
        kind: "gauge",
        value: () => Number(serving()),
      },
    ];
    this.#sources.push(...own, ...store);
    this.#readStreams = streams;
  }

  /** What this thread has counted. */
  get figures(): ThreadFigures {
    return {
      calls: this.#calls.figures,
      refusals: this.#refusals.figures,
      troubles: this.#troubles.figures,
      eventLoopDelay: this.#eventLoopDelay.figures,
    };
  }

  /** Adds what other threads have counted to each scrape. */
  watchThreads(read: () => Promise<readonly ThreadFigures[]>): void {
    this.#readThreads = read;
  }

  /** Adds what a thread had counted that has ended: counters must not fall. */
  absorb({ calls, refusals, troubles, eventLoopDelay }: ThreadFigures): void {
    this.#calls.add(calls);
    this.#refusals.add(refusals);
    this.#troubles.add(troubles);
    this.#eventLoopDelay.add(eventLoopDelay);
  }

  call({ rpc = UNMATCHED, wire, code, reason, durationMs }: CallMetric): void {
    this.#calls.observe(rpc, wire, code, durationMs / MS_PER_SECOND);
    if (reason !== undefined) this.#refusals.inc(`{${labelOf("code", code)},${labelOf("reason", reason)}}`);
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
    return CONTENT_TYPE;
  }

  /** Returns the exposition. Concurrent scrapes share one. */
  text(): Promise<string> {
    this.#pending ??= this.#write().finally(() => {
      this.#pending = undefined;
    });
    return this.#pending;
  }

  async #write(): Promise<string> {
    // Loaded with the first scrape: it would make every start longer.
    const { processText } = await import("./process-metrics.ts");
    const threads = await this.#readThreads();
    const own = [
      this.#calls.text(threads.map(({ calls }) => calls)),
      this.#refusals.text(threads.map(({ refusals }) => refusals)),
      this.#batchCommands.text(),
      this.#batchDuration.text(),
      this.#commitDuration.text(),
      this.#troubles.text(threads.map(({ troubles }) => troubles)),
      this.#clockJumps.text(),
      this.#eventLoopDelay.text(threads.map(({ eventLoopDelay }) => eventLoopDelay)),
    ];
    const sources = this.#sources.map(sourceText);
    const texts = [...own, this.#buildText(), this.#streamsText(), ...sources, await processText()];
    return texts.join("");
  }

  #streamsText(): string {
    const name = "lockkeeper_streams";
    const head = headOf({ name, help: "Open streams of events and of the history, by kind." }, "gauge");
    return (
      head +
      this.#readStreams()
        .map(([kind, open]) => `${name}{${labelOf("kind", kind)}} ${open}\n`)
        .join("")
    );
  }

  #buildText(): string {
    const name = "lockkeeper_build_info";
    const labels = `{${labelOf("version", this.#version)},${labelOf("node", process.version)}}`;
    const head = headOf({ name, help: "1; the labels say which version runs on which Node." }, "gauge");
    return `${head}${name}${labels} 1\n`;
  }
}

/** What cannot be read is absent; the rest of the scrape is most needed then. The store reports its own troubles. */
function sourceText(metric: SourceMetric): string {
  const head = headOf(metric, metric.kind);
  try {
    return `${head}${metric.name} ${metric.value()}\n`;
  } catch {
    return head;
  }
}
