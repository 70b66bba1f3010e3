/** What a benchmark sets up is taken down at its end. */
import type { Scope } from "../../test/support/cleanup.ts";

const cleanups: (() => unknown)[] = [];

/** The whole of a benchmark, for `defer`. */
export const scope: Scope = { after: (cleanup) => cleanups.push(cleanup) };

/** Runs a benchmark, and takes down what it has set up, however it ends. */
export async function run(main: () => Promise<void>): Promise<void> {
  try {
    await main();
  } finally {
    for (const cleanup of cleanups.toReversed()) await cleanup();
  }
}
