/** Turns a requested start and expiry into the interval in which a restriction holds. */
import type { Expiry } from "./command.ts";
import { type Refusal, refuseField } from "./refusal.ts";
import { LATEST_TIME } from "./restriction.ts";

/** `[startTime, expireTime)` in milliseconds since the epoch; `null`: no end. */
export type Interval =
  | { readonly ok: true; readonly startTime: number; readonly expireTime: number | null }
  | { readonly ok: false; readonly refusal: Refusal };

interface IntervalContext {
  readonly now: number;
  /** What `default` means, counted from the start; `null`: never. */
  readonly defaultMs: number | null;
  /** A start in the past is allowed (imports). */
  readonly allowPastStart?: boolean;
  /** Prefix of the field names in refusals, for example `users[3].restrictions[0].`. */
  readonly fieldPrefix?: string;
}

/** A start that is at most this much before now counts as now. */
const START_LATE_MS_MAX = 10_000;

/** Refuses what is zero, negative, in the past or after the latest instant: none of these means "forever". */
export function resolveInterval(expiry: Expiry, start: number | undefined, context: IntervalContext): Interval {
  const { now, defaultMs, allowPastStart = false, fieldPrefix = "" } = context;
  const bad = (field: string, description: string): Interval => ({
    ok: false,
    refusal: refuseField(fieldPrefix + field, description),
  });
  // A caller's "now" arrives a little later and comes from another clock.
  const isNow = start !== undefined && !allowPastStart && start < now && start >= now - START_LATE_MS_MAX;
  const startTime = start === undefined || isNow ? now : start;
  if (startTime < now && !allowPastStart) {
    return bad("start_time", `${iso(startTime)} lies in the past, the time here is ${iso(now)}; omit it to start now`);
  }
  if (!(startTime < LATEST_TIME)) return bad("start_time", `must be earlier than ${iso(LATEST_TIME)}`);
  switch (expiry.kind) {
    case "never":
      return { ok: true, startTime, expireTime: null };
    case "at":
      if (!(expiry.time > startTime)) {
        return bad("expire_time", `${iso(expiry.time)} must be later than the start, ${iso(startTime)}`);
      }
      if (expiry.time <= now && !allowPastStart) {
        return bad("expire_time", `${iso(expiry.time)} lies in the past, the time here is ${iso(now)}`);
      }
      if (expiry.time > LATEST_TIME) return bad("expire_time", `must not be later than ${iso(LATEST_TIME)}`);
      return { ok: true, startTime, expireTime: expiry.time };
    case "for":
      if (!(expiry.durationMs > 0)) {
        return bad("duration", `${expiry.durationMs / 1000}s is not allowed; it must be longer than 0s`);
      }
      if (startTime + expiry.durationMs > LATEST_TIME) {
        return bad(
          "duration",
          `${expiry.durationMs / 1000}s from ${iso(startTime)} ends later than ${iso(LATEST_TIME)}; use never`,
        );
      }
      return { ok: true, startTime, expireTime: startTime + expiry.durationMs };
    case "default":
      return {
        ok: true,
        startTime,
        expireTime: defaultMs === null ? null : Math.min(startTime + defaultMs, LATEST_TIME),
      };
    default:
      return expiry satisfies never;
  }
}

function iso(time: number): string {
  const date = new Date(time);
  return Number.isNaN(date.getTime()) ? `${time} ms` : date.toISOString();
}
