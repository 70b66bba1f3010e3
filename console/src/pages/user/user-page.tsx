/** The page of one user: the state as a sentence, what can be done, and tabs with the rest. */
import { useQuery } from "@connectrpc/connect-query";
import { useQueryClient } from "@tanstack/react-query";
import { type ReactNode, useEffect } from "react";
import { useLocation } from "wouter";
import type { Event } from "../../../../gen/lockkeeper/event/v1/event_pb.ts";
import { SessionService } from "../../../../gen/lockkeeper/session/v1/session_service_pb.ts";
import { SignInService } from "../../../../gen/lockkeeper/signin/v1/sign_in_service_pb.ts";
import { State, type User } from "../../../../gen/lockkeeper/user/v1/user_pb.ts";
import { UserService } from "../../../../gen/lockkeeper/user/v1/user_service_pb.ts";
import { useAddress } from "../../app/address.ts";
import { userPath, userPlaceOf } from "../../app/routes.ts";
import { useSession } from "../../app/session.tsx";
import { know, tellChange } from "../../live/lists.ts";
import { LiveStatus } from "../../live/live-status.tsx";
import { useReadAgain } from "../../live/read-again.ts";
import { useLive } from "../../live/use-live.ts";
import { Button } from "../../parts/button.tsx";
import { CopyButton } from "../../parts/copy-button.tsx";
import { FailureNotice, Loading } from "../../parts/notice.tsx";
import { Tabs } from "../../parts/tabs.tsx";
import { reveal } from "../../texts/isolate.ts";
import { T } from "../../texts/texts.ts";
import { atTime, millisOf, now } from "../../wire/time.ts";
import { NotFound } from "../not-found.tsx";
import { ActDialog } from "./act-dialog.tsx";
import { ACTS, type ActName, actOf, actsFor } from "./acts.ts";
import { nameOf, StateSentence, StateTag, toneOf } from "./state.tsx";
import { USER_TABS } from "./user-tabs.tsx";

/** What an event of the user may change on this page. */
const FOLLOWED = [UserService.typeName, SessionService.typeName, SignInService.typeName];

/** What may end sessions of a user. */
const ENDING_SESSIONS: readonly Event["payload"]["case"][] = [
  "sessionRevoked",
  "userSessionsRevoked",
  "userLocked",
  "userBanned",
  "userDeactivated",
  "userDeleted",
  "restrictionStarted",
];

/** The page of the user that the address names. */
export function UserPage(): ReactNode {
  // Renders again with each navigation; the address itself is read as it is.
  useLocation();
  const place = userPlaceOf(window.location.pathname);
  if (place === undefined) return <NotFound />;
  return <ReadUser key={place.userId} {...place} />;
}

function ReadUser({ userId, tab }: { readonly userId: string; readonly tab: string }): ReactNode {
  const query = useQuery(UserService.method.getUser, { userId, showDeleted: true });
  const { data, error, isPending, refetch } = query;
  const user = data?.user;
  const isRead = query.isFetchedAfterMount && error === null;
  useNextChange(user, refetch);
  const queries = useQueryClient();
  // The list that somebody came from has the user as it was.
  useEffect(() => {
    if (user !== undefined && isRead) know(queries, user);
  }, [queries, user, isRead]);
  const readAgain = useReadAgain(FOLLOWED);
  const onEvents = (events: readonly Event[]): void => {
    if (events.some(({ payload }) => ENDING_SESSIONS.includes(payload.case))) {
      tellChange(queries, SessionService.typeName);
    }
    readAgain();
  };
  const onGap = (): void => {
    tellChange(queries, SessionService.typeName);
    readAgain();
  };
  useLive({ user: userId }, { onEvents, onGap });
  if (error !== null && user === undefined) return <FailureNotice error={error} onRetry={refetch} />;
  if (isPending || user === undefined) return <Loading />;
  return (
    <>
      {error !== null && <FailureNotice error={error} onRetry={refetch} />}
      <UserView user={user} tab={tab} onChange={async () => (await refetch()).data?.user} />
    </>
  );
}

/** Clocks differ by the way of an answer: what should be over is asked for again after this time, then after twice as long. */
const AGAIN_MS = 1_000;

/** Asks again when the next restriction begins or ends, until the service says that it has: it decides what is over. */
function useNextChange(user: User | undefined, onChange: () => unknown): void {
  useEffect(() => {
    const times = (user?.restrictions ?? []).map((each) =>
      each.scheduled === true ? millisOf(each.startTime) : millisOf(each.expireTime),
    );
    const next = Math.min(...times.filter((each) => each !== undefined));
    if (!Number.isFinite(next)) return;
    let stop = (): void => undefined;
    const ask = (time: number, again: number): void => {
      stop = atTime(time, () => {
        onChange();
        ask(now() + again, again * 2);
      });
    };
    ask(next + 50, AGAIN_MS);
    return () => stop();
  }, [user, onChange]);
}

interface UserViewProps {
  readonly user: User;
  readonly tab: string;
  /** Reads the user again. */
  readonly onChange: () => Promise<User | undefined>;
}

function UserView({ user, tab, onChange }: UserViewProps): ReactNode {
  const { may } = useSession();
  const [address, setAddress] = useAddress();
  const tabs = USER_TABS.filter(({ permission }) => may(permission));
  const shown = tabs.find(({ id }) => id === tab) ?? tabs[0];
  const openAct = (act: ActName | undefined): void => {
    // The tab keeps its filters.
    const { act: _, ...filters } = Object.fromEntries(address);
    setAddress(act === undefined ? filters : { ...filters, act }, { replace: true });
  };
  const act = actOf(address.get("act"));
  return (
    <article>
      <UserHead user={user} onAct={openAct} />
      <Tabs
        label={T.user.tabs}
        chosen={shown?.id ?? ""}
        tabs={tabs.map(({ id, label }, index) => ({
          id,
          label,
          href: userPath(user.userId, index === 0 ? undefined : id),
        }))}
      >
        {shown !== undefined && <shown.View user={user} onAct={openAct} />}
      </Tabs>
      {act !== undefined && may(ACTS[act].permission) && (
        <ActDialog act={act} user={user} onClose={() => openAct(undefined)} onChange={onChange} />
      )}
    </article>
  );
}

function UserHead({ user, onAct }: { readonly user: User; readonly onAct: (act: ActName) => void }): ReactNode {
  const { missing } = useSession();
  const name = nameOf(user);
  return (
    <header className={`user-head user-head-${toneOf(user.state)}`}>
      <div className="user-head-who">
        <h1>
          <bdi>{name}</bdi>
        </h1>
        <p className="user-head-id">
          <bdi>{reveal(user.userId)}</bdi>
          <CopyButton text={user.userId} what={T.user.id} />
        </p>
        <p className="user-head-state" role="status">
          <StateTag state={user.state} />
          <span>
            <StateSentence user={user} />
          </span>
        </p>
        <LiveStatus />
      </div>
      {user.state !== State.DELETED && (
        <div className="user-head-acts">
          {actsFor(user).map((act, index) => (
            <Button
              key={act}
              kind={index === 0 && !ACTS[act].restricts ? "primary" : "plain"}
              missing={missing(ACTS[act].permission)}
              onClick={() => onAct(act)}
            >
              {T.acts[act]}
            </Button>
          ))}
        </div>
      )}
    </header>
  );
}
