/** ListUserChanges: the history of a user in ZITADEL's event types. */
import type { MessageInitShape } from "@bufbuild/protobuf";
import type { ChangeQuery, ChangeSchema } from "@zitadel/proto/zitadel/change_pb.js";
import type { PersonChange, UserEvent } from "../../../domain/event.ts";
import type { EventQuery, Operations, RecordedEvent, UserView } from "../../../service/operations/operations.ts";
import { toTimestamp } from "../../../service/times.ts";
import type { ZitadelCall } from "../wire/handler.ts";
import { MACHINE_NAMESPACE } from "./person-attributes.ts";

/** The most changes of one answer; a request for all is a request for this many. */
const CHANGES_MAX = 1000;

/** ZITADEL's event types with its English texts. */
export const EVENT_TEXTS = {
  "user.locked": "User locked",
  "user.unlocked": "User unlocked",
  "user.deactivated": "User deactivated",
  "user.reactivated": "User reactivated",
  "user.removed": "User removed",
  "user.human.added": "Person added",
  "user.human.profile.changed": "User profile changed",
  "user.human.email.changed": "Email address changed",
  "user.human.phone.changed": "Phone number changed",
  "user.username.changed": "Username changed",
  "user.machine.added": "Technical user added",
  "user.machine.changed": "Technical user changed",
  "user.human.signed.out": "User signed out",
} as const;
export type EventType = keyof typeof EVENT_TEXTS;

type ChangeInit = MessageInitShape<typeof ChangeSchema>;

/** The query about one user's history. */
export interface ChangesRequest {
  readonly userId: string;
  readonly query?: Pick<ChangeQuery, "sequence" | "limit" | "asc"> | undefined;
}

/** Returns the changes of a user in one organization; none if there is no such user. */
export async function listUserChanges(
  operations: Operations,
  { userId, query }: ChangesRequest,
  organizationId: string,
  call: Pick<ZitadelCall, "signal" | "pass">,
): Promise<ChangeInit[]> {
  const { sequence = 0n, limit = 0, asc = false } = query ?? {};
  const wanted = limit === 0 ? CHANGES_MAX : Math.min(limit, CHANGES_MAX);
  // The history of a deleted user is shown too. One of another organization is not looked at: that would take its time.
  const sight = { scope: organizationId, showDeleted: true };
  const view = await operations.readUser(userId, sight);
  if (view === undefined) return [];
  const isMachine = isMachineView(view);
  const changes: ChangeInit[] = [];
  let after: string | undefined;
  do {
    if (after !== undefined) await call.pass();
    const part: EventQuery = {
      userId,
      order: asc ? "oldest_first" : "newest_first",
      pageSize: CHANGES_MAX,
      ...(after === undefined ? {} : { after }),
    };
    const page = await operations.listUserEvents(part, sight, { signal: call.signal });
    for (const recorded of page.items) {
      const isNewer = BigInt(recorded.sequence) > sequence;
      // Newest first: all that follow are older.
      if (!isNewer && !asc) return changes;
      if (!isNewer) continue;
      changes.push(toChange(recorded, isMachine));
      if (changes.length === wanted) return changes;
    }
    after = page.next;
  } while (after !== undefined);
  return changes;
}

/** Returns whether a user is a machine. A machine stays one; of deleted users the kind is unknown. */
export function isMachineView({ user }: Pick<UserView, "user">): boolean {
  return Object.hasOwn(user.person.attributes, MACHINE_NAMESPACE);
}

function toChange({ event, sequence, organizationId }: RecordedEvent, isMachine: boolean): ChangeInit {
  const type = eventTypeOf(event as UserEvent, isMachine);
  return {
    changeDate: toTimestamp(event.time),
    eventType: { key: `EventTypes.${type}`, localizedMessage: EVENT_TEXTS[type] },
    sequence: BigInt(sequence),
    editorId: event.actor,
    resourceOwnerId: organizationId ?? "",
  };
}

/** Returns ZITADEL's type for one of our events. A ban is shown as the lock that it resembles. */
export function eventTypeOf(event: UserEvent, isMachine: boolean): EventType {
  switch (event.type) {
    case "UserCreated":
      return addedType(event.data, isMachine);
    case "UserImported":
      return event.data.created ? addedType(event.data, isMachine) : changedType(event.data, isMachine);
    case "UserUpdated":
      return changedType(event.data, isMachine);
    case "EventRedacted":
      return isMachine ? "user.machine.changed" : "user.human.profile.changed";
    case "UserDeleted":
      return "user.removed";
    case "UserLocked":
    case "UserBanned":
      return "user.locked";
    case "UserUnlocked":
    case "UserUnbanned":
      return "user.unlocked";
    case "UserDeactivated":
      return "user.deactivated";
    case "UserReactivated":
      return "user.reactivated";
    case "UserSessionsRevoked":
    case "SessionRevoked":
      return "user.human.signed.out";
    case "RestrictionStarted":
      return event.data.kind === "DEACTIVATION" ? "user.deactivated" : "user.locked";
    case "RestrictionExpired":
      return event.data.kind === "DEACTIVATION" ? "user.reactivated" : "user.unlocked";
    default:
      return event satisfies never;
  }
}

function addedType({ set }: PersonChange, isMachine: boolean): EventType {
  return isMachine || set.includes(`attributes.${MACHINE_NAMESPACE}`) ? "user.machine.added" : "user.human.added";
}

/** One of our events may change several things; the most specific type is shown. */
function changedType({ set, cleared, emailVerified }: PersonChange, isMachine: boolean): EventType {
  const names = new Set([...set, ...cleared]);
  if (names.has("profile.username")) return "user.username.changed";
  if (isMachine) return "user.machine.changed";
  if (names.has("profile.email") || emailVerified !== undefined) return "user.human.email.changed";
  return names.has("profile.phone") ? "user.human.phone.changed" : "user.human.profile.changed";
}
