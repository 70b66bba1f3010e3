/** `lockkeeper users events`: shows what happened to a user, who did it, and over which protocol. */
import { ENUMS } from "../../../../gen/lockkeeper/contract.ts";
import type { Event } from "../../../../gen/lockkeeper/event/v1/event_pb.ts";
import type { EventOrder } from "../../../../gen/lockkeeper/user/v1/user_service_pb.ts";
import { defineCommand } from "../../frame/command.ts";
import { toggle, word } from "../../frame/flag.ts";
import type { View } from "../../frame/output.ts";
import { ActorNames } from "../actor-names.ts";
import { eventTypeOf, whatOf } from "../event-view.ts";
import { LIST_FLAGS, printList } from "../list-flags.ts";

const ORDER = ENUMS["lockkeeper.user.v1.EventOrder"];

function eventView(names: ActorNames): View<Event> {
  return {
    columns: ["SEQUENCE", "TIME", "EVENT", "BY", "VIA", "WHAT", "NOTE", { title: "REQUEST", wide: true }],
    row: (event, time) => [
      String(event.sequence),
      time(event.time),
      eventTypeOf(event),
      names.shown(event.actor),
      event.via,
      whatOf(event, time),
      event.note,
      event.requestId,
    ],
    name: ({ sequence }) => String(sequence),
  };
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
