/** The tab with the sessions of a user. */

import { useInfiniteQuery } from "@connectrpc/connect-query";
import { type ReactNode, useEffect, useState } from "react";
import {
  type Session,
  SessionService,
  SessionStatus,
} from "../../../../../gen/lockkeeper/session/v1/session_service_pb.ts";
import { useSession } from "../../../app/session.tsx";
import { PAGED, useList } from "../../../live/lists.ts";
import { Button } from "../../../parts/button.tsx";
import { Tag } from "../../../parts/card.tsx";
import { SelectField } from "../../../parts/field.tsx";
import { Empty, FailureNotice, Loading } from "../../../parts/notice.tsx";
import { type Column, Table } from "../../../parts/table.tsx";
import { Time } from "../../../parts/time.tsx";
import { isolate } from "../../../texts/isolate.ts";
import { T } from "../../../texts/texts.ts";
import { atTime, millisOf, now } from "../../../wire/time.ts";
import { Actor } from "../state.tsx";
import type { UserTabProps } from "../user-tab.ts";
import { EndSessionDialog } from "./end-session-dialog.tsx";

const PAGE_SIZE = 50;

const TEXTS = T.tabs.sessions;

/** The tab. */
export function Sessions({ user, onAct }: UserTabProps): ReactNode {
  const { missing } = useSession();
  const [shown, setShown] = useState<"active" | "all">("active");
  const [ending, setEnding] = useState<Session>();
  const query = useInfiniteQuery(
    SessionService.method.listSessions,
    { userId: user.userId, activeOnly: shown === "active", pageSize: PAGE_SIZE, pageToken: "" },
    PAGED,
  );
  const { data, error, isPending, hasNextPage, isFetchNextPageError, refetch } = query;
  const { rows: sessions, more } = useList(query, data?.pages.flatMap((page) => page.sessions) ?? []);
  useNextExpiry(sessions);
  return (
    <div className="stack">
      <div className="bar">
        <SelectField
          label={TEXTS.shown}
          value={shown}
          options={[
            { value: "active", label: TEXTS.active },
            { value: "all", label: TEXTS.all },
          ]}
          onChange={setShown}
        />
        <Button kind="danger" missing={missing("session.delete")} onClick={() => onAct("endSessions")}>
          {TEXTS.endAll}
        </Button>
      </div>
      {error !== null && !isFetchNextPageError && <FailureNotice error={error} onRetry={refetch} />}
      {isPending && error === null && <Loading />}
      {data !== undefined && sessions.length === 0 && !hasNextPage && <None isActive={shown === "active"} />}
      {(sessions.length > 0 || hasNextPage) && (
        <Table
          caption={TEXTS.caption}
          columns={[...COLUMNS, endColumn(missing("session.delete"), setEnding)]}
          rows={sessions}
          keyOf={({ sessionId }) => sessionId}
          more={more}
        />
      )}
      {ending !== undefined && <EndSessionDialog session={ending} onClose={() => setEnding(undefined)} />}
    </div>
  );
}

/** Renders again when the next session expires. */
function useNextExpiry(sessions: readonly Session[]): void {
  const [, setExpired] = useState(0);
  const next = sessions
    .map(({ expireTime }) => millisOf(expireTime) ?? 0)
    .filter((time) => time > now())
    .reduce((a, b) => Math.min(a, b), Number.POSITIVE_INFINITY);
  useEffect(() => (next === Number.POSITIVE_INFINITY ? undefined : atTime(next, () => setExpired(next))), [next]);
}

/** Returns the status by now: a session expires by itself. */
function statusOf({ status, expireTime }: Session): SessionStatus {
  const isOver = (millisOf(expireTime) ?? Number.POSITIVE_INFINITY) <= now();
  return status === SessionStatus.ACTIVE && isOver ? SessionStatus.EXPIRED : status;
}

function None({ isActive }: { readonly isActive: boolean }): ReactNode {
  return (
    <Empty title={isActive ? TEXTS.noneTitle : TEXTS.neverTitle}>{isActive ? TEXTS.noneText : TEXTS.neverText}</Empty>
  );
}

/** Returns what people call a session by: where it is. */
export function clientOf({ userAgent, ip }: Session): string {
  return userAgent || ip || TEXTS.unknownClient;
}

const COLUMNS: readonly Column<Session>[] = [
  {
    id: "client",
    head: TEXTS.columns.client,
    cell: (session) => (
      <div className="user-cell">
        <bdi className="client" title={clientOf(session)}>
          {clientOf(session)}
        </bdi>
        {session.ip !== "" && session.userAgent !== "" && <bdi className="user-cell-id">{session.ip}</bdi>}
      </div>
    ),
  },
  {
    id: "status",
    head: TEXTS.columns.status,
    cell: (session) => {
      const status = statusOf(session);
      return <Tag tone={status === SessionStatus.ACTIVE ? "good" : "calm"}>{TEXTS.statuses[status]}</Tag>;
    },
  },
  {
    id: "created",
    head: TEXTS.columns.created,
    cell: ({ details }) => <Time at={details?.creationDate} />,
    wide: true,
  },
  {
    id: "used",
    head: TEXTS.columns.used,
    cell: ({ lastActivityTime }) => <Time at={lastActivityTime} relative />,
    wide: true,
  },
  { id: "expires", head: TEXTS.columns.expires, cell: ({ expireTime }) => <Time at={expireTime} />, wide: true },
  { id: "by", head: TEXTS.columns.by, cell: ({ createdBy }) => <Actor name={createdBy} />, wide: true },
];

function endColumn(missing: string | undefined, onEnd: (session: Session) => void): Column<Session> {
  return {
    id: "act",
    head: TEXTS.columns.act,
    cell: (session) =>
      statusOf(session) === SessionStatus.ACTIVE && (
        <Button
          kind="quiet"
          missing={missing}
          aria-label={TEXTS.endOne(isolate(clientOf(session)))}
          onClick={() => onEnd(session)}
        >
          {TEXTS.end}
        </Button>
      ),
  };
}
