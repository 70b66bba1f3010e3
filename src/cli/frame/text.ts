/** Values of messages in words. */
import type { Duration, Timestamp } from "@bufbuild/protobuf/wkt";
import { printable } from "./output.ts";

/** ISO 8601 in UTC, with milliseconds where there are any; absent: empty. */
export function instantText(instant: Timestamp | undefined): string {
  if (instant === undefined) return "";
  return timeText(Number(instant.seconds) * 1000 + Math.floor(instant.nanos / 1e6));
}

/** The same of milliseconds since the epoch. */
export function timeText(ms: number): string {
  return new Date(ms).toISOString().replace(".000Z", "Z");
}

const UNITS = [
  ["d", 86_400_000n],
  ["h", 3_600_000n],
  ["m", 60_000n],
  ["s", 1000n],
  ["ms", 1n],
] as const;

/** As a flag takes it, such as `1h30m`; absent: empty. */
export function durationText(duration: Duration | undefined): string {
  if (duration === undefined) return "";
  let rest = duration.seconds * 1000n + BigInt(Math.floor(duration.nanos / 1e6));
  if (rest === 0n) return "0s";
  let text = "";
  for (const [unit, ms] of UNITS) {
    if (rest >= ms) text += `${rest / ms}${unit}`;
    rest %= ms;
  }
  return text;
}

/** Names with their values, aligned; those without a value are left out. */
export function fieldLines(fields: readonly (readonly [name: string, value: string])[]): string {
  const shown = fields.filter(([, value]) => value !== "");
  const width = Math.max(...shown.map(([name]) => name.length));
  return shown.map(([name, value]) => `${name.padEnd(width)}  ${printable(value)}\n`).join("");
}
