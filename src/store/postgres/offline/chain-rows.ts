/** The log of a PostgreSQL database, for its verification. */
import type { ChainLink, ChainSource } from "../../log/verify-chain.ts";
import { toChainEvent, toChainLink } from "../../rows/chain-rows.ts";
import type { EventRow } from "../../rows/rows.ts";
import type { LinkTable } from "../../rows/schema.ts";
import type { Connection } from "../connect/connection.ts";

// No join, which may read the whole other table for each slice where the planner has no statistics yet.
const READ_EVENTS = {
  name: "chain_events",
  text: `SELECT e.*, (SELECT p.personal FROM event_private p WHERE p.position = e.position) AS personal FROM events e
    WHERE e.position > $1 AND e.position <= $2 ORDER BY e.position LIMIT $3`,
};
const READ_LINKS = {
  name: "chain_links",
  text: "SELECT last_position, link FROM links WHERE last_position > $1 AND last_position <= $2 ORDER BY last_position LIMIT $3",
};
const HAS_OUTSIDE = {
  name: "chain_outside",
  text: `SELECT coalesce((SELECT max(position) FROM events) > $1, false) OR coalesce((SELECT min(position) FROM events) < 1, false)
    OR coalesce((SELECT max(last_position) FROM links) > $1, false) AS found`,
};

/** Returns the log up to a head; nobody changes it meanwhile. */
export function chainUpTo(connection: Connection, head: ChainLink): ChainSource {
  return {
    head,
    async events(after, limit) {
      return (await connection.rows<EventRow>(READ_EVENTS, [after, head.position, limit])).map(toChainEvent);
    },
    async links(after, limit) {
      const rows = await connection.rows<LinkTable>(READ_LINKS, [after, head.position, limit]);
      return rows.map(toChainLink);
    },
    async hasStrays() {
      const [answer] = await connection.rows<{ found: boolean }>(HAS_OUTSIDE, [head.position]);
      return answer?.found !== false;
    },
  };
}
