/** The monotonic clock of the machine: all threads read the same one. */

/** `performance.now()` begins with its thread. What lies between the two readings here is less than a millisecond. */
const BEGIN = Number(process.hrtime.bigint()) / 1e6 - performance.now();

/** Returns milliseconds since any instant, which is the same in all threads. Never jumps; may stop in a suspended machine. */
export function monotonicTime(): number {
  return BEGIN + performance.now();
}
