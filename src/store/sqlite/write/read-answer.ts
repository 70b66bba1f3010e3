/** Reads users and their events by key, and rebuilds the answers to earlier requests. */

import type { User } from "../../../domain/user.ts";
import type { Command, ResourceOf } from "../../commands.ts";
import type { Kind } from "../../commit/entries.ts";
import { replayApiKey, replayOrganization, replayUser } from "../../log/replay.ts";
import type { RecordedEvent } from "../../queries.ts";
import { toUser } from "../../rows/narrow-rows.ts";
import { toApiKey, toOrganization, toRecordedEvent } from "../../rows/rows.ts";
import type { HotStatements } from "./hot-statements.ts";

/**
 * Rebuilds the answer to an earlier request: the resource as that request left it. `position`: of the resource's last
 * event when the request was answered.
 */
export function readAnswer(
  statements: HotStatements,
  kind: Kind,
  resourceId: string,
  position: number,
): ResourceOf<Command> {
  const events = (): readonly RecordedEvent[] => readEventsUpTo(statements, position);
  // Rows equal the replayed events, so without a later event they are the answer.
  if (kind === "organization") {
    const row = statements.readOrganization.get(resourceId);
    return row?.last_position === position ? toOrganization(row) : replayOrganization(events());
  }
  if (kind === "apiKey") {
    const row = statements.readApiKey.get(resourceId);
    return row?.last_position === position ? toApiKey(row) : replayApiKey(resourceId, events());
  }
  const rows = readUserRows(statements, resourceId);
  return rows?.lastPosition === position ? rows.user : replayUser(events());
}

/** Reads a user as its rows have it: restrictions that are due are not settled yet. */
export function readUserRows(
  statements: HotStatements,
  id: string,
): { readonly user: User; readonly lastPosition: number } | undefined {
  const row = statements.readUser.get(id);
  return row && { user: toUser(row), lastPosition: row[7] };
}

/** Returns the events of one resource from its first to the one at `position`, oldest first. */
export function readEventsUpTo(statements: HotStatements, position: number | null): readonly RecordedEvent[] {
  const events: RecordedEvent[] = [];
  for (let next = position; next !== null; ) {
    const row = statements.readEvent.get(next);
    if (row === undefined) throw new Error(`the log has a gap: there is no event at the position ${next}`);
    events.push(toRecordedEvent(row));
    next = row.previous_position;
  }
  return events.reverse();
}
