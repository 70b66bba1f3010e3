/** Which events a place of the page shows: as plain data, as the service's filter, and compared with events. */
import { timestampDate } from "@bufbuild/protobuf/wkt";
import type { Event } from "../../../gen/lockkeeper/event/v1/event_pb.ts";

/** Plain data, so that it can travel between tabs. Absent: any. */
export interface Interest {
  /** One of these, such as `UserLocked`. */
  readonly types?: readonly string[] | undefined;
  readonly user?: string | undefined;
  readonly organization?: string | undefined;
  readonly actor?: string | undefined;
  /** `ADMIN`, `POLICY`, `SYSTEM` or `PERSON`. */
  readonly initiator?: string | undefined;
  /** Recorded at or after this instant, in milliseconds since the epoch. */
  readonly from?: number | undefined;
  /** Recorded before this instant. */
  readonly before?: number | undefined;
}

/** In the order of the contract's enumeration, without its zero. */
export const INITIATORS = ["ADMIN", "POLICY", "SYSTEM", "PERSON"] as const;

/** The limits of the service's filter. */
const FILTER_CHARS_MAX = 2_000;
const COMPARISONS_MAX = 50;

/** Returns the type of an event as filters name it, such as `UserLocked`; empty for an event that this page does not know. */
export function typeOf({ payload }: Event): string {
  return payload.case === undefined ? "" : payload.case.charAt(0).toUpperCase() + payload.case.slice(1);
}

/** Returns the filter that asks the service for it. */
export function filterOf({ types, user, organization, actor, initiator, from, before }: Interest): string {
  const one = (field: string, value: string | undefined): string =>
    value === undefined ? "" : `${field}=${quoted(value)}`;
  return [
    types === undefined ? "" : anyOf("type", types),
    one("user", user),
    one("organization", organization),
    one("actor", actor),
    one("initiator", initiator),
    from === undefined ? "" : `time>=${new Date(from).toISOString()}`,
    before === undefined ? "" : `time<${new Date(before).toISOString()}`,
  ]
    .filter(Boolean)
    .join(" AND ");
}

/**
 * Returns one filter for several interests: of users as long as all are about users and the service takes so long a filter,
 * else everything that the caller may see.
 */
export function filterOfAll(interests: readonly Interest[]): string {
  const [first] = interests;
  if (interests.length === 1 && first !== undefined) return filterOf(first);
  const users = [...new Set(interests.map(({ user }) => user ?? ""))].sort();
  if (users.includes("") || users.length > COMPARISONS_MAX) return "";
  const filter = anyOf("user", users);
  return filter.length > FILTER_CHARS_MAX ? "" : filter;
}

/** Returns whether an event is of interest, as the service's filter decides it. */
export function isOf(interest: Interest, event: Event): boolean {
  const { types, user, organization, actor, initiator, from, before } = interest;
  const recorded = event.recordTime === undefined ? 0 : timestampDate(event.recordTime).getTime();
  return (
    (types === undefined || types.includes(typeOf(event))) &&
    (user === undefined || user === event.userId) &&
    (organization === undefined || organization === event.organizationId) &&
    (actor === undefined || actor === event.actor) &&
    (initiator === undefined || initiator === INITIATORS[event.initiator - 1]) &&
    recorded >= (from ?? Number.NEGATIVE_INFINITY) &&
    recorded < (before ?? Number.POSITIVE_INFINITY)
  );
}

function anyOf(field: string, values: readonly string[]): string {
  const comparisons = values.map((value) => `${field}=${quoted(value)}`);
  return comparisons.length === 1 ? comparisons.join("") : `(${comparisons.join(" OR ")})`;
}

function quoted(value: string): string {
  return `"${value.replaceAll(/["\\]/g, "\\$&")}"`;
}
