/** When watchers get what was read: calls go first. */
import { setImmediate, setTimeout } from "node:timers/promises";

/** Events are collected for so many times as long as it took to pass on those before. */
const TIMES_WORK = 4;
const PAUSE_MS_MAX = 20;
/** A turn of the event loop that is shorter had little else to do, in milliseconds. */
const QUIET_MS = 0.2;
/** How long to wait for such a turn, in milliseconds. A thread that is never quiet keeps its watchers waiting so long. */
const QUIET_WAIT_MS_MAX = 30;

/** Collects events before they are passed on. `workMs`: how long it took to pass on those before, in milliseconds. */
export async function collect(workMs: number): Promise<void> {
  const pauseMs = Math.min(PAUSE_MS_MAX, workMs * TIMES_WORK);
  if (pauseMs >= 1) await setTimeout(pauseMs, undefined, { ref: false });
  await untilQuiet();
}

/** Resolves after a turn of the event loop in which little happened: calls that have arrived are served by then. */
export async function untilQuiet(): Promise<void> {
  const begin = performance.now();
  let [turn, now] = [begin, begin];
  do {
    turn = now;
    await setImmediate();
    now = performance.now();
  } while (now - turn > QUIET_MS && now - begin < QUIET_WAIT_MS_MAX);
}
