/** The JSON texts of strings, instants and durations. */
import type { Duration, Timestamp } from "@bufbuild/protobuf/wkt";
import { UNUSUAL } from "./message-shape.ts";

/** Quotes, backslashes, control characters and surrogates; only lone surrogates are escaped. */
const NEEDS_ESCAPE = /[^ !#-[\]-\ud7ff\ue000-\uffff]/;
/** A loop over a shorter string takes less time than a regular expression. */
const LOOP_CHARS_MAX = 24;

/** Returns the same as `JSON.stringify`. */
export function quoted(value: string): string {
  const { length } = value;
  if (length > LOOP_CHARS_MAX) return NEEDS_ESCAPE.test(value) ? JSON.stringify(value) : `"${value}"`;
  for (let index = 0; index < length; index++) if (mayNeedEscape(value.charCodeAt(index))) return JSON.stringify(value);
  return `"${value}"`;
}

/** The same as `NEEDS_ESCAPE`. */
function mayNeedEscape(code: number): boolean {
  return code < 0x20 || code === 0x22 || code === 0x5c || (code >= 0xd800 && code <= 0xdfff);
}

const SECONDS_MIN = -62_135_596_800;
const SECONDS_MAX = 253_402_300_799;
const DAY_SECONDS = 86_400;
const NANOS_MAX = 999_999_999;

/** The day of the last instant with its text: the instants of one answer are often of one day. */
let lastDay = Number.NaN;
let lastDate = "";

/** Returns an instant as RFC 3339 says, with as many digits after the second as it has: none, 3, 6 or 9. */
export function timestampText({ seconds, nanos }: Timestamp): string {
  const time = Number(seconds);
  const isKnown = typeof seconds === "bigint" && time >= SECONDS_MIN && time <= SECONDS_MAX;
  if (!isKnown || !Number.isInteger(nanos) || nanos < 0 || nanos > NANOS_MAX) throw UNUSUAL;
  const day = Math.floor(time / DAY_SECONDS);
  if (day !== lastDay) {
    lastDate = new Date(day * DAY_SECONDS * 1000).toISOString().slice(0, 10);
    lastDay = day;
  }
  const second = time - day * DAY_SECONDS;
  const hours = twoDigits(Math.floor(second / 3600));
  const minutes = twoDigits(Math.floor(second / 60) % 60);
  return `"${lastDate}T${hours}:${minutes}:${twoDigits(second % 60)}${fraction(nanos)}Z"`;
}

function twoDigits(value: number): string {
  return value < 10 ? `0${value}` : `${value}`;
}

function fraction(nanos: number): string {
  if (nanos === 0) return "";
  const digits = nanos % 1_000_000 === 0 ? 3 : nanos % 1_000 === 0 ? 6 : 9;
  return `.${String(nanos / 10 ** (9 - digits)).padStart(digits, "0")}`;
}

/** The longest google.protobuf.Duration. */
const DURATION_SECONDS_MAX = 315_576_000_000;

/** Returns a duration of whole seconds; others are unusual. */
export function durationText({ seconds, nanos }: Duration): string {
  if (typeof seconds !== "bigint" || nanos !== 0 || Math.abs(Number(seconds)) > DURATION_SECONDS_MAX) throw UNUSUAL;
  return `"${seconds}s"`;
}

/** Returns the JSON of a google.protobuf.Struct that is held as a JSON object. */
export function structText(value: unknown): string {
  if (!isPlainObject(value)) throw UNUSUAL;
  checkMembers(value);
  return JSON.stringify(value);
}

/** Throws for what `JSON.stringify` would leave out or write otherwise than protobuf-es. */
function checkMembers(value: object): void {
  for (const inner of Object.values(value) as unknown[]) {
    if (typeof inner === "object") {
      if (inner !== null && !Array.isArray(inner) && !isPlainObject(inner)) throw UNUSUAL;
      // An array with holes has fewer values than items.
      if (Array.isArray(inner) && Object.values(inner).length !== inner.length) throw UNUSUAL;
      if (inner !== null) checkMembers(inner);
    } else if (typeof inner === "number" ? !Number.isFinite(inner) : !isTextOrBoolean(inner)) {
      throw UNUSUAL;
    }
  }
}

function isTextOrBoolean(value: unknown): boolean {
  return typeof value === "string" || typeof value === "boolean";
}

/** Objects of a class may have a text of their own. */
function isPlainObject(value: unknown): value is object {
  return typeof value === "object" && value !== null && Object.getPrototypeOf(value) === Object.prototype;
}

/** Infinity and NaN have no number in JSON. */
export function numberText(value: unknown): string {
  if (typeof value !== "number" || !Number.isFinite(value)) throw UNUSUAL;
  return `${value}`;
}
