/** Restrictions that end or begin by themselves within a time that can be chosen, the soonest first. */
import { create } from "@bufbuild/protobuf";
import { type ReactNode, useState } from "react";
import type { Restriction } from "../../../../gen/lockkeeper/resource/v1/restriction_pb.ts";
import type { User } from "../../../../gen/lockkeeper/user/v1/user_pb.ts";
import { ListUsersRequestSchema, UserOrder } from "../../../../gen/lockkeeper/user/v1/user_service_pb.ts";
import { useAddress } from "../../app/address.ts";
import { SelectField } from "../../parts/field.tsx";
import { Empty, FailureNotice, Loading } from "../../parts/notice.tsx";
import type { Column } from "../../parts/table.tsx";
import { Time } from "../../parts/time.tsx";
import { T } from "../../texts/texts.ts";
import { millisOf, now, timestampOf } from "../../wire/time.ts";
import { restrictionName, StateTag } from "../user/state.tsx";
import { useUserList } from "../users/use-user-list.ts";
import { UserCell } from "../users/user-columns.tsx";
import { ListFilters } from "./list-filters.tsx";
import { RestrictedUsers } from "./restricted-users.tsx";

const HOUR_MS = 3_600_000;

const SPANS_MS: Readonly<Record<string, number>> = {
  "15m": HOUR_MS / 4,
  "1h": HOUR_MS,
  "24h": 24 * HOUR_MS,
  "7d": 7 * 24 * HOUR_MS,
  "30d": 30 * 24 * HOUR_MS,
};

/** The service has no order by due time, so the page sorts what it reads, and reads no more than it can sort and show. */
const SHOWN_MAX = 300;

const COLUMNS: readonly Column<User>[] = [
  { id: "user", head: T.users.columns.user, cell: (user) => <UserCell user={user} /> },
  { id: "due", head: T.restricted.ending.due, cell: (user) => <Due user={user} /> },
  { id: "when", head: T.restricted.ending.when, cell: (user) => <Time at={nextOf(user)?.time} relative />, wide: true },
  { id: "at", head: T.restricted.ending.at, cell: (user) => <Time at={nextOf(user)?.time} />, wide: true },
  { id: "state", head: T.users.columns.state, cell: ({ state }) => <StateTag state={state} />, wide: true },
];

/** The page. */
export function EndingSoon(): ReactNode {
  const [address, setAddress] = useAddress();
  const chosen = Object.fromEntries(address) as { within?: string; organization?: string; reason?: string };
  const { within = "24h", organization = "", reason = "" } = chosen;
  // One instant for all pages of a list, until somebody looks again.
  const [readTime, setReadTime] = useState(now);
  const change = (more: Record<string, string>): void => {
    const said = Object.entries({ ...chosen, ...more }).filter(([, value]) => value !== "");
    setReadTime(now());
    setAddress(Object.fromEntries(said), { replace: true });
  };
  const list = useUserList(
    create(ListUsersRequestSchema, {
      pageSize: SHOWN_MAX,
      dueBefore: timestampOf(readTime + (SPANS_MS[within] ?? 24 * HOUR_MS)),
      order: UserOrder.CHANGE_DATE_DESC,
      organizationId: organization,
      reasonCodes: reason === "" ? [] : [reason],
    }),
    SHOWN_MAX,
  );
  return (
    <>
      <h1>{T.restricted.ending.title}</h1>
      <p className="lead">{T.restricted.ending.lead}</p>
      <ListFilters organization={organization} reason={reason} onChange={change} onRefresh={() => setReadTime(now())}>
        <SelectField
          label={T.restricted.ending.within}
          value={within}
          options={Object.keys(SPANS_MS).map((value) => ({ value, label: T.restricted.ending.spans[value] ?? value }))}
          onChange={(next) => change({ within: next })}
        />
      </ListFilters>
      <Found key={address.toString()} list={list} />
    </>
  );
}

function Found({ list }: { readonly list: ReturnType<typeof useUserList> }): ReactNode {
  const { users, error, isLoading, more, refetch } = list;
  const { emptyTitle, emptyText, caption, tooMany } = T.restricted.ending;
  const sorted = isLoading ? [] : users.toSorted((a, b) => millisOfNext(a) - millisOfNext(b));
  return (
    <RestrictedUsers caption={caption} users={sorted} columns={COLUMNS} more={{ ...more, hasNextPage: false }}>
      {error !== null && <FailureNotice error={error} onRetry={refetch} />}
      {error === null && isLoading && <Loading />}
      {error === null && !isLoading && users.length === 0 && <Empty title={emptyTitle}>{emptyText}</Empty>}
      {sorted.length > 0 && more.hasNextPage && <p className="warning">{tooMany(users.length)}</p>}
    </RestrictedUsers>
  );
}

interface Next {
  readonly restriction: Restriction;
  readonly begins: boolean;
  readonly time: Restriction["startTime"];
  readonly millis: number;
}

/** Returns what happens next to a user's restrictions; undefined if nothing does. */
function nextOf({ restrictions }: User): Next | undefined {
  return restrictions
    .map((restriction): Next => {
      const begins = restriction.scheduled === true;
      const time = begins ? restriction.startTime : restriction.expireTime;
      return { restriction, begins, time, millis: millisOf(time) ?? Number.POSITIVE_INFINITY };
    })
    .filter(({ time }) => time !== undefined)
    .sort((a, b) => a.millis - b.millis)[0];
}

/** A user comes last if nothing happens any more. */
function millisOfNext(user: User): number {
  return nextOf(user)?.millis ?? Number.MAX_SAFE_INTEGER;
}

function Due({ user }: { readonly user: User }): ReactNode {
  const next = nextOf(user);
  if (next === undefined) return null;
  const name = restrictionName(next.restriction);
  return (
    <>
      {next.begins ? T.restricted.ending.begins(name) : T.restricted.ending.ends(name)}
      <span className="narrow user-cell-id">
        <Time at={next.time} relative />
      </span>
    </>
  );
}
