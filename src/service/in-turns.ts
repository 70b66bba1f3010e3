/** Long work in parts, so that other calls have their turn in between. */
import type { ServiceCall } from "./call.ts";

/** Items of a list that are made between two looks at the clock. */
const PART_ITEMS = 50;

/** As `items.map(make)`. */
export async function mapInTurns<T, U>(
  items: readonly T[],
  call: Pick<ServiceCall, "takeTurn">,
  make: (item: T) => U,
): Promise<U[]> {
  const made: U[] = [];
  for (const item of items) {
    if (made.length % PART_ITEMS === 0) await call.takeTurn();
    made.push(make(item));
  }
  return made;
}

/** So many lists are read and made at once; all that wait would have to be held in memory together. */
const LANE_CALLS = 2;

const waiting: (() => void)[] = [];
let busy = 0;

/** Begins when fewer than two of these are under way, in the order of the calls. */
export async function inLane<T>(run: () => Promise<T>): Promise<T> {
  if (busy >= LANE_CALLS) await new Promise<void>((resolve) => waiting.push(resolve));
  else busy++;
  try {
    return await run();
  } finally {
    // Whoever waits takes the place over.
    const next = waiting.shift();
    if (next === undefined) busy--;
    else next();
  }
}
