/** EventService: the feed of all events. Message → operation → message. */
import { create } from "@bufbuild/protobuf";
import type { Event } from "../../../gen/lockkeeper/event/v1/event_pb.ts";
import * as pb from "../../../gen/lockkeeper/event/v1/event_service_pb.ts";
import { narrow } from "../../domain/event-filter.ts";
import { parseEventFilter } from "../../domain/event-filter-text.ts";
import type { ListedEvent } from "../../store/queries.ts";
import type { ServiceHandlers } from "../call.ts";
import { Feed, type FeedOptions } from "../feed/feed.ts";
import type { ToMessage } from "../feed/hub.ts";
import { mapInTurns } from "../in-turns.ts";
import { listScope, pageOf } from "../operations/caller.ts";
import type { EventOperations, EventsQuery } from "../operations/events.ts";
import { toEventMessage } from "./message/event-message.ts";
import { toDetails } from "./message/user-message.ts";
import { termsOf, toEventSequence, toSequence } from "./request.ts";

/** The handlers of lockkeeper.event.v1.EventService. */
export function eventHandlers(
  operations: EventOperations,
  parts: Omit<FeedOptions<never>, "createMessages">,
): ServiceHandlers<typeof pb.EventService> {
  const feed = new Feed<pb.WatchEventsResponse>({ ...parts, createMessages: createWatchMessages });
  return {
    async listEvents(request, call) {
      const { actor } = call.admission;
      const isForward = request.order === pb.EventOrder.OLDEST_FIRST;
      const query: EventsQuery = {
        scope: listScope(actor, request.organizationId),
        filter: parseEventFilter(request.filter),
        order: isForward ? "oldest_first" : "newest_first",
        cursor: request.cursor === "" ? undefined : request.cursor,
        ...pageOf(request),
      };
      const page = await operations.listEvents(query, { signal: call.signal });
      const visibility = { seesPersonal: actor.permissions.has("user.read") };
      return create(pb.ListEventsResponseSchema, {
        events: await mapInTurns(page.items, call, (listed) => toEventMessage(listed, visibility)),
        nextPageToken: page.next ?? "",
        cursor: isForward ? page.cursor : "",
      });
    },

    watchEvents(request, call) {
      const { actor } = call.admission;
      const organizationId = listScope(actor, request.organizationId);
      const asked = parseEventFilter(request.filter);
      const filter = organizationId === null ? asked : narrow(asked, "organization", [organizationId]);
      const view = { filter, seesPersonal: actor.permissions.has("user.read") };
      return feed.watch(view, request.cursor === "" ? undefined : request.cursor, call);
    },

    async redactEvent(request, call) {
      const { userId, fields, reasonCode, note } = request;
      const expectedSequence = toSequence(request.expectedSequence);
      const redaction = {
        ...{ userId, fields, reasonCode, note },
        eventSequence: toEventSequence(request.sequence),
        ...(expectedSequence === undefined ? {} : { expectedSequence }),
      };
      const user = await operations.redactEvent(redaction, call, termsOf(call, request));
      return create(pb.RedactEventResponseSchema, { details: toDetails(user.state) });
    },
  };
}

/** Returns a function that makes the message of an event once, for all views that show the same of it. */
function createWatchMessages(): ToMessage<pb.WatchEventsResponse> {
  const made = { all: new WeakMap<ListedEvent, Event>(), some: new WeakMap<ListedEvent, Event>() } as const;
  return (events, cursor, view) => {
    const known = view.seesPersonal ? made.all : made.some;
    const messages = events.map((event) => {
      const message = known.get(event) ?? toEventMessage(event, view);
      known.set(event, message);
      return message;
    });
    return create(pb.WatchEventsResponseSchema, { events: messages, cursor });
  };
}
