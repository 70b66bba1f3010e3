/** Filters of events between the address, the form and the feed. */
import { EventSchema } from "../../../../gen/lockkeeper/event/v1/event_pb.ts";
import { INITIATORS, type Interest } from "../../live/interest.ts";

/** What the address may have. An empty text: any. */
export const FILTER_NAMES = ["type", "by", "user", "organization", "actor", "from", "before"] as const;
export type EventFilter = Readonly<Record<(typeof FILTER_NAMES)[number], string>>;

/** The types that the contract has, such as `UserLocked`. */
export const EVENT_TYPES: readonly string[] = (EventSchema.oneofs[0]?.fields ?? []).map(
  ({ localName }) => localName.charAt(0).toUpperCase() + localName.slice(1),
);

/** Types that people look for together. */
export const TYPE_GROUPS = {
  restrictions: [
    "UserLocked",
    "UserUnlocked",
    "UserBanned",
    "UserUnbanned",
    "UserDeactivated",
    "UserReactivated",
    "RestrictionStarted",
    "RestrictionExpired",
  ],
  sessions: ["UserSessionsRevoked", "SessionRevoked"],
  accounts: ["UserCreated", "UserImported", "UserUpdated", "UserDeleted"],
  erasures: ["EventRedacted", "UserDeleted"],
  organizations: ["OrganizationCreated", "OrganizationUpdated"],
  keys: ["ApiKeyCreated", "ApiKeyRotated", "ApiKeyRevoked"],
  policies: ["PolicyUpdated", "PolicyReset"],
} as const;
export type TypeGroup = keyof typeof TYPE_GROUPS;

/** Returns the filter of an address; what is not one is left out. */
export function filterIn(address: URLSearchParams): EventFilter {
  const [type, by] = [address.get("type") ?? "", address.get("by") ?? ""];
  const timeIn = (name: string): string =>
    Number.isNaN(Date.parse(address.get(name) ?? "")) ? "" : (address.get(name) ?? "");
  return {
    type: type in TYPE_GROUPS || EVENT_TYPES.includes(type) ? type : "",
    by: INITIATORS.some((each) => each === by) ? by : "",
    user: address.get("user") ?? "",
    organization: address.get("organization") ?? "",
    actor: address.get("actor") ?? "",
    from: timeIn("from"),
    before: timeIn("before"),
  };
}

/** Returns what the address has of a filter. */
export function addressOf(filter: Partial<EventFilter>): Record<string, string> {
  return Object.fromEntries(Object.entries(filter).filter(([, value]) => value !== ""));
}

/** Returns the events that a filter means. */
export function interestOf({ type, by, user, organization, actor, from, before }: EventFilter): Interest {
  const group: readonly string[] | undefined = TYPE_GROUPS[type as TypeGroup];
  return {
    ...(type !== "" && { types: group ?? [type] }),
    ...(by !== "" && { initiator: by }),
    ...(user !== "" && { user }),
    ...(organization !== "" && { organization }),
    ...(actor !== "" && { actor }),
    ...(from !== "" && { from: Date.parse(from) }),
    ...(before !== "" && { before: Date.parse(before) }),
  };
}
