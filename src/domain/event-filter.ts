/** Filters of events: what they are, which events they match, and how they narrow. */
import { canonicalJson } from "./canonical-json.ts";
import { initiatorOf } from "./initiator.ts";

/** The fields that are compared with `=`. */
export const FILTER_FIELDS = ["type", "user", "organization", "actor", "initiator"] as const;
export type FilterField = (typeof FILTER_FIELDS)[number];

/**
 * A filter as plain data. For each field: the values that an event may have, sorted and different; absent: any value; an
 * empty list matches no event. The empty text stands for no user, and for the whole instance.
 */
export interface EventFilter extends Readonly<Partial<Record<FilterField, readonly string[]>>> {
  /** The record time lies in `[from, before)`, in milliseconds since the epoch; an absent end is open. */
  readonly from?: number;
  readonly before?: number;
}

/** Matches every event. */
export const EVERY_EVENT: EventFilter = {};

/** What a filter looks at. */
export interface FilteredEvent {
  readonly organizationId: string | null;
  readonly userId: string | null;
  /** Milliseconds since the epoch. */
  readonly recordTime: number;
  readonly event: { readonly type: string; readonly actor: string; readonly data: object };
}

const VALUE_OF: { readonly [F in FilterField]: (event: FilteredEvent) => string } = {
  type: ({ event }) => event.type,
  user: ({ userId }) => userId ?? "",
  organization: ({ organizationId }) => organizationId ?? "",
  actor: ({ event }) => event.actor,
  initiator: ({ event }) => initiatorOf(event),
};

/** Returns whether an event matches a filter. */
export function matches(filter: EventFilter, event: FilteredEvent): boolean {
  if (event.recordTime < (filter.from ?? -Infinity) || event.recordTime >= (filter.before ?? Infinity)) return false;
  return FILTER_FIELDS.every((field) => filter[field]?.includes(VALUE_OF[field](event)) !== false);
}

/** Returns a filter that matches what both match: of the filter, and a field with one of these values. */
export function narrow(filter: EventFilter, field: FilterField, values: readonly string[]): EventFilter {
  const before = filter[field];
  const different = [...new Set(values)].filter((value) => before?.includes(value) !== false);
  return { ...filter, [field]: different.sort() };
}

/** Returns whether no event can match. */
export function isEmpty(filter: EventFilter): boolean {
  const { from = -Infinity, before = Infinity } = filter;
  return from >= before || FILTER_FIELDS.some((field) => filter[field]?.length === 0);
}

/** Returns a text that is equal for filters that match the same by the same comparisons. */
export function keyOfFilter(filter: EventFilter): string {
  const { from = null, before = null } = filter;
  return canonicalJson([...FILTER_FIELDS.map((field) => filter[field] ?? null), from, before]);
}
