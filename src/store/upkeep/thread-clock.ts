/** The service's clock in another thread than that of its SteadyClock. */
import { JUMP_MS, type SteadyClockOptions } from "./steady-clock.ts";

/**
 * Returns a clock in milliseconds since the epoch that follows a SteadyClock: a jump of the wall clock counts when the
 * SteadyClock accepts it, whichever thread notices it first. `memory`: of the SteadyClock. `wall` and `monotonic`: the
 * clocks that it reads too.
 */
export function followSteadyClock(
  memory: SharedArrayBuffer,
  { wall, monotonic }: Pick<SteadyClockOptions, "wall" | "monotonic">,
): () => number {
  const accepted = new Float64Array(memory);
  return () => {
    const [wallTime, time] = [wall(), monotonic()];
    const offset = accepted[0] as number;
    return Math.abs(wallTime - time - offset) <= JUMP_MS ? wallTime : time + offset;
  };
}
