/** What one kind of watcher sees of the log. */
import { type EventFilter, keyOfFilter } from "../../domain/event-filter.ts";
import type { ListedEvent } from "../../store/queries.ts";

export interface View {
  /** Has the organization that the caller may see, if it is only one. */
  readonly filter: EventFilter;
  /** Whether personal values are shown. */
  readonly seesPersonal: boolean;
}

/** Returns a text that is equal for equal views. */
export function keyOfView({ filter, seesPersonal }: View): string {
  return `${seesPersonal ? "all" : "some"} ${keyOfFilter(filter)}`;
}

const ENVELOPE_CHARS = 500;

/** Returns about how many characters an event has as a message. */
export function weightOfEvent({ event }: ListedEvent): number {
  let chars = ENVELOPE_CHARS;
  for (const value of Object.values(event.personal)) chars += value.length;
  return chars;
}
