/** A list of events: live ones on top, and earlier ones as somebody scrolls. */
import { type ReactNode, useEffect, useRef, useState } from "react";
import type { Event } from "../../../../gen/lockkeeper/event/v1/event_pb.ts";
import { filterOf, type Interest } from "../../live/interest.ts";
import { Button } from "../../parts/button.tsx";
import { Empty, FailureNotice, Loading } from "../../parts/notice.tsx";
import { T } from "../../texts/texts.ts";
import { downloadEvents } from "./download.ts";
import { EventRow } from "./event-row.tsx";
import { RedactDialog } from "./redact-dialog.tsx";
import { type Events, useEvents } from "./use-events.ts";

export interface EventListProps {
  readonly interest: Interest;
  /** It stands on the page of the user that all events are about. */
  readonly isOwn: boolean;
  readonly isFiltered: boolean;
}

const NOTHING_ERASED: readonly string[] = [];

/** The list. */
export function EventList(props: EventListProps): ReactNode {
  // Another filter is another list.
  return <ListOf key={filterOf(props.interest)} {...props} />;
}

function ListOf({ interest, isOwn, isFiltered }: EventListProps): ReactNode {
  const list = useEvents(interest);
  const [redacted, setRedacted] = useState<Event>();
  const { events, error, isPending, more, readAgain } = list;
  const erased = erasedIn(events);
  return (
    <>
      <News count={list.newsCount} />
      {error !== null && !more.isFetchNextPageError && <FailureNotice error={error} onRetry={readAgain} />}
      {isPending && error === null && <Loading />}
      {events.length > 0 && (
        <>
          <ol className="events" aria-label={T.events.caption}>
            {events.map((event) => (
              <EventRow
                key={event.cursor}
                event={event}
                isOwn={isOwn}
                erased={erased.get(`${event.sequence} ${event.userId}`) ?? NOTHING_ERASED}
                onRedact={setRedacted}
              />
            ))}
          </ol>
          <div className="list-more">
            <Button kind="quiet" onClick={() => downloadEvents(events)}>
              {T.events.download(events.length)}
            </Button>
          </div>
        </>
      )}
      {/* Where somebody waits for more: otherwise the list would look as if it ended there. */}
      {error !== null && more.isFetchNextPageError && <FailureNotice error={error} onRetry={more.fetchNextPage} />}
      {error === null && !isPending && <Rest more={more} isEmpty={events.length === 0} isFiltered={isFiltered} />}
      {redacted !== undefined && (
        <RedactDialog event={redacted} onClose={() => setRedacted(undefined)} onDone={readAgain} />
      )}
    </>
  );
}

/** What follows the rows: more of them, or why there are none. */
function Rest({
  more: { hasNextPage, pages, isFetching, isFetchingNextPage, fetchNextPage },
  isEmpty,
  isFiltered,
}: {
  readonly more: Events["more"];
  readonly isEmpty: boolean;
  readonly isFiltered: boolean;
}): ReactNode {
  const end = useRef<HTMLDivElement>(null);
  const isIdle = hasNextPage && !isFetching;
  useEffect(() => {
    if (!isIdle || pages === 0 || end.current === null) return;
    // A page may be empty without being the last, so this also goes on while there are no rows.
    const seen = new IntersectionObserver(
      (entries) => {
        // On a busy machine those of several frames come together.
        if (entries.at(-1)?.isIntersecting) void fetchNextPage();
      },
      { rootMargin: "300px" },
    );
    seen.observe(end.current);
    return () => seen.disconnect();
    // An answer may be so quick that this never sees the list busy: each page asks whether its end is in sight.
  }, [isIdle, pages, fetchNextPage]);
  if (hasNextPage) {
    return (
      <div className="list-more" ref={end}>
        {isEmpty ? (
          <Loading>{T.events.looking}</Loading>
        ) : (
          <Button busy={isFetchingNextPage} onClick={() => void fetchNextPage()}>
            {isFetchingNextPage ? T.loading : T.loadMore}
          </Button>
        )}
      </div>
    );
  }
  if (!isEmpty) return null;
  return (
    <Empty title={isFiltered ? T.events.emptyTitle : T.events.noneTitle}>
      {isFiltered ? T.events.emptyText : T.events.noneText}
    </Empty>
  );
}

/** Many rows in a row are one message to those who hear the page. */
const QUIET_MS = 1_500;

function News({ count }: { readonly count: number }): ReactNode {
  const [said, setSaid] = useState("");
  const before = useRef(0);
  useEffect(() => {
    if (count === before.current) return;
    const timer = setTimeout(() => {
      setSaid(T.events.news(count - before.current));
      before.current = count;
    }, QUIET_MS);
    return () => clearTimeout(timer);
  }, [count]);
  return (
    <p className="unseen" role="status">
      {said}
    </p>
  );
}

/** Returns the names of erased values by the event that lost them, as its sequence and user. */
function erasedIn(events: readonly Event[]): ReadonlyMap<string, readonly string[]> {
  return new Map(
    events.flatMap(({ payload, userId }): [string, string[]][] =>
      payload.case === "eventRedacted" ? [[`${payload.value.sequence} ${userId}`, payload.value.fields]] : [],
    ),
  );
}
