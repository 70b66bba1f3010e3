/** Lengths of time in words. */

const UNITS: readonly (readonly [name: string, seconds: number])[] = [
  ["day", 86_400],
  ["hour", 3_600],
  ["minute", 60],
];

/** The lengths of the units that forms offer, in seconds. */
export const UNIT_SECONDS: readonly number[] = [1, ...UNITS.map(([, seconds]) => seconds).toReversed()];

/** Returns the longest unit that divides a length, in seconds. `seconds`: the length. */
export function unitOf(seconds: number): number {
  return UNITS.find(([, unit]) => seconds >= unit && seconds % unit === 0)?.[1] ?? 1;
}

/** Returns a length in words, such as `1 hour` or `90 minutes`. */
export function durationWords(seconds: number): string {
  const unit = unitOf(seconds);
  const name = UNITS.find(([, each]) => each === unit)?.[0] ?? "second";
  const count = seconds / unit;
  return `${count.toLocaleString("en")} ${name}${count === 1 ? "" : "s"}`;
}

/** Returns a length that is typed, in seconds, to the millisecond; NaN if it is none. `unit`: in seconds. */
export function typedSeconds({ text, unit }: { readonly text: string; readonly unit: number }): number {
  if (!/^\s*\d+(\.\d+)?\s*$/.test(text)) return Number.NaN;
  return Math.round(Number(text) * unit * 1_000) / 1_000;
}
