/** Operations on the log of all events. */
import type { LogPage, LogQuery, ReadOptions } from "../../store/queries.ts";
import type { Store } from "../../store/store.ts";

/** `cursor`: only events after it; absent: all. */
export type EventsQuery = Omit<LogQuery, "afterPosition"> & { readonly cursor?: string | undefined };

export interface EventOperations {
  /** Lists recorded events. Rejects with CursorError, PageTokenError and HistoryChangedError, which `refusalOf` knows. */
  listEvents(query: EventsQuery, options: ReadOptions): Promise<LogPage>;
}

export function eventOperations({ store }: { readonly store: Pick<Store, "listEvents" | "log"> }): EventOperations {
  return {
    async listEvents({ cursor, ...query }, options) {
      if (cursor === undefined) return await store.listEvents(query, options);
      const { position } = await store.log.open(cursor);
      return await store.listEvents({ ...query, afterPosition: position }, options);
    },
  };
}
