/** Everybody who may not sign in at this moment. The address keeps the filters. */
import { create } from "@bufbuild/protobuf";
import type { ReactNode } from "react";
import { State, type User } from "../../../../gen/lockkeeper/user/v1/user_pb.ts";
import { ListUsersRequestSchema, UserOrder } from "../../../../gen/lockkeeper/user/v1/user_service_pb.ts";
import { useAddress } from "../../app/address.ts";
import { SelectField } from "../../parts/field.tsx";
import { Empty, FailureNotice, Loading } from "../../parts/notice.tsx";
import type { Column } from "../../parts/table.tsx";
import { Time } from "../../parts/time.tsx";
import { T } from "../../texts/texts.ts";
import { decisiveOf } from "../user/state.tsx";
import { useUserList } from "../users/use-user-list.ts";
import { USER_COLUMNS } from "../users/user-columns.tsx";
import { ListFilters } from "./list-filters.tsx";
import { RestrictedUsers } from "./restricted-users.tsx";

const PAGE_SIZE = 50;

/** The states that can be chosen, by the names that the address has. Empty: all of them. */
const STATES: Readonly<Record<string, readonly State[]>> = {
  "": [State.LOCKED, State.BANNED, State.INACTIVE],
  LOCKED: [State.LOCKED],
  BANNED: [State.BANNED],
  INACTIVE: [State.INACTIVE],
};

const ORDERS: Readonly<Record<string, UserOrder>> = {
  changed: UserOrder.CHANGE_DATE_DESC,
  newest: UserOrder.CREATION_DATE_DESC,
  oldest: UserOrder.CREATION_DATE_ASC,
};

const COLUMNS: readonly Column<User>[] = [
  ...USER_COLUMNS,
  {
    id: "since",
    head: T.user.since,
    cell: (user) => {
      // Who was let in stays in a long list.
      const decisive = decisiveOf(user);
      return decisive && <Time at={decisive.startTime} relative />;
    },
    wide: true,
  },
];

/** The page. */
export function LockedNow(): ReactNode {
  const [address, setAddress] = useAddress();
  const chosen = Object.fromEntries(address) as {
    state?: string;
    order?: string;
    organization?: string;
    reason?: string;
  };
  const { state = "", order = "changed", organization = "", reason = "" } = chosen;
  const change = (more: Record<string, string>): void => {
    const said = Object.entries({ ...chosen, ...more }).filter(([, value]) => value !== "");
    setAddress(Object.fromEntries(said), { replace: true });
  };
  const list = useUserList(
    create(ListUsersRequestSchema, {
      pageSize: PAGE_SIZE,
      states: [...(STATES[state] ?? [])],
      order: ORDERS[order] ?? UserOrder.CHANGE_DATE_DESC,
      organizationId: organization,
      reasonCodes: reason === "" ? [] : [reason],
    }),
  );
  return (
    <>
      <h1>{T.restricted.locked.title}</h1>
      <p className="lead">{T.restricted.locked.lead}</p>
      <ListFilters organization={organization} reason={reason} onChange={change} onRefresh={list.refetch}>
        <SelectField
          label={T.restricted.state}
          value={state}
          options={Object.keys(STATES).map((value) => ({
            value,
            label: value === "" ? T.restricted.anyRestricted : (T.states[STATES[value]?.[0] ?? 0] ?? ""),
          }))}
          onChange={(next) => change({ state: next })}
        />
        <SelectField
          label={T.restricted.order}
          value={order}
          options={Object.keys(ORDERS).map((value) => ({ value, label: T.restricted.orders[value] ?? "" }))}
          onChange={(next) => change({ order: next })}
        />
      </ListFilters>
      <Found key={address.toString()} list={list} isFiltered={state !== "" || organization !== "" || reason !== ""} />
    </>
  );
}

function Found({
  list,
  isFiltered,
}: {
  readonly list: ReturnType<typeof useUserList>;
  readonly isFiltered: boolean;
}): ReactNode {
  const { users, error, isLoading, more, refetch } = list;
  const { filteredTitle, filteredText, emptyTitle, emptyText, caption } = T.restricted.locked;
  return (
    <RestrictedUsers caption={caption} users={isLoading ? [] : users} columns={COLUMNS} more={more}>
      {error !== null && <FailureNotice error={error} onRetry={refetch} />}
      {error === null && isLoading && <Loading />}
      {error === null && !isLoading && users.length === 0 && (
        <Empty title={isFiltered ? filteredTitle : emptyTitle}>{isFiltered ? filteredText : emptyText}</Empty>
      )}
    </RestrictedUsers>
  );
}
