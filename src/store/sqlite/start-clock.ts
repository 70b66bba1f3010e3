/** Refuses to start with a clock that is behind the newest record. */
import type { Database } from "better-sqlite3";
import { JUMP_MS } from "../upkeep/steady-clock.ts";

export interface StartClockOptions {
  /** Milliseconds since the epoch. */
  readonly clock: () => number;
  /** Starts anyway; time stands still until the clock reaches the newest record. */
  readonly allowClockBehind?: boolean;
}

/** Throws one plain sentence when the clock is more than 60 s behind the newest record. */
export function assertClock(database: Database, { clock, allowClockBehind = false }: StartClockOptions): void {
  const recordTime = Number(database.prepare("SELECT record_time FROM log_head").pluck().get());
  const behindMs = recordTime - clock();
  if (allowClockBehind || behindMs <= JUMP_MS) return;
  throw new Error(
    `the clock says ${new Date(clock()).toISOString()}, but the newest record is of ${new Date(recordTime).toISOString()}: it is ${Math.round(behindMs / 1000)} s behind, at most ${JUMP_MS / 1000} s are allowed; set the clock`,
  );
}
