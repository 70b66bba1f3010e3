/** The condition that hides erased values, for queries that Kysely builds. A start does not load Kysely, so it stands here. */
import { type SqlBool, sql } from "kysely";
import { personalIsShown } from "../../rows/erasure-rows.ts";

/** The personal values of an event may be shown, in a query that joins `event_private` to `events`. */
export const PERSONAL_IS_SHOWN = sql<SqlBool>`${sql.raw(personalIsShown("events"))}`;
