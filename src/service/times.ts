/** Converts instants and durations of messages to milliseconds, and back. */
import type { MessageInitShape } from "@bufbuild/protobuf";
import type { Duration, DurationSchema, Timestamp, TimestampSchema } from "@bufbuild/protobuf/wkt";
import { invalidField } from "../domain/refusal.ts";
import { LATEST_TIME } from "../domain/restriction.ts";

/** The longest google.protobuf.Duration, about 10,000 years; longer ones have no JSON form. */
const DURATION_SECONDS_MAX = 315_576_000_000n;
/** 0001-01-01T00:00:00Z, the earliest google.protobuf.Timestamp. */
const EARLIEST_SECONDS = -62_135_596_800n;

/** Returns an instant in milliseconds since the epoch as a Timestamp. */
export function toTimestamp(time: number): MessageInitShape<typeof TimestampSchema> {
  const seconds = Math.floor(time / 1000);
  return { seconds: BigInt(seconds), nanos: (time - seconds * 1000) * 1_000_000 };
}

export function toDuration(durationMs: number): MessageInitShape<typeof DurationSchema> {
  const seconds = Math.floor(durationMs / 1000);
  return { seconds: BigInt(seconds), nanos: (durationMs - seconds * 1000) * 1_000_000 };
}

/** Returns milliseconds since the epoch. Throws FIELD_INVALID for an invalid instant and after year 9999. */
export function toTime(timestamp: Timestamp, field: string, round: "up" | "down"): number {
  const { seconds, nanos } = timestamp;
  if (nanos < 0 || nanos > 999_999_999) throw invalidField(field, `nanos are ${nanos}; 0 to 999999999 are allowed`);
  const latestSeconds = BigInt(Math.floor(LATEST_TIME / 1000));
  if (seconds > latestSeconds || seconds < EARLIEST_SECONDS) {
    throw invalidField(
      field,
      `${seconds} seconds since 1970 is not allowed; it must lie between 0001-01-01T00:00:00Z and 9999-12-31T23:59:59.999Z`,
    );
  }
  const ms = nanos / 1e6;
  // An instant after the last millisecond of year 9999 counts as that millisecond, not as year 10000.
  return Math.min(Number(seconds) * 1000 + (round === "up" ? Math.ceil(ms) : Math.floor(ms)), LATEST_TIME);
}

/** Returns milliseconds, rounded up. Throws FIELD_INVALID for an invalid duration and beyond 10,000 years. */
export function toDurationMs({ seconds, nanos }: Duration, field: string): number {
  if (nanos < -999_999_999 || nanos > 999_999_999 || (seconds > 0n && nanos < 0) || (seconds < 0n && nanos > 0)) {
    throw invalidField(
      field,
      `nanos are ${nanos} with ${seconds} seconds; they need the same sign and less than a second`,
    );
  }
  if (seconds > DURATION_SECONDS_MAX || seconds < -DURATION_SECONDS_MAX) {
    throw invalidField(field, `${seconds}s is not allowed; it must not be longer than 10,000 years`);
  }
  return Number(seconds) * 1000 + Math.ceil(nanos / 1e6);
}
