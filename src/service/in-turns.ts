/** Splits long work into parts, so that other calls run in between. */
import type { ServiceCall } from "./call.ts";

/** The length of one part in milliseconds of real time; an item that has begun may end later. */
const PART_MS = 1;

/** Returns the same as `items.map(make)`, one item after another. */
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
