/** Measures the store, also while the database is away: monitoring must go on then. */
import type { GroupCommit } from "../commit/group-commit.ts";
import type { OpenWork } from "../rows/open-work.ts";
import type { EngineMetric, StoreStats } from "../stats.ts";
import type { Pool } from "./connect/pool.ts";
import type { ServerClock } from "./live/server-clock.ts";
import type { Writer } from "./write/writer.ts";

export interface StatsSources {
  /** That read. */
  readonly pools: readonly Pool[];
  readonly commits: GroupCommit;
  readonly writer: Writer;
  readonly clock: ServerClock;
  /** Milliseconds by which the oldest change by the clock is late, when it was looked for last. */
  readonly sweepLagMs: () => number;
  /** When it was looked for last; undefined: never. */
  readonly openWork: () => OpenWork | undefined;
  /** Whether checkpoints are written. */
  readonly signs: boolean;
  /** The store's clock, in milliseconds since the epoch. */
  readonly now: () => number;
}

const MS_PER_SECOND = 1000;

export function readStats(sources: StatsSources): StoreStats {
  const { pools, commits, writer, clock, sweepLagMs, openWork, signs } = sources;
  const { commands, bytes } = commits.waiting;
  const { dropped, refusedFull } = commits.counts;
  const sum = (of: "open" | "idle" | "waiting"): number => pools.reduce((total, { stats }) => total + stats[of], 0);
  const [open, idle, waiting] = [sum("open"), sum("idle"), sum("waiting")];
  const [now, work] = [sources.now(), openWork()];
  return {
    waitingCommands: commands,
    waitingBytes: bytes,
    droppedCommands: dropped,
    refusedCommands: refusedFull,
    sweepLagMs: sweepLagMs(),
    checkpointAgeMs: signs ? Math.max(0, now - (work?.uncovered_since ?? now)) : 0,
    openErasures: work?.open_erasures ?? 0,
    clockBehindMs: clock.behindMs,
    engine: [
      counter(
        "lockkeeper_write_retries_total",
        "Transactions that ran again because another replica was in the way.",
        writer.counts.retries,
      ),
      counter("lockkeeper_commits_unknown_total", "COMMITs whose fate is not known.", writer.counts.unknown),
      gauge("lockkeeper_read_connections", "Connections to the database that read.", open),
      gauge("lockkeeper_read_connections_busy", "Connections to the database on which a read runs.", open - idle),
      gauge("lockkeeper_reads_waiting", "Reads that wait for a connection to the database.", waiting),
      gauge(
        "lockkeeper_clock_skew_seconds",
        "The clock of the database's server minus the clock of this machine.",
        clock.skewMs / MS_PER_SECOND,
      ),
    ],
  };
}

function gauge(name: string, help: string, value: number): EngineMetric {
  return { name, help, kind: "gauge", value };
}

function counter(name: string, help: string, value: number): EngineMetric {
  return { name, help, kind: "counter", value };
}
