/** Watches the clock: logs and counts its jumps, and explains why the service is not ready while it is behind the newest record. */
import type { Log } from "../observability/log.ts";
import type { Metrics } from "../observability/metrics.ts";
import { JUDGE_MS, JUMP_MS, type JumpStep, SteadyClock } from "../store/upkeep/steady-clock.ts";

export interface ClockWatchOptions {
  /** Milliseconds since the epoch; may jump. */
  readonly clock: () => number;
  /** Milliseconds since any instant, see SteadyClock. */
  readonly monotonic: () => number;
  readonly log: Log;
  readonly metrics: Pick<Metrics, "clockJump">;
}

/** Returns the service's clock. */
export function watchClock({ clock, monotonic, log, metrics }: ClockWatchOptions): SteadyClock {
  return new SteadyClock({
    wall: clock,
    monotonic,
    onJump: (step, byMs) => {
      if (step === "NOTICED") metrics.clockJump();
      log.write(step === "UNDONE" ? "warn" : "error", describeJump(step, byMs));
    },
  });
}

function describeJump(step: JumpStep, byMs: number): string {
  const seconds = Math.round(Math.abs(byMs) / 1000);
  switch (step) {
    case "NOTICED":
      return `the clock jumped ${seconds} s ${byMs > 0 ? "ahead" : "back"} against the monotonic clock; changes wait up to ${JUDGE_MS / 1000} s for a second reading: check what sets this machine's clock`;
    case "UNDONE":
      return "the clock is back where the monotonic clock expects it; nothing was recorded with a wrong time";
    case "UNEVEN":
      return "the clock keeps jumping; the service follows the monotonic clock until it runs evenly: check what sets this machine's clock";
    case "TAKEN":
      return byMs > 0
        ? `the clock runs evenly ${seconds} s ahead and is accepted, as after a suspend; restrictions and sessions that are due by it end`
        : `the clock runs evenly ${seconds} s back and is accepted; time stands still while the newest record is ahead of it: set the clock if it is wrong, otherwise wait`;
    default:
      return step satisfies never;
  }
}

/** Returns why a service is not ready whose newest record is that far ahead of its clock; `undefined` if it is ready. */
export function whyClockIsBehind(behindMs: number): string | undefined {
  if (behindMs <= JUMP_MS) return undefined;
  return `the clock is ${Math.ceil(behindMs / 1000)} s behind the newest record, and time stands still until it has caught up: set the clock, or wait`;
}
