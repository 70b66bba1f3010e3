/** Events with their personal values, for queries that Kysely builds: what is erased never comes with them. */
import { type SqlBool, sql } from "kysely";
import { personalIsShown } from "../../rows/erasure-rows.ts";
import type { ListQueries } from "../list-queries.ts";

/** The personal values of an event may be shown, in a query that joins `event_private` to `events`. */
export const PERSONAL_IS_SHOWN = sql<SqlBool>`${sql.raw(personalIsShown("events"))}`;

/** Begins a query of all columns of events and the personal values that may be shown. */
export function selectEventsShown({ build }: ListQueries) {
  return build
    .selectFrom("events")
    .leftJoin("event_private", (join) =>
      join.onRef("event_private.position", "=", "events.position").on(PERSONAL_IS_SHOWN),
    )
    .selectAll("events")
    .select("event_private.personal");
}
