/** Rebuilds the answer to an earlier request: the resource as that request left it. */

import type { Command, ResourceOf } from "../../commands.ts";
import { readUserRows } from "../../commit/working-set.ts";
import { replayApiKey, replayOrganization, replayUser } from "../../log/replay.ts";
import type { RecordedEvent } from "../../queries.ts";
import { toApiKey, toOrganization, toRecordedEvent } from "../rows.ts";
import type { HotStatements } from "./hot-statements.ts";

/** `position`: of the resource's last event when the request was answered. */
export function readAnswer(
  statements: HotStatements,
  command: Command,
  resourceId: string,
  position: number,
): ResourceOf<Command> {
  const events = (): readonly RecordedEvent[] => readEventsUpTo(statements, position);
  switch (command.type) {
    case "CreateOrganization":
    case "UpdateOrganization": {
      const row = statements.readOrganization.get(resourceId);
      return row?.last_position === position ? toOrganization(row) : replayOrganization(events());
    }
    case "CreateApiKey":
    case "RotateApiKey":
    case "RevokeApiKey": {
      const row = statements.readApiKey.get(resourceId);
      return row?.last_position === position ? toApiKey(row) : replayApiKey(resourceId, events());
    }
    default: {
      // Rows are what replaying gives; so where nothing came after, they are the answer.
      const rows = readUserRows(statements, resourceId);
      return rows?.lastPosition === position ? rows.user : replayUser(events());
    }
  }
}

/** The events of one resource, from its first to the one at `position`, oldest first. */
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
