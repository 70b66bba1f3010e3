/** The figures that a store measures about itself, and the metrics made from them. */
import type { SourceMetric } from "../observability/metrics.ts";

/** A metric that only one engine has, with its value at this moment. */
export interface EngineMetric extends Omit<SourceMetric, "value"> {
  readonly value: number;
}

/** The store at one moment; counts are since the start. */
export interface StoreStats {
  readonly waitingCommands: number;
  readonly waitingBytes: number;
  readonly droppedCommands: number;
  readonly refusedCommands: number;
  /**
   * Age of the oldest change by the clock (a start, an expiry, an attempt that ran out of time) that is not written
   * yet.
   */
  readonly sweepLagMs: number;
  /** Age of the newest checkpoint while events came after it; 0: it covers all events, or nobody signs. */
  readonly checkpointAgeMs: number;
  /** Users whose values are hidden and not erased yet, at most 1,000. */
  readonly openErasures: number;
  /** How far the clock is behind the newest record; time stands still for as long. */
  readonly clockBehindMs: number;
  /** The same metrics in the same order each time. */
  readonly engine: readonly EngineMetric[];
}

const MS_PER_SECOND = 1000;

/**
 * Returns the metrics of a store for Metrics.watch. `ask` is called once for each turn of the event loop in which any
 * of them is read: one look serves a whole scrape. Where it throws, so does every metric.
 */
export function storeMetrics(ask: () => StoreStats): readonly SourceMetric[] {
  const stats = onceATurn(ask);
  const common = COMMON.map(
    ([name, help, kind, value]): SourceMetric => ({ name, help, kind, value: () => value(stats()) }),
  );
  const engine = stats().engine.map(
    ({ name, help, kind }, index): SourceMetric => ({
      name,
      help,
      kind,
      value: () => stats().engine[index]?.value ?? Number.NaN,
    }),
  );
  return [...common, ...engine];
}

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

const COMMON: readonly (readonly [
  name: string,
  help: string,
  kind: SourceMetric["kind"],
  value: (stats: StoreStats) => number,
])[] = [
  ["lockkeeper_queue_commands", "Commands that wait to be written.", "gauge", (s) => s.waitingCommands],
  ["lockkeeper_queue_bytes", "What the waiting commands hold, roughly.", "gauge", (s) => s.waitingBytes],
  ["lockkeeper_commands_dropped_total", "Commands whose deadline passed.", "counter", (s) => s.droppedCommands],
  ["lockkeeper_commands_refused_total", "Commands refused by a full queue.", "counter", (s) => s.refusedCommands],
  [
    "lockkeeper_sweep_lag_seconds",
    "Age of the oldest change by the clock that is not written yet.",
    "gauge",
    (s) => s.sweepLagMs / MS_PER_SECOND,
  ],
  [
    "lockkeeper_checkpoint_age_seconds",
    "Age of the newest checkpoint while events came after it; 0: it covers all, or nobody signs.",
    "gauge",
    (s) => s.checkpointAgeMs / MS_PER_SECOND,
  ],
  [
    "lockkeeper_erasures_open",
    "Users whose values are hidden and not erased yet; 1000: or more.",
    "gauge",
    (s) => s.openErasures,
  ],
  [
    "lockkeeper_clock_behind_seconds",
    "How far the clock is behind the newest record; time stands still for as long.",
    "gauge",
    (s) => s.clockBehindMs / MS_PER_SECOND,
  ],
];
