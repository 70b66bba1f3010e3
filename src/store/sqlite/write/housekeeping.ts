/** What the sweeper looks for in the database, and what it deletes because it is too old to count. */
import { ATTEMPT_KEPT_MS } from "../../../domain/attempt.ts";
import { REQUEST_KEPT_MS } from "../../commit/batch.ts";
import type { Limits } from "../../limits.ts";
import { Sweeper, type SweeperOptions } from "../../upkeep/sweeper.ts";
import { toDueCounter } from "../attempt-rows.ts";
import type { HotStatements } from "./hot-statements.ts";
import type { LiveConnection } from "./live-connection.ts";

export interface HousekeepingOptions extends Pick<SweeperOptions, "intervalMs" | "execute" | "onTrouble"> {
  readonly connection: LiveConnection;
  readonly statements: HotStatements;
  /** The store's clock, in milliseconds since the epoch. */
  readonly now: () => number;
  readonly limits: Limits;
}

/** Returns a sweeper that runs from now on. */
export function createSweeper({ connection, statements, now, limits, ...options }: HousekeepingOptions): Sweeper {
  const shadows = (limit: number) => ({ now: now(), max: limits.shadowsMax, limit });
  return new Sweeper({
    ...options,
    usersMax: limits.sweepUsers,
    findDue: (limit) => connection.read(() => statements.findDue.all(now(), limit)),
    findDueCounters: (limit) => connection.read(() => statements.findDueCounters.all(now(), limit)).map(toDueCounter),
    deleteOld: [
      (limit) => connection.delete(statements.deleteOldRequests, [limit, now() - REQUEST_KEPT_MS]),
      (limit) => connection.delete(statements.deleteOldSessions, [now(), limit]),
      (limit) => connection.delete(statements.deleteOldAttempts, [now() - ATTEMPT_KEPT_MS, limit]),
      (limit) => connection.delete(statements.deleteKeptShadows, [shadows(limit)]),
      (limit) => connection.delete(statements.deleteRestedShadows, [shadows(limit)]),
    ],
  });
}
