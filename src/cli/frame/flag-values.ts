/** Reads the values of flags: from the text as typed to its meaning. Each reader throws an Error that says what is allowed. */
import { secondsText } from "./text.ts";

/** A google.protobuf.Duration or Timestamp. */
export interface Seconds {
  readonly seconds: bigint;
  readonly nanos: number;
}

/** The longest time limit of a call: the header `grpc-timeout` carries eight digits of milliseconds. */
const TIMEOUT_MS_MAX = 99_999_999;
/** The longest that a timer of Node waits; a longer one fires at once. */
const WAIT_MS_MAX = 2 ** 31 - 1;
const DURATION = /^(?:(\d+)w)?(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?(?:(\d+)ms)?$/;
const UNITS_MS = [604_800_000n, 86_400_000n, 3_600_000n, 60_000n, 1_000n, 1n];
/** 10,000 years, the longest Duration of protobuf. */
const DURATION_MS_MAX = 315_576_000_000_000n;
const CHARS_MAX = 40;

/** Returns milliseconds; zero only with `orZero`. */
function durationMs(typed: string, { orZero = false }: { readonly orZero?: boolean } = {}): bigint {
  const match = typed.length > 0 && typed.length <= CHARS_MAX ? DURATION.exec(typed) : null;
  const ms = UNITS_MS.reduce((sum, unit, index) => sum + unit * BigInt(match?.[index + 1] ?? 0), 0n);
  if (match === null || (ms === 0n && !orZero) || ms > DURATION_MS_MAX) {
    const bound = ms > DURATION_MS_MAX ? "of at most 10000 years" : orZero ? "of zero or more" : "longer than zero";
    throw new Error(
      `${JSON.stringify(typed)} is not allowed; it must be a time ${bound} such as 90s, 30m, 1h, 7d or 1h30m`,
    );
  }
  return ms;
}

function toSeconds(ms: bigint): Seconds {
  const seconds = ms >= 0n ? ms / 1000n : (ms - 999n) / 1000n;
  return { seconds, nanos: Number(ms - seconds * 1000n) * 1_000_000 };
}

/** Reads a time span such as `30m`, `1h`, `7d` or `1h30m`, longer than zero. */
export function parseDuration(typed: string): Seconds {
  return toSeconds(durationMs(typed));
}

/** Returns a reader of time spans from `0s` to a number of seconds. */
export function parseSpanUpTo(maxSeconds: number): (typed: string) => Seconds {
  return (typed) => {
    const ms = durationMs(typed, { orZero: true });
    if (ms <= BigInt(maxSeconds) * 1000n) return toSeconds(ms);
    throw new Error(`${JSON.stringify(typed)} is not allowed; at most ${secondsText(maxSeconds)}`);
  };
}

/** Reads the time limit of a call, in milliseconds, at most 27 hours. */
export function parseTimeoutMs(typed: string): number {
  return boundedMs(typed, TIMEOUT_MS_MAX, "27h");
}

/** Reads how long to wait, in milliseconds, at most 24 days. */
export function parseWaitMs(typed: string): number {
  return boundedMs(typed, WAIT_MS_MAX, "24d");
}

function boundedMs(typed: string, max: number, shown: string): number {
  const ms = Number(durationMs(typed));
  if (ms > max) throw new Error(`${JSON.stringify(typed)} is too long; at most ${shown} is allowed`);
  return ms;
}

const INSTANT =
  /^(?<date>\d{4}-\d\d-\d\d)(?:[Tt ](?<time>\d\d:\d\d(?::\d\d(?:\.(?<fraction>\d{1,9}))?)?)(?<zone>[Zz]|[+-]\d\d:\d\d))?$/;
/** The first and the last second that protobuf and JSON can express. */
const INSTANT_MIN_MS = Date.parse("0001-01-01T00:00:00Z");
const INSTANT_MAX_MS = Date.parse("9999-12-31T23:59:59Z");

/** Reads an instant: a date (its first moment in UTC), or date and time with `Z` or an offset. */
export function parseInstant(typed: string): Seconds {
  const instant = readInstant(typed);
  if (instant !== undefined) return instant;
  throw new Error(
    `${JSON.stringify(typed)} is not allowed; it must be an instant such as 2030-01-31T18:00:00Z or ` +
      "2030-01-31T18:00+02:00, or a date, 2030-01-31",
  );
}

/** Reads an instant like `parseInstant`; `undefined` for anything else, and for days and hours that do not exist. */
export function readInstant(text: string): Seconds | undefined {
  const { date = "", time = "00:00", fraction = "", zone = "Z" } = INSTANT.exec(text)?.groups ?? {};
  const clock = time.slice(0, "18:00:00".length);
  const ms = Date.parse(`${date}T${clock.length === 5 ? `${clock}:00` : clock}${zone.toUpperCase()}`);
  const isKnown = ms >= INSTANT_MIN_MS && ms <= INSTANT_MAX_MS;
  // JavaScript takes 30 February for 2 March, and 24:00 for the next day.
  if (!isKnown || clock.startsWith("24") || !new Date(`${date}T00:00:00Z`).toISOString().startsWith(date)) {
    return undefined;
  }
  return { seconds: BigInt(ms) / 1000n, nanos: Number(fraction.padEnd(9, "0")) };
}

/** Reads a whole number within bounds. */
export function parseWhole(typed: string, { min, max }: { readonly min: number; readonly max: number }): number {
  const number = /^\d{1,15}$/.test(typed) ? Number(typed) : Number.NaN;
  if (number >= min && number <= max) return number;
  throw new Error(`${JSON.stringify(typed)} is not allowed; it must be a whole number from ${min} to ${max}`);
}

/** Reads the sequence of a resource. */
export function parseSequence(typed: string): bigint {
  if (/^\d{1,19}$/.test(typed)) return BigInt(typed);
  throw new Error(`${JSON.stringify(typed)} is not allowed; it must be a sequence, a whole number such as 3`);
}

export function parseServer(typed: string): URL {
  const url = URL.canParse(typed) ? new URL(typed) : undefined;
  const isPlain = url?.pathname === "/" && url.search === "" && url.hash === "" && url.username + url.password === "";
  if (url !== undefined && isPlain && /^https?:$/.test(url.protocol)) return url;
  // The text may contain a password, so it is not repeated.
  throw new Error("the value is not allowed; it must be like http://127.0.0.1:8080 or https://locks.example, no path");
}
