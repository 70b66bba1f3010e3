/** What tabs of one caller tell each other. No message has a credential, and other callers have another channel. */
import type { Interest } from "./interest.ts";
import type { Place, WatchStatus } from "./watch.ts";

/** What a tab shows at this moment. */
export interface Want {
  readonly interests: readonly Interest[];
  /** Grows with each change. */
  readonly version: number;
}

export type TabMessage =
  /** What a tab shows; nothing if it is hidden or closed. */
  | { readonly kind: "want"; readonly tab: string; readonly want: Want }
  /** A tab begins to watch for all: what does each show? */
  | { readonly kind: "ask" }
  /** A stream has what these tabs show, by their versions. `isFresh`: it knows nothing of what happened before. */
  | { readonly kind: "begun"; readonly versions: ReadonlyMap<string, number>; readonly isFresh: boolean }
  /** Events, as the bytes of a WatchEventsResponse. */
  | { readonly kind: "events"; readonly bytes: Uint8Array; readonly place: Place }
  | { readonly kind: "status"; readonly status: WatchStatus };

/** Who a channel belongs to. Callers with other rights see other values in the same events. */
export interface ChannelOwner {
  readonly actor: string;
  readonly organizationId: string;
  readonly permissions: readonly string[];
}

/** Returns the name of the channel and of the lock that tabs of one caller share. */
export function channelOf({ actor, organizationId, permissions }: ChannelOwner): string {
  return `lockkeeper-events ${JSON.stringify([actor, organizationId, [...permissions].sort()])}`;
}
