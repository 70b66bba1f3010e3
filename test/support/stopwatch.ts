/** How long something takes, for a diagnostic: as text, so that no test asserts it. */

export interface Stopwatch {
  /** Such as `412 ms`. */
  text(): string;
  /** How many of them are done per second, such as `1200`. */
  perSecond(count: number): string;
}

export function startStopwatch(): Stopwatch {
  const begin = performance.now();
  const elapsedMs = (): number => performance.now() - begin;
  return {
    text: () => `${elapsedMs().toFixed(0)} ms`,
    perSecond: (count) => ((count * 1_000) / elapsedMs()).toFixed(0),
  };
}
