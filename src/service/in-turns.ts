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
