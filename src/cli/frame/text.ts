/** Values of messages as text. */
import type { Duration, Timestamp } from "@bufbuild/protobuf/wkt";
import { printable } from "./table.ts";

/** Returns a number with its noun, such as `1 event` and `2 events`. `shown`: the number as people read it. */
export function counted(count: number | bigint, noun: string, shown: string = String(count)): string {
  return `${shown} ${noun}${BigInt(count) === 1n ? "" : "s"}`;
}

/** Returns ISO 8601 in UTC, with milliseconds if there are any; empty if absent. */
export function instantText(instant: Timestamp | undefined): string {
  return instant === undefined ? "" : timeText(msOf(instant));
}

/** Returns milliseconds since the epoch in the same form. */
export function timeText(ms: number): string {
  return new Date(ms).toISOString().replace(".000Z", "Z");
}

function msOf({ seconds, nanos }: Timestamp): number {
  return Number(seconds) * 1000 + Math.floor(nanos / 1e6);
}

const DAY_MS = 86_400_000;
/** For an instant farther away, the date says more than the number of days. */
const RELATIVE_MS_MAX = 1000 * DAY_MS;

/** Returns the distance of an instant in at most two units, such as `3m ago` or `in 2d`; its date if it is years away. */
export function relativeText(instant: Timestamp | undefined, now: number): string {
  if (instant === undefined) return "";
  const distance = msOf(instant) - now;
  const away = Math.abs(distance);
  if (away > RELATIVE_MS_MAX) return instantText(instant).slice(0, "2030-01-31".length);
  if (away < 1000) return "now";
  const text = roughText(away);
  return distance < 0 ? `${text} ago` : `in ${text}`;
}

/** Returns a duration as kubectl writes ages: two units while the first is small. */
function roughText(ms: number): string {
  const units = [
    ["d", DAY_MS, 10],
    ["h", 3_600_000, 10],
    ["m", 60_000, 10],
    ["s", 1000, 0],
  ] as const;
  const index = units.findIndex(([, size]) => ms >= size);
  const [unit, size, small] = units[index] ?? ["s", 1000, 0];
  const count = Math.floor(ms / size);
  const [nextUnit, nextSize] = units[index + 1] ?? [];
  const rest = nextSize === undefined ? 0 : Math.floor((ms % size) / nextSize);
  return count < small && rest > 0 ? `${count}${unit}${rest}${nextUnit}` : `${count}${unit}`;
}

const UNITS = [
  ["d", 86_400_000n],
  ["h", 3_600_000n],
  ["m", 60_000n],
  ["s", 1000n],
  ["ms", 1n],
] as const;

/** Returns a duration as a flag takes it, such as `1h30m`; empty if absent. */
export function durationText(duration: Pick<Duration, "seconds" | "nanos"> | undefined): string {
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

/** Returns a number of seconds in the same form. */
export function secondsText(seconds: number): string {
  return durationText({ seconds: BigInt(seconds), nanos: 0 });
}

/** Returns lines of names and values, aligned; names without a value are left out. */
export function fieldLines(fields: readonly (readonly [name: string, value: string])[]): string {
  const shown = fields.filter(([, value]) => value !== "");
  const width = Math.max(...shown.map(([name]) => name.length));
  return shown.map(([name, value]) => `${name.padEnd(width)}  ${printable(value)}\n`).join("");
}
