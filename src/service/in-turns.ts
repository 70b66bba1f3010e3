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
