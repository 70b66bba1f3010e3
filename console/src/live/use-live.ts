/** Live events for components. */
import { createClient } from "@connectrpc/connect";
import { useCallback, useEffect, useRef, useSyncExternalStore } from "react";
import { EventService } from "../../../gen/lockkeeper/event/v1/event_service_pb.ts";
import { type Session, useSession } from "../app/session.tsx";
import type { Interest } from "./interest.ts";
import { type FeedListener, LiveFeed } from "./live-feed.ts";
import { channelOf } from "./tab-message.ts";
import type { WatchStatus } from "./watch.ts";

/** The feed of each session, made when something first listens. */
const FEEDS = new WeakMap<Session, LiveFeed>();

function feedOf(session: Session): LiveFeed {
  const known = FEEDS.get(session);
  if (known !== undefined) return known;
  const feed = new LiveFeed(createClient(EventService, session.transport), channelOf(session.who), session.signal);
  FEEDS.set(session, feed);
  return feed;
}

/** Calls back with what happens while the component is shown and the tab is visible. Without events.read it does nothing. */
export function useLive(interest: Interest, listener: FeedListener): void {
  const session = useSession();
  const latest = useRef(listener);
  latest.current = listener;
  const key = JSON.stringify(interest);
  useEffect(() => {
    if (!session.may("events.read")) return;
    return feedOf(session).listen(JSON.parse(key) as Interest, {
      onEvents: (events) => latest.current.onEvents(events),
      onGap: () => latest.current.onGap(),
    });
  }, [session, key]);
}

/** Returns how live the page is; undefined for a caller without events.read. */
export function useLiveStatus(): WatchStatus | undefined {
  const session = useSession();
  const feed = session.may("events.read") ? feedOf(session) : undefined;
  const subscribe = useCallback((listener: () => void) => feed?.onStatus(listener) ?? (() => undefined), [feed]);
  return useSyncExternalStore(subscribe, () => feed?.status);
}
