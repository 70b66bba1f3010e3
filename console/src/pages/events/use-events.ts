/** The events of a list: pages of the past, and what happens while it is shown. */
import { useInfiniteQuery } from "@connectrpc/connect-query";
import { useQueryClient } from "@tanstack/react-query";
import { useRef, useState } from "react";
import type { Event } from "../../../../gen/lockkeeper/event/v1/event_pb.ts";
import { EventOrder, EventService } from "../../../../gen/lockkeeper/event/v1/event_service_pb.ts";
import { filterOf, type Interest } from "../../live/interest.ts";
import { cutToTop, useNextPage } from "../../live/lists.ts";
import { isOfServices } from "../../live/read-again.ts";
import { useLive } from "../../live/use-live.ts";

const PAGE_SIZE = 50;
/** More at once are read as pages. */
const LIVE_EVENTS_MAX = 500;

export interface Events {
  /** The newest first, each once. */
  readonly events: readonly Event[];
  /** How many came since the list was opened. */
  readonly newsCount: number;
  readonly error: Error | null;
  readonly isPending: boolean;
  readonly more: {
    readonly hasNextPage: boolean;
    /** How many pages are read. */
    readonly pages: number;
    readonly isFetchingNextPage: boolean;
    /** Whether the next page could not be read: those that are read stay. */
    readonly isFetchNextPageError: boolean;
    /** Whether anything is read, these pages or the next. */
    readonly isFetching: boolean;
    readonly fetchNextPage: () => unknown;
  };
  readonly readAgain: () => Promise<void>;
}

/** An event that came while the list was shown. */
interface LiveEvent {
  readonly event: Event;
  /** How many readings of the list had begun by then. */
  readonly readings: number;
}

/** Returns the events of an interest. It must stay the same as long as the component is shown: give it a key. */
export function useEvents(interest: Interest): Events {
  const [live, setLive] = useState<readonly LiveEvent[]>([]);
  const [newsCount, setNewsCount] = useState(0);
  const query = useInfiniteQuery(
    EventService.method.listEvents,
    { filter: filterOf(interest), order: EventOrder.NEWEST_FIRST, pageSize: PAGE_SIZE, pageToken: "" },
    {
      pageParamKey: "pageToken",
      getNextPageParam: ({ nextPageToken }) => nextPageToken || undefined,
      // Live events keep it up to date, not calls that change something, nor a tab that is shown again.
      staleTime: "static",
      gcTime: 0,
    },
  );
  const { data, error, isPending, isLoading, isFetching, refetch } = query;
  const { hasNextPage, isFetchingNextPage, isFetchNextPageError } = query;
  const fetchNextPage = useNextPage(query);
  const queries = useQueryClient();
  const readings = useRef({ begun: 0, ended: 0 });
  const readAgain = async (): Promise<void> => {
    const number = ++readings.current.begun;
    cutToTop(queries, ({ queryKey }) => isOfServices(queryKey, [EventService.typeName]));
    let read = await refetch();
    // A first read that was under way may have been answered before.
    if (isLoading) read = await refetch();
    readings.current.ended = Math.max(readings.current.ended, number);
    // Until now they would be missing, and from now on they would stay above what came in a gap.
    if (!read.isError) setLive((all) => all.filter((each) => each.readings >= number));
  };
  const onEvents = (events: readonly Event[]): void => {
    const { begun, ended } = readings.current;
    const news = events.map((event) => ({ event, readings: begun })).toReversed();
    // Earlier events lost their values: they are not shown with them any longer.
    const isErased = events.some(isErasure);
    setNewsCount((count) => count + events.length);
    setLive((before) => (isErased ? news : [...news, ...before]));
    // There may be so many that pages are the better list of them.
    const areMany = live.length + events.length > LIVE_EVENTS_MAX && begun === ended;
    if (areMany || isErased) void readAgain();
  };
  useLive(interest, { onEvents, onGap: () => void readAgain() });
  const all = [...live.map(({ event }) => event), ...(data?.pages.flatMap((page) => page.events) ?? [])];
  const events = new Map(all.map((each) => [each.cursor, each]));
  return {
    events: [...events.values()],
    newsCount,
    error,
    isPending,
    more: {
      hasNextPage,
      pages: data?.pages.length ?? 0,
      isFetchingNextPage,
      isFetchNextPageError,
      isFetching,
      fetchNextPage,
    },
    readAgain,
  };
}

function isErasure({ payload }: Event): boolean {
  return payload.case === "eventRedacted" || (payload.case === "userDeleted" && payload.value.erased === true);
}
