/** Long work in parts, so that other calls have their turn in between. */
import type { ServiceCall } from "./call.ts";

/** Real time of one part, in milliseconds; an item that has begun then ends later. */
const PART_MS = 1;

/** As `items.map(make)`, one after another. */
export async function mapInTurns<T, U>(
  items: readonly T[],
  call: Pick<ServiceCall, "takeTurn">,
  make: (item: T) => U | Promise<U>,
): Promise<U[]> {
  const made: U[] = [];
  let endTime = 0;
  for (const item of items) {
    if (performance.now() >= endTime) {
      await call.takeTurn();
      endTime = performance.now() + PART_MS;
    }
    const one = make(item);
    made.push(one instanceof Promise ? await one : one);
  }
  return made;
}

/** So many lists are read and made at once; all that wait would have to be held in memory together. */
const LANE_CALLS = 2;

const waiting: (() => void)[] = [];
let busy = 0;

/** Runs when fewer than two others run, in the order of the calls. Rejects instead if nobody waits for the answer by then. */
export async function inLane<T>(call: Pick<ServiceCall, "signal">, run: () => Promise<T>): Promise<T> {
  let signal: AbortSignal | undefined;
  if (busy >= LANE_CALLS) {
    // Asked for now: later it would miss that the caller left.
    signal = call.signal;
    await new Promise<void>((resolve) => waiting.push(resolve));
  } else {
    busy++;
  }
  try {
    signal?.throwIfAborted();
    return await run();
  } finally {
    // The next one in line takes this place.
    const next = waiting.shift();
    if (next === undefined) busy--;
    else next();
  }
}
