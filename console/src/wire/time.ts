/** Times and durations between the wire and the page. */
import type { Timestamp } from "@bufbuild/protobuf/wkt";
import { timestampDate, timestampFromDate } from "@bufbuild/protobuf/wkt";

/** How far the service's clock is ahead of the browser's, in milliseconds, as far as its answers have told. */
let ahead = 0;

/** Returns the present by the service's clock, in milliseconds since the epoch: it decides what is over. */
export function now(): number {
  return Date.now() + ahead;
}

/**
 * Learns the service's clock from an answer. `date`: its header, a whole second; null: none. `sent`: when the call was
 * sent by the browser's clock, in milliseconds since the epoch.
 */
export function heedServiceClock(date: string | null, sent: number): void {
  const second = Date.parse(date ?? "");
  if (Number.isNaN(second)) return;
  // The service said it within that second, and between the call and now: a clock that agrees with this is left alone.
  ahead = Math.max(second - Date.now(), Math.min(ahead, second + 1_000 - sent));
}

/** Returns the instant in milliseconds since the epoch; undefined without one. */
export function millisOf(time: Timestamp | undefined): number | undefined {
  return time === undefined ? undefined : timestampDate(time).getTime();
}

/** A timer stands still while the machine sleeps: a long wait is many short ones. */
const WAIT_MS_MAX = 60_000;

/** Calls back once the service's clock is at an instant. `millis`: since the epoch. Returns how to stop waiting. */
export function atTime(millis: number, callback: () => void): () => void {
  let timer: ReturnType<typeof setTimeout>;
  const wait = (): void => {
    const left = millis - now();
    timer = setTimeout(left > 0 ? wait : callback, Math.min(Math.max(left, 0), WAIT_MS_MAX));
  };
  wait();
  return () => clearTimeout(timer);
}

/** Longer timers overflow and fire at once. */
export const TIMER_MS_MAX: number = 2 ** 31 - 1;

/** Returns the wire's form of an instant. `millis`: since the epoch. */
export function timestampOf(millis: number): Timestamp {
  return timestampFromDate(new Date(millis));
}

const LOCAL = new Intl.DateTimeFormat("en-GB", {
  day: "numeric",
  month: "short",
  year: "numeric",
  hour: "2-digit",
  minute: "2-digit",
});
const LOCAL_THIS_YEAR = new Intl.DateTimeFormat("en-GB", {
  day: "numeric",
  month: "long",
  hour: "2-digit",
  minute: "2-digit",
});
const CLOCK = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit" });

/** Returns an instant in local time, as short as it is clear: `14:05` today, `5 December at 14:05` this year. */
export function localTime(millis: number): string {
  const [date, today] = [new Date(millis), new Date(now())];
  if (date.toDateString() === today.toDateString()) return CLOCK.format(date);
  return (date.getFullYear() === today.getFullYear() ? LOCAL_THIS_YEAR : LOCAL).format(date);
}

/** Returns an instant in UTC, such as `2026-12-05 14:05:00 UTC`. */
export function utcTime(millis: number): string {
  return `${new Date(millis).toISOString().slice(0, 19).replace("T", " ")} UTC`;
}

const UNITS: readonly (readonly [Intl.RelativeTimeFormatUnit, number])[] = [
  ["year", 365 * 86_400_000],
  ["month", 30 * 86_400_000],
  ["day", 86_400_000],
  ["hour", 3_600_000],
  ["minute", 60_000],
  ["second", 1_000],
];
const RELATIVE = new Intl.RelativeTimeFormat("en", { numeric: "auto" });

/** Returns how far away an instant is, such as `in 3 hours` or `2 days ago`. */
export function relativeTime(millis: number): string {
  const difference = millis - now();
  const [unit, size] = UNITS.find(([, each]) => Math.abs(difference) >= each) ?? ["second", 1_000];
  return RELATIVE.format(Math.trunc(difference / size), unit);
}

/** Returns an instant as the browser's control for times has it: local time without a zone. Empty for an empty text. */
export function localInputOf(time: string): string {
  if (time === "") return "";
  const date = new Date(time);
  return new Date(date.getTime() - date.getTimezoneOffset() * 60_000).toISOString().slice(0, 16);
}

/** Returns the instant of that control as ISO 8601 in UTC; empty if it has none. */
export function timeOfLocalInput(text: string): string {
  const date = new Date(text);
  return Number.isNaN(date.getTime()) ? "" : date.toISOString();
}
