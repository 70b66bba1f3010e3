/** Events of any kind as a table, and what it shows of each: its type, and what it changed. */
import type { Event } from "../../../gen/lockkeeper/event/v1/event_pb.ts";
import type { TimeText, View } from "../frame/output.ts";
import type { ActorNames } from "./actor-names.ts";
import { KINDS, nameOf } from "./words.ts";

/** Returns the table of a list with events of any kind. */
export function eventView(names: ActorNames): View<Event> {
  return {
    columns: [
      "TIME",
      "EVENT",
      "OF",
      "BY",
      "VIA",
      "WHAT",
      "NOTE",
      { title: "ORGANIZATION", wide: true },
      { title: "REQUEST", wide: true },
      { title: "CURSOR", wide: true },
    ],
    row: (event, time) => [
      time(event.recordTime),
      eventTypeOf(event),
      subjectOf(event),
      names.shown(event.actor),
      event.via,
      whatOf(event, time),
      event.note,
      event.organizationId,
      event.requestId,
      event.cursor,
    ],
    name: ({ cursor }) => cursor,
  };
}

/** Returns the id of what changed; a policy has that of its organization, and the instance none. */
function subjectOf({ userId, apiKeyId, organizationId }: Event): string {
  return userId || apiKeyId || organizationId;
}

/** Returns `until 2030-01-31T18:00:00Z`; with relative times `ends in 2h` or `ended 2h ago`. */
function untilText(shown: string): string {
  if (shown.endsWith(" ago")) return `ended ${shown}`;
  return shown.startsWith("in ") ? `ends ${shown}` : `until ${shown}`;
}

/** `userLocked` → `UserLocked`. */
export function eventTypeOf({ payload }: Event): string {
  const name = payload.case ?? "unknown";
  return name.charAt(0).toUpperCase() + name.slice(1);
}

/** Joins the parts that are not empty. */
function listText(parts: readonly string[]): string {
  return parts.filter((part) => part !== "").join(", ");
}

/** Returns what an event changed, in a few words. */
export function whatOf({ payload }: Event, time: TimeText): string {
  switch (payload.case) {
    case "userLocked":
    case "userBanned":
    case "userDeactivated": {
      const { restriction, sessionsRevoked } = payload.value;
      const until = restriction?.expireTime;
      return listText([
        restriction?.reasonCode ?? "",
        until === undefined ? "without end" : untilText(time(until)),
        sessionsRevoked ? "sessions ended" : "",
      ]);
    }
    case "restrictionStarted":
    case "restrictionExpired":
      return nameOf(KINDS, payload.value.kind);
    case "eventRedacted": {
      const { sequence, fields, reasonCode } = payload.value;
      return listText([`event ${sequence}`, ...fields, reasonCode]);
    }
    case "userDeleted":
      return listText([payload.value.reasonCode, payload.value.erased ? "personal values erased" : ""]);
    case "sessionRevoked":
      return payload.value.sessionId;
    case "userImported":
      return payload.value.created ? "created" : "changed";
    case undefined:
      return "";
    default:
      if ("change" in payload.value) {
        return [...(payload.value.change?.setFields ?? []), ...(payload.value.change?.clearedFields ?? [])].join(", ");
      }
      return "reasonCode" in payload.value ? payload.value.reasonCode : "";
  }
}
