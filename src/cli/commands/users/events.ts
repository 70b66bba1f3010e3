/** `lockkeeper users events`: shows what happened to a user, who did it, and over which protocol. */
import { ENUMS } from "../../../../gen/lockkeeper/contract.ts";
import type { Event } from "../../../../gen/lockkeeper/event/v1/event_pb.ts";
import type { EventOrder } from "../../../../gen/lockkeeper/user/v1/user_service_pb.ts";
import { defineCommand } from "../../frame/command.ts";
import { toggle, word } from "../../frame/flag.ts";
import type { TimeText, View } from "../../frame/output.ts";
import { ActorNames } from "../actor-names.ts";
import { LIST_FLAGS, printList } from "../list-flags.ts";
import { KINDS, nameOf } from "../words.ts";

const ORDER = ENUMS["lockkeeper.user.v1.EventOrder"];

function eventView(names: ActorNames): View<Event> {
  return {
    columns: ["SEQUENCE", "TIME", "EVENT", "BY", "VIA", "WHAT", "NOTE", { title: "REQUEST", wide: true }],
    row: (event, time) => [
      String(event.sequence),
      time(event.time),
      typeOf(event),
      names.shown(event.actor),
      event.via,
      whatOf(event, time),
      event.note,
      event.requestId,
    ],
    name: ({ sequence }) => String(sequence),
  };
}

/** Returns `until 2030-01-31T18:00:00Z`; with relative times `ends in 2h` or `ended 2h ago`. */
function untilText(shown: string): string {
  if (shown.endsWith(" ago")) return `ended ${shown}`;
  return shown.startsWith("in ") ? `ends ${shown}` : `until ${shown}`;
}

/** `userLocked` → `UserLocked`. */
function typeOf({ payload }: Event): string {
  const name = payload.case ?? "unknown";
  return name.charAt(0).toUpperCase() + name.slice(1);
}

function whatOf({ payload }: Event, time: TimeText): string {
  switch (payload.case) {
    case "userLocked":
    case "userBanned":
    case "userDeactivated": {
      const { restriction, sessionsRevoked } = payload.value;
      const until = restriction?.expireTime;
      return [
        restriction?.reasonCode ?? "",
        until === undefined ? "without end" : untilText(time(until)),
        sessionsRevoked ? "sessions ended" : "",
      ]
        .filter((part) => part !== "")
        .join(", ");
    }
    case "restrictionStarted":
    case "restrictionExpired":
      return nameOf(KINDS, payload.value.kind);
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

export const usersEvents = defineCommand({
  name: "users events",
  meaning: "show the history of a user, newest first",
  reach: "organization",
  words: { user: word("the user's id") },
  flags: { "oldest-first": toggle("list the oldest first"), deleted: toggle("include deleted users"), ...LIST_FLAGS },
  examples: [
    ["users events alice --limit 10", "the last ten"],
    ["users events alice --oldest-first --all --json", "everything, one JSON object per line"],
  ],
  async run(given, context) {
    const { client, organizationId, output } = context;
    const names = new ActorNames(context);
    const order: EventOrder = given["oldest-first"] ? ORDER.OLDEST_FIRST : ORDER.NEWEST_FIRST;
    const request = {
      userId: given.user,
      organizationId,
      showDeleted: given.deleted,
      order,
    };
    return printList(given, {
      output,
      view: eventView(names),
      readPage: async (page) => {
        const { events: items, nextPageToken } = await (await client("users")).listUserEvents({ ...request, ...page });
        await names.learn(items.map(({ actor }) => actor));
        return { items, nextPageToken };
      },
    });
  },
});
