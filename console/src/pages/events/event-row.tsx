/** One event of a list: when, what, and behind a switch everything else. */
import { toJsonString } from "@bufbuild/protobuf";
import { memo, type ReactNode, useState } from "react";
import { Link } from "wouter";
import { type Event, EventSchema } from "../../../../gen/lockkeeper/event/v1/event_pb.ts";
import { useSession } from "../../app/session.tsx";
import { INITIATORS, typeOf } from "../../live/interest.ts";
import { Button } from "../../parts/button.tsx";
import { Facts } from "../../parts/card.tsx";
import { JsonText } from "../../parts/json-text.tsx";
import { Time } from "../../parts/time.tsx";
import { T } from "../../texts/texts.ts";
import { EventSentence, shortName, toneOfEvent } from "./event-sentence.tsx";
import { changeOf, erasableOf, valuesOf } from "./event-values.ts";

export interface EventRowProps {
  readonly event: Event;
  /** On the page of the user that it is about. */
  readonly isOwn: boolean;
  /** The names of values that a later event erased from it, as far as the list has that event. */
  readonly erased: readonly string[];
  readonly onRedact: (event: Event) => void;
}

/** The row. A list has thousands: one that stays as it is is not made again when others come. */
export const EventRow = memo(function EventRow({ event, isOwn, erased, onRedact }: EventRowProps): ReactNode {
  const [isOpen, setIsOpen] = useState(false);
  const withheld = event.withheldFields.map(shortName);
  return (
    <li className={`event event-${toneOfEvent(event)}`}>
      <div className="event-time">
        <Time at={event.time} />
      </div>
      <div className="event-body">
        <p>
          <EventSentence event={event} isOwn={isOwn} />
        </p>
        {event.note !== "" && (
          <p className="event-note">
            <bdi>{event.note}</bdi>
          </p>
        )}
        {withheld.length > 0 && <p className="muted">{T.events.withheld(withheld.join(", "))}</p>}
        {erased.length > 0 && <p className="muted">{T.events.erasedLater(erased.map(shortName).join(", "))}</p>}
        <details className="event-details" onToggle={({ currentTarget }) => setIsOpen(currentTarget.open)}>
          <summary>{T.events.details}</summary>
          {isOpen && <EventDetails event={event} onRedact={onRedact} />}
        </details>
      </div>
    </li>
  );
});

/** The actor as histories have it, and where to learn more. */
function ActorLinks({ actor }: { readonly actor: string }): ReactNode {
  const { may } = useSession();
  return (
    <>
      <bdi>{actor}</bdi> <Link href={`/events?${new URLSearchParams({ actor })}`}>{T.events.ofActor}</Link>
      {actor.startsWith("key:") && may("key.read") && (
        <>
          {" · "}
          <Link href="/keys">{T.nav.keys}</Link>
        </>
      )}
    </>
  );
}

function EventDetails({ event, onRedact }: Pick<EventRowProps, "event" | "onRedact">): ReactNode {
  const { missing } = useSession();
  const initiator = INITIATORS[event.initiator - 1];
  const type = typeOf(event);
  const removed = changeOf(event)?.clearedFields ?? [];
  return (
    <div className="stack">
      <Facts
        of={[
          [T.events.typeFact, type && <code key="type">{type}</code>],
          [T.events.tookEffect, <Time key="time" at={event.time} isExact />],
          [T.events.recorded, <Time key="recorded" at={event.recordTime} isExact />],
          [T.events.initiatorFact, initiator && T.events.initiators[initiator]],
          [T.events.actorFact, <ActorLinks key="actor" actor={event.actor} />],
          [T.events.organization, event.organizationId],
          [T.events.sequence, event.sequence.toString()],
          [T.events.via, event.via],
          [T.events.requestId, event.requestId],
          ...valuesOf(event)
            .filter(({ name }) => !event.withheldFields.includes(name))
            .map(
              ({ name, value }) =>
                [shortName(name), value === undefined ? T.events.erased : <bdi key={name}>{value}</bdi>] as const,
            ),
          ...removed.map((name) => [shortName(name), T.events.removed] as const),
        ]}
      />
      <JsonText what={T.events.json} text={toJsonString(EventSchema, event, { prettySpaces: 2 })} />
      {event.userId !== "" && erasableOf(event).length > 0 && (
        <div>
          <Button missing={missing("events.redact")} onClick={() => onRedact(event)}>
            {T.events.redact.act}
          </Button>
        </div>
      )}
    </div>
  );
}
