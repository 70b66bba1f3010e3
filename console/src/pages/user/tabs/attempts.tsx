/** The tab with the attempts to sign in as a user. */
import { create } from "@bufbuild/protobuf";
import { useInfiniteQuery } from "@connectrpc/connect-query";
import { type FormEvent, type ReactNode, useState } from "react";
import {
  type Attempt,
  AttemptOutcome,
  ListAttemptsRequestSchema,
  SignInService,
} from "../../../../../gen/lockkeeper/signin/v1/sign_in_service_pb.ts";
import { useAddress } from "../../../app/address.ts";
import { PAGED, useList } from "../../../live/lists.ts";
import { Button } from "../../../parts/button.tsx";
import { Tag, type Tone } from "../../../parts/card.tsx";
import { SelectField, TextField } from "../../../parts/field.tsx";
import { Empty, FailureNotice, Loading } from "../../../parts/notice.tsx";
import { type Column, Table } from "../../../parts/table.tsx";
import { Time } from "../../../parts/time.tsx";
import { T } from "../../../texts/texts.ts";
import { localInputOf, timeOfLocalInput, timestampOf } from "../../../wire/time.ts";
import { Actor } from "../state.tsx";
import type { UserTabProps } from "../user-tab.ts";
import { AttemptTally } from "./attempt-tally.tsx";

const PAGE_SIZE = 100;

const TEXTS = T.tabs.attempts;

const NAMES = ["outcome", "network", "from", "before"] as const;
type AttemptFilter = Readonly<Record<(typeof NAMES)[number], string>>;

const NO_FILTER: AttemptFilter = { outcome: "", network: "", from: "", before: "" };

/** The outcomes that can be chosen, by the names that the address has. */
const OUTCOMES: Readonly<Record<string, AttemptOutcome>> = {
  FAILED: AttemptOutcome.FAILED,
  SUCCEEDED: AttemptOutcome.SUCCEEDED,
  DENIED: AttemptOutcome.DENIED,
  EXPIRED: AttemptOutcome.EXPIRED,
  OUTSTANDING: AttemptOutcome.OUTSTANDING,
};

const TONES: Readonly<Partial<Record<AttemptOutcome, Tone>>> = {
  [AttemptOutcome.SUCCEEDED]: "good",
  [AttemptOutcome.FAILED]: "bad",
  [AttemptOutcome.EXPIRED]: "warn",
  [AttemptOutcome.DENIED]: "warn",
};

/** The tab. */
export function Attempts({ user }: UserTabProps): ReactNode {
  const [address, setAddress] = useAddress();
  const filter = filterIn(address);
  const isFiltered = Object.values(filter).some(Boolean);
  const show = (next: AttemptFilter): void =>
    setAddress(Object.fromEntries(Object.entries(next).filter(([, value]) => value !== "")));
  const query = useInfiniteQuery(SignInService.method.listAttempts, requestOf(user.userId, filter), PAGED);
  const { data, error, isPending, hasNextPage, isFetching, isFetchNextPageError } = query;
  const { more } = useList(query, []);
  const attempts = data?.pages.flatMap((page) => page.attempts) ?? [];
  return (
    <div className="stack">
      <FilterForm key={address.toString()} filter={filter} onFilter={show} />
      <div className="bar">
        <p className="muted">{TEXTS.lead}</p>
        <Button busy={isFetching} onClick={() => void more.lookAgain()}>
          {TEXTS.readAgain}
        </Button>
      </div>
      {error !== null && !isFetchNextPageError && <FailureNotice error={error} onRetry={more.lookAgain} />}
      {isPending && error === null && <Loading />}
      {attempts.length > 0 && (
        <AttemptTally attempts={attempts} isAll={!hasNextPage} onAddress={(network) => show({ ...filter, network })} />
      )}
      {data !== undefined && attempts.length === 0 && !hasNextPage && (
        <Empty title={isFiltered ? TEXTS.emptyTitle : TEXTS.noneTitle}>
          {isFiltered ? TEXTS.emptyText : TEXTS.noneText}
        </Empty>
      )}
      {(attempts.length > 0 || hasNextPage) && (
        <Table
          caption={TEXTS.caption}
          columns={COLUMNS}
          rows={attempts}
          keyOf={({ attemptId }) => attemptId}
          more={more}
        />
      )}
    </div>
  );
}

function filterIn(address: URLSearchParams): AttemptFilter {
  return Object.fromEntries(NAMES.map((name) => [name, address.get(name) ?? ""])) as AttemptFilter;
}

function requestOf(userId: string, { outcome, network, from, before }: AttemptFilter) {
  const wanted = OUTCOMES[outcome];
  const time = (text: string) => (Number.isNaN(Date.parse(text)) ? undefined : timestampOf(Date.parse(text)));
  const [startTime, endTime] = [time(from), time(before)];
  return create(ListAttemptsRequestSchema, {
    userId,
    pageSize: PAGE_SIZE,
    outcomes: wanted === undefined ? [] : [wanted],
    ...(network !== "" && { network }),
    ...(startTime && { startTime }),
    ...(endTime && { endTime }),
  });
}

function FilterForm({
  filter,
  onFilter,
}: {
  readonly filter: AttemptFilter;
  readonly onFilter: (filter: AttemptFilter) => void;
}): ReactNode {
  const [draft, setDraft] = useState(filter);
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    onFilter({ ...draft, network: draft.network.trim() });
  };
  const time = (name: "from" | "before"): ReactNode => (
    <TextField
      label={TEXTS[name]}
      type="datetime-local"
      value={localInputOf(draft[name])}
      onChange={({ target }) => setDraft({ ...draft, [name]: timeOfLocalInput(target.value) })}
    />
  );
  return (
    <search>
      <form className="filters event-filters" onSubmit={submit}>
        <SelectField
          label={TEXTS.outcome}
          value={draft.outcome}
          options={[
            { value: "", label: TEXTS.anyOutcome },
            ...Object.entries(OUTCOMES).map(([value, outcome]) => ({ value, label: TEXTS.outcomes[outcome] ?? value })),
          ]}
          onChange={(outcome) => onFilter({ ...draft, outcome })}
        />
        <TextField
          label={TEXTS.network}
          placeholder={TEXTS.networkHint}
          value={draft.network}
          maxLength={100}
          onChange={({ target }) => setDraft({ ...draft, network: target.value })}
        />
        {time("from")}
        {time("before")}
        <div className="filters-buttons">
          <Button type="submit" kind="primary">
            {TEXTS.submit}
          </Button>
          {Object.values(filter).some(Boolean) && (
            <Button kind="quiet" onClick={() => onFilter(NO_FILTER)}>
              {TEXTS.clear}
            </Button>
          )}
        </div>
      </form>
    </search>
  );
}

const COLUMNS: readonly Column<Attempt>[] = [
  { id: "time", head: TEXTS.columns.time, cell: ({ beginTime }) => <Time at={beginTime} /> },
  { id: "factor", head: TEXTS.columns.factor, cell: ({ factor }) => TEXTS.factors[factor] },
  {
    id: "outcome",
    head: TEXTS.columns.outcome,
    cell: ({ outcome }) => <Tag tone={TONES[outcome] ?? "calm"}>{TEXTS.outcomes[outcome]}</Tag>,
  },
  { id: "from", head: TEXTS.columns.from, cell: ({ client }) => <bdi>{client?.ip}</bdi>, wide: true },
  {
    id: "client",
    head: TEXTS.columns.client,
    cell: ({ client }) => (
      <bdi className="client" title={client?.userAgent}>
        {client?.userAgent}
      </bdi>
    ),
    wide: true,
  },
  { id: "by", head: TEXTS.columns.by, cell: ({ createdBy }) => <Actor name={createdBy} />, wide: true },
];
