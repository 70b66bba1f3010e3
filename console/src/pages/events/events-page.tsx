/** The events of everybody, with a filter that the address keeps. */
import { type FormEvent, type ReactNode, useState } from "react";
import { useAddress } from "../../app/address.ts";
import { LiveStatus } from "../../live/live-status.tsx";
import { Button } from "../../parts/button.tsx";
import { TextField } from "../../parts/field.tsx";
import { T } from "../../texts/texts.ts";
import { localInputOf, timeOfLocalInput } from "../../wire/time.ts";
import { addressOf, type EventFilter, filterIn, interestOf } from "./event-filter.ts";
import { EventList } from "./event-list.tsx";
import { InitiatorField, TypeField } from "./filter-fields.tsx";

/** The page. */
export function EventsPage(): ReactNode {
  const [address, setAddress] = useAddress();
  const filter = filterIn(address);
  const isFiltered = Object.keys(addressOf(filter)).length > 0;
  return (
    <>
      <h1>{T.events.title}</h1>
      <div className="page-lead">
        <p className="muted">{T.events.lead}</p>
        <LiveStatus />
      </div>
      <FilterForm
        key={address.toString()}
        filter={filter}
        isFiltered={isFiltered}
        onFilter={(next) => setAddress(addressOf(next))}
      />
      <EventList interest={interestOf(filter)} isOwn={false} isFiltered={isFiltered} />
    </>
  );
}

function FilterForm({
  filter,
  isFiltered,
  onFilter,
}: {
  readonly filter: EventFilter;
  readonly isFiltered: boolean;
  readonly onFilter: (filter: EventFilter) => void;
}): ReactNode {
  const [draft, setDraft] = useState(filter);
  const text = (name: keyof EventFilter, hint?: string): ReactNode => (
    <TextField
      label={T.events[name as "user"]}
      hint={hint}
      value={draft[name]}
      maxLength={200}
      onChange={({ target }) => setDraft({ ...draft, [name]: target.value })}
    />
  );
  const time = (name: "from" | "before"): ReactNode => (
    <TextField
      label={T.events[name]}
      type="datetime-local"
      value={localInputOf(draft[name])}
      onChange={({ target }) => setDraft({ ...draft, [name]: timeOfLocalInput(target.value) })}
    />
  );
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    onFilter({ ...draft, actor: draft.actor.trim(), organization: draft.organization.trim() });
  };
  return (
    <search>
      <form className="filters event-filters" aria-label={T.events.filters} onSubmit={submit}>
        <TypeField value={draft.type} isOfUser={false} onChange={(type) => onFilter({ ...draft, type })} />
        <InitiatorField value={draft.by} onChange={(by) => onFilter({ ...draft, by })} />
        {text("user")}
        {text("organization")}
        {text("actor")}
        {time("from")}
        {time("before")}
        <div className="filters-buttons">
          <Button type="submit" kind="primary">
            {T.events.submit}
          </Button>
          {isFiltered && (
            <Button kind="quiet" onClick={() => onFilter(filterIn(new URLSearchParams()))}>
              {T.events.clear}
            </Button>
          )}
        </div>
      </form>
    </search>
  );
}
