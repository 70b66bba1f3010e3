/** `lockkeeper events list`: lists what happened to users, keys, policies and organizations. */
import { ENUMS } from "../../../../gen/lockkeeper/contract.ts";
import type { EventOrder } from "../../../../gen/lockkeeper/event/v1/event_service_pb.ts";
import { defineCommand } from "../../frame/command.ts";
import { text, toggle } from "../../frame/flag.ts";
import { ActorNames } from "../actor-names.ts";
import { eventView } from "../event-view.ts";
import { LIST_FLAGS, printList } from "../list-flags.ts";

const ORDER = ENUMS["lockkeeper.event.v1.EventOrder"];

export const eventsList = defineCommand({
  name: "events list",
  meaning: "list what happened to users, keys, policies and organizations, newest first",
  reach: "organization",
  words: {},
  flags: {
    filter: text("FILTER", "only events that match, such as 'type=UserLocked AND user=alice'"),
    after: text("CURSOR", "only events after this cursor"),
    "oldest-first": toggle("list the oldest first"),
    ...LIST_FLAGS,
  },
  examples: [
    ["events list --filter '(type=UserBanned OR type=UserUnbanned)'", "bans and their ends, and who made them"],
    [
      "events list --filter 'time>=2030-01-31T00:00:00Z' --oldest-first --all --json",
      "all since a date, one JSON object per line",
    ],
  ],
  async run(given, context) {
    const { client, organizationId, output } = context;
    const names = new ActorNames(context);
    const order: EventOrder = given["oldest-first"] ? ORDER.OLDEST_FIRST : ORDER.NEWEST_FIRST;
    const request = { organizationId, filter: given.filter ?? "", cursor: given.after ?? "", order };
    return printList(given, {
      output,
      view: eventView(names),
      readPage: async (page) => {
        const { events: items, nextPageToken } = await (await client("events")).listEvents({ ...request, ...page });
        await names.learn(items.map(({ actor }) => actor));
        return { items, nextPageToken };
      },
    });
  },
});
