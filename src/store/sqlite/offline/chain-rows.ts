/** The log of a SQLite database, for its verification. */
import type { Database } from "better-sqlite3";
import type { ChainSource } from "../../log/verify-chain.ts";
import { toChainEvent, toChainLink } from "../../rows/chain-rows.ts";
import type { EventRow } from "../../rows/rows.ts";
import type { LinkTable, LogHeadTable } from "../../rows/schema.ts";

/** Returns the log up to its current head. Throws when the log has no head. */
export function chainOf(database: Database): ChainSource {
  const head = database.prepare<[], LogHeadTable>("SELECT * FROM log_head").get();
  if (head === undefined) throw new Error("the log has no head");
  const events = database.prepare<[number, number, number], EventRow>(
    `SELECT e.*, p.personal FROM events e LEFT JOIN event_private p ON p.position = e.position
      WHERE e.position > ? AND e.position <= ? ORDER BY e.position LIMIT ?`,
  );
  const links = database.prepare<[number, number, number], LinkTable>(
    "SELECT * FROM links WHERE last_position > ? AND last_position <= ? ORDER BY last_position LIMIT ?",
  );
  // Commits may go on and move the head; in one statement all counts are of the same moment.
  const strays = database
    .prepare<[], number>(
      `SELECT (SELECT max(position) FROM events) > position OR (SELECT min(position) FROM events) < 1
        OR (SELECT max(last_position) FROM links) > position FROM log_head`,
    )
    .pluck();
  return {
    head,
    events: (after, limit) => events.all(after, head.position, limit).map(toChainEvent),
    links: (after, limit) => links.all(after, head.position, limit).map(toChainLink),
    hasStrays: () => strays.get() === 1,
  };
}
