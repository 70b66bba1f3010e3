/** The search for users. The address keeps it, so that a list can be linked to and left with the back button. */
import { create } from "@bufbuild/protobuf";
import { useQuery } from "@connectrpc/connect-query";
import { type FormEvent, type ReactNode, useState } from "react";
import { State, type User } from "../../../../gen/lockkeeper/user/v1/user_pb.ts";
import {
  type ListUsersRequest,
  ListUsersRequestSchema,
  UserOrder,
  UserService,
} from "../../../../gen/lockkeeper/user/v1/user_service_pb.ts";
import { useAddress } from "../../app/address.ts";
import { Button } from "../../parts/button.tsx";
import { SelectField, TextField } from "../../parts/field.tsx";
import { Empty, FailureNotice, Loading } from "../../parts/notice.tsx";
import { type Column, Table } from "../../parts/table.tsx";
import { Time } from "../../parts/time.tsx";
import { T } from "../../texts/texts.ts";
import { type UserList, useUserList } from "./use-user-list.ts";
import { USER_COLUMNS } from "./user-columns.tsx";

const PAGE_SIZE = 50;

/** The states that can be chosen, by the names that the address has. */
const STATES: Readonly<Record<string, State>> = {
  ACTIVE: State.ACTIVE,
  LOCKED: State.LOCKED,
  INACTIVE: State.INACTIVE,
  BANNED: State.BANNED,
};

/** What is searched for, as the address has it; empty texts are left out there. */
interface Search {
  readonly q: string;
  readonly in: "name" | "id";
  /** A name in `STATES`; empty: any. */
  readonly state: string;
  readonly reason: string;
}

function searchOf(address: URLSearchParams): Search {
  return {
    q: address.get("q") ?? "",
    in: address.get("in") === "id" ? "id" : "name",
    state: address.get("state") ?? "",
    reason: address.get("reason") ?? "",
  };
}

function addressOf(search: Search): Record<string, string> {
  const said = { ...search, in: search.in === "name" ? "" : search.in };
  return Object.fromEntries(Object.entries(said).filter(([, value]) => value !== ""));
}

function requestOf({ q, in: place, state, reason }: Search): ListUsersRequest {
  const wanted = STATES[state];
  return create(ListUsersRequestSchema, {
    pageSize: PAGE_SIZE,
    states: wanted === undefined ? [] : [wanted],
    reasonCodes: reason === "" ? [] : [reason],
    order: UserOrder.CREATION_DATE_DESC,
    ...(q !== "" && (place === "id" ? { userIdPrefix: q } : { search: q })),
  });
}

/** The page. */
export function UserSearch(): ReactNode {
  const [address, setAddress] = useAddress();
  const search = searchOf(address);
  const list = useUserList(requestOf(search));
  const submit = (next: Search): void => {
    // The same search once more asks what has become of them.
    if (JSON.stringify(addressOf(next)) === JSON.stringify(addressOf(search))) void list.refetch();
    else setAddress(addressOf(next));
  };
  return (
    <>
      <h1>{T.users.title}</h1>
      <SearchForm key={address.toString()} search={search} onSearch={submit} />
      <Found search={search} list={list} />
    </>
  );
}

function SearchForm({
  search,
  onSearch,
}: {
  readonly search: Search;
  readonly onSearch: (search: Search) => void;
}): ReactNode {
  const [draft, setDraft] = useState(search);
  const change = (more: Partial<Search>): void => setDraft({ ...draft, ...more });
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    onSearch({ ...draft, q: draft.q.trim(), reason: draft.reason.trim().toUpperCase() });
  };
  return (
    <search>
      <form className="filters" onSubmit={submit}>
        <TextField
          label={T.users.search}
          type="search"
          value={draft.q}
          placeholder={T.users.placeholder}
          onChange={(event) => change({ q: event.target.value })}
        />
        <SelectField
          label={T.users.searchIn}
          value={draft.in}
          options={[
            { value: "name", label: T.users.inName },
            { value: "id", label: T.users.inId },
          ]}
          onChange={(place) => change({ in: place })}
        />
        <SelectField
          label={T.users.state}
          value={draft.state}
          options={[
            { value: "", label: T.users.anyState },
            ...Object.entries(STATES).map(([value, state]) => ({ value, label: T.states[state] ?? "" })),
          ]}
          onChange={(state) => onSearch({ ...draft, state })}
        />
        <TextField
          label={T.users.reason}
          value={draft.reason}
          maxLength={63}
          onChange={(event) => change({ reason: event.target.value })}
        />
        <div className="filters-buttons">
          <Button type="submit" kind="primary">
            {T.users.submit}
          </Button>
          {Object.keys(addressOf(search)).length > 0 && (
            <Button kind="quiet" onClick={() => onSearch(searchOf(new URLSearchParams()))}>
              {T.users.clear}
            </Button>
          )}
        </div>
      </form>
    </search>
  );
}

const COLUMNS: readonly Column<User>[] = [
  ...USER_COLUMNS,
  {
    id: "changed",
    head: T.users.columns.changed,
    cell: ({ details }) => <Time at={details?.changeDate} relative />,
    wide: true,
  },
];

function Found({ search, list }: { readonly search: Search; readonly list: UserList }): ReactNode {
  const { error, isLoading, more, refetch } = list;
  // People paste what they have: a text that no name begins with may be an id.
  const isElsewhere = search.in === "name" && search.state === "" && search.reason === "" && search.q !== "";
  const byId = useQuery(
    UserService.method.getUser,
    { userId: search.q },
    { enabled: isElsewhere && error === null && !isLoading && list.users.length === 0 },
  );
  if (error !== null) return <FailureNotice error={error} onRetry={refetch} />;
  if (isLoading || byId.isLoading) return <Loading />;
  const users = list.users.length === 0 && byId.data?.user !== undefined ? [byId.data.user] : list.users;
  const isFiltered = Object.keys(addressOf(search)).length > 0;
  if (users.length === 0) {
    return (
      <Empty title={isFiltered ? T.users.emptyTitle : T.users.noneTitle}>
        {isFiltered ? T.users.emptyText : T.users.noneText}
      </Empty>
    );
  }
  return (
    <>
      <p className="count" role="status">
        {T.users.count(users.length, !more.hasNextPage)}
      </p>
      <Table caption={T.users.caption} columns={COLUMNS} rows={users} keyOf={({ userId }) => userId} more={more} />
    </>
  );
}
