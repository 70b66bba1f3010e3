/** What one kind of watcher sees of the log. */
import { type EventFilter, keyOfFilter } from "../../domain/event-filter.ts";

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
