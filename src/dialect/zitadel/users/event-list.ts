/** ListEvents of admin v1: the events of all users, newest or oldest first, by the feed that ListEvents of ours reads. */
import type { MessageInitShape } from "@bufbuild/protobuf";
import { Code } from "@connectrpc/connect";
import type { ListEventsRequest } from "@zitadel/proto/zitadel/admin_pb.js";
import type { EventSchema } from "@zitadel/proto/zitadel/event_pb.js";
import type { UserEvent, UserEventType } from "../../../domain/event.ts";
import { type ListedEvent, type LogQuery, listScope, type Operations } from "../../../service/operations/operations.ts";
import { toTime, toTimestamp } from "../../../service/times.ts";
import { type KnownError, toError } from "../wire/error.ts";
import type { ZitadelCall } from "../wire/handler.ts";
import { EVENT_TEXTS, type EventType, eventTypeOf, isMachineView } from "./user-changes.ts";

/** As the original: the most of one answer, and what an answer has without a limit. */
const EVENTS_MAX = 1000;

/** The least that is read at a time: some of it may not match. */
const PAGE_MIN = 100;

/** The most pages of one answer, and how long each may search for its first event, in milliseconds: 20 s together. */
const PAGES_MAX = 100;
const SEARCH_MS = 200;

/** A short answer would look as if there were no more. */
const TOO_RARE: KnownError = {
  code: Code.FailedPrecondition,
  id: "EVENTS_TOO_RARE",
  text: "too few of the events match to find them in one call; ask by aggregate id, for a range of time or with a lower limit",
};

/** How many users are read at a time, for what they are. */
const USERS_AT_ONCE = 100;

/** The caller may see the events of these users, deleted ones too, and so whether they are machines. */
const LISTED_SIGHT = { scope: null, showDeleted: true } as const;

const USER_AGGREGATE = "user";

/** Our event types that each of ZITADEL's may stand for. */
const SOURCES: Readonly<Record<EventType, readonly UserEventType[]>> = {
  "user.locked": ["UserLocked", "UserBanned", "RestrictionStarted"],
  "user.unlocked": ["UserUnlocked", "UserUnbanned", "RestrictionExpired"],
  "user.deactivated": ["UserDeactivated", "RestrictionStarted"],
  "user.reactivated": ["UserReactivated", "RestrictionExpired"],
  "user.removed": ["UserDeleted"],
  "user.human.added": ["UserCreated", "UserImported"],
  "user.human.profile.changed": ["UserUpdated", "UserImported", "EventRedacted"],
  "user.human.email.changed": ["UserUpdated", "UserImported"],
  "user.human.phone.changed": ["UserUpdated", "UserImported"],
  "user.username.changed": ["UserUpdated", "UserImported"],
  "user.machine.added": ["UserCreated", "UserImported"],
  "user.machine.changed": ["UserUpdated", "UserImported", "EventRedacted"],
  "user.human.signed.out": ["UserSessionsRevoked", "SessionRevoked"],
};

/** What a request says; the original's creation date is the record time here. */
export type EventsRequest = Omit<ListEventsRequest, "$typeName" | "$unknown">;

type EventInit = MessageInitShape<typeof EventSchema>;

/** A type of an event, known for each user. */
interface TypedEvent {
  readonly listed: ListedEvent;
  readonly type: EventType;
}

/** Returns the events of users that the caller may see, without their payloads. Rejects with EVENTS_TOO_RARE. */
export async function listEvents(
  operations: Operations,
  request: EventsRequest,
  call: Pick<ZitadelCall, "admission" | "signal" | "pass">,
): Promise<EventInit[]> {
  const { limit, asc, sequence, eventTypes } = request;
  const wanted = limit === 0 ? EVENTS_MAX : Math.min(limit, EVENTS_MAX);
  const query: LogQuery = {
    scope: listScope(call.admission.actor, ""),
    filter: filterOf(request),
    order: asc ? "oldest_first" : "newest_first",
    pageSize: Math.max(wanted, PAGE_MIN),
    searchMs: SEARCH_MS,
  };
  const machines = new Map<string, boolean>();
  const events: EventInit[] = [];
  let after: string | undefined;
  for (let pages = 0; pages < PAGES_MAX; pages++) {
    if (pages > 0) await call.pass();
    const page = await operations.listEvents(after === undefined ? query : { ...query, after }, {
      signal: call.signal,
    });
    const newer = page.items.filter((listed) => BigInt(listed.sequence) > sequence);
    for (const typed of await typesOf(operations, newer, machines)) {
      if (eventTypes.length > 0 && !eventTypes.includes(typed.type)) continue;
      events.push(toEvent(typed));
      if (events.length === wanted) return events;
    }
    after = page.next;
    if (after === undefined) return events;
  }
  throw toError(TOO_RARE);
}

function filterOf(request: EventsRequest): LogQuery["filter"] {
  const { editorUserId, aggregateId, aggregateTypes, resourceOwner } = request;
  const isOfUsers = aggregateTypes.length === 0 || aggregateTypes.includes(USER_AGGREGATE);
  return {
    type: isOfUsers ? sourcesOf(request.eventTypes) : [],
    ...(aggregateId === "" ? {} : { user: [aggregateId] }),
    ...(resourceOwner === "" ? {} : { organization: [resourceOwner] }),
    ...(editorUserId === "" ? {} : { actor: [editorUserId] }),
    ...periodOf(request),
  };
}

function sourcesOf(eventTypes: readonly string[]): readonly string[] {
  const sources = Object.entries(SOURCES).filter(([type]) => eventTypes.length === 0 || eventTypes.includes(type));
  return [...new Set(sources.flatMap(([, types]) => types))].sort();
}

/** As the original: a range comes first; another instant is where the list begins, in its order. All are exclusive. */
function periodOf({
  creationDate,
  creationDateFilter,
  asc,
}: EventsRequest): Pick<LogQuery["filter"], "from" | "before"> {
  const isRange = creationDateFilter.case === "range";
  const { since, until } = isRange ? creationDateFilter.value : {};
  const start = isRange ? undefined : (creationDateFilter.value ?? creationDate);
  const from = since ?? (asc ? start : undefined);
  const before = until ?? (asc ? undefined : start);
  return {
    ...(from === undefined ? {} : { from: toTime(from, "from", "down") + 1 }),
    ...(before === undefined ? {} : { before: toTime(before, "until", "up") }),
  };
}

/** Only what is changed later depends on what the user is: creation says it. */
function dependsOnUser({ type, data }: UserEvent): boolean {
  return type === "UserUpdated" || type === "EventRedacted" || (type === "UserImported" && !data.created);
}

async function typesOf(
  operations: Operations,
  items: readonly ListedEvent[],
  machines: Map<string, boolean>,
): Promise<readonly TypedEvent[]> {
  const changed = items.filter(({ event }) => dependsOnUser(event as UserEvent)).map(({ userId }) => userId ?? "");
  const unknown = [...new Set(changed)].filter((id) => !machines.has(id));
  for (let start = 0; start < unknown.length; start += USERS_AT_ONCE) {
    const ids = unknown.slice(start, start + USERS_AT_ONCE);
    const views = await Promise.all(ids.map((id) => operations.readUser(id, LISTED_SIGHT)));
    for (const [index, id] of ids.entries()) {
      const view = views[index];
      machines.set(id, view !== undefined && isMachineView(view));
    }
  }
  return items.map((listed) => ({
    listed,
    type: eventTypeOf(listed.event as UserEvent, machines.get(listed.userId ?? "") ?? false),
  }));
}

function toEvent({ listed, type }: TypedEvent): EventInit {
  const { userId, organizationId, sequence, recordTime, event, via } = listed;
  return {
    editor: { userId: event.actor, service: via },
    aggregate: {
      id: userId ?? "",
      type: { type: USER_AGGREGATE, localized: { key: `AggregateTypes.${USER_AGGREGATE}`, localizedMessage: "User" } },
      resourceOwner: organizationId ?? "",
    },
    sequence: BigInt(sequence),
    creationDate: toTimestamp(recordTime),
    type: { type, localized: { key: `EventTypes.${type}`, localizedMessage: EVENT_TEXTS[type] } },
  };
}
