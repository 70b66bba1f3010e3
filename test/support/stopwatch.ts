/** How long something takes, for a diagnostic: as text, so that no test asserts it. */

export interface Stopwatch {
  /** Such as `412 ms`. */
  text(): string;
  /** How many of them are done per second, such as `1200`. */
  perSecond(count: number): string;
}

export interface PauseWatch {
  /** Notes that something has happened. */
  note(): void;
  /** The longest time between two notes, such as `412 ms`. */
  longest(): string;
}

export function startStopwatch(): Stopwatch {
  const begin = performance.now();
  const elapsedMs = (): number => performance.now() - begin;
  return {
    text: () => `${elapsedMs().toFixed(0)} ms`,
    perSecond: (count) => ((count * 1_000) / elapsedMs()).toFixed(0),
  };
}

export function startPauseWatch(): PauseWatch {
  let last: number | undefined;
  let longestMs = 0;
  return {
    note() {
      const now = performance.now();
      longestMs = Math.max(longestMs, now - (last ?? now));
      last = now;
    },
    longest: () => `${longestMs.toFixed(0)} ms`,
  };
}
