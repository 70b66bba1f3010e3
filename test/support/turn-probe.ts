/** Preloaded into a service (`--import`): measures the CPU time of each turn of its event loop and what memory it takes. */
import { readFileSync, writeFileSync } from "node:fs";
import { constants, PerformanceObserver } from "node:perf_hooks";

/** What the service did since it was last told to begin. */
export interface TurnReport {
  /** Thread CPU time of the longest turn, in milliseconds. The kernel counts in ticks: 4 ms more or less. */
  readonly longestTurnMs: number;
  /** Of those over 10 ms, in their order. */
  readonly longTurnsMs: readonly number[];
  /** The longest pause of the garbage collector, in milliseconds of real time; part of a turn. */
  readonly longestPauseMs: number;
  /** Resident memory at its peak, and when it began, in bytes. */
  readonly peakBytes: number;
  readonly beginBytes: number;
}

/**
 * Its commands: `collect` answers the bytes of the heap that are in use after a forced collection, `begin` measures
 * again, `report` answers what was measured since.
 */
export interface ProbeAnswers {
  readonly collect: number;
  readonly begin: undefined;
  readonly report: TurnReport;
}

const LONG_TURN_MS = 10;

let longTurnsMs: number[] = [];
let longestTurnMs = 0;
let longestPauseMs = 0;
let beginBytes = 0;
let last = process.threadCpuUsage();

/** An immediate that is not waited for runs once in each turn and does not keep the loop from sleeping. */
function endTurn(): void {
  const { user, system } = process.threadCpuUsage(last);
  last = process.threadCpuUsage();
  const ms = (user + system) / 1000;
  longestTurnMs = Math.max(longestTurnMs, ms);
  if (ms > LONG_TURN_MS) longTurnsMs.push(ms);
  setImmediate(endTurn).unref();
}

new PerformanceObserver((list) => {
  for (const entry of list.getEntries()) {
    const { duration, detail } = entry as typeof entry & { readonly detail: { readonly flags: number } };
    if ((detail.flags & constants.NODE_PERFORMANCE_GC_FLAGS_FORCED) === 0) {
      longestPauseMs = Math.max(longestPauseMs, duration);
    }
  }
}).observe({ type: "gc", buffered: false });

/** `VmRSS` or `VmHWM`, its peak, as the kernel counts them. */
function memoryOf(name: string): number {
  const line = new RegExp(`^${name}:\\s+(\\d+) kB$`, "m").exec(readFileSync("/proc/self/status", "utf8"));
  return Number(line?.[1]) * 1024;
}

const ANSWERS: { readonly [W in keyof ProbeAnswers]: () => ProbeAnswers[W] } = {
  collect() {
    globalThis.gc?.();
    return process.memoryUsage().heapUsed;
  },
  begin() {
    // 5: the peak begins again at what is resident now.
    writeFileSync("/proc/self/clear_refs", "5");
    beginBytes = memoryOf("VmRSS");
    return undefined;
  },
  report: () => ({ longestTurnMs, longTurnsMs, longestPauseMs, peakBytes: memoryOf("VmHWM"), beginBytes }),
};

process.on("message", (word: keyof ProbeAnswers) => {
  const answer = ANSWERS[word]();
  // The turn that told is not one of the service's.
  setImmediate(() => {
    [longestTurnMs, longTurnsMs, longestPauseMs] = [0, [], 0];
    last = process.threadCpuUsage();
    process.send?.({ answer });
  });
});
process.channel?.unref();
setImmediate(endTurn).unref();
