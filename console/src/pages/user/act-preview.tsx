/** What an act will do, as the service itself foresees it. */
import { useQuery } from "@connectrpc/connect-query";
import type { ReactNode } from "react";
import { Cause } from "../../../../gen/lockkeeper/resource/v1/restriction_pb.ts";
import { SessionService } from "../../../../gen/lockkeeper/session/v1/session_service_pb.ts";
import type { User } from "../../../../gen/lockkeeper/user/v1/user_pb.ts";
import { useSession } from "../../app/session.tsx";
import { Loading } from "../../parts/notice.tsx";
import { T } from "../../texts/texts.ts";
import { localTime, millisOf, utcTime } from "../../wire/time.ts";
import type { ActDraft } from "./act-draft.ts";
import { ACTS, type ActName } from "./acts.ts";
import { restrictionNames } from "./state.tsx";

/** More are counted as "or more". */
const SESSIONS_COUNTED_MAX = 1_000;

export interface ActPreviewProps {
  readonly act: ActName;
  readonly user: User;
  readonly draft: ActDraft;
  /** The user as the service says it would be. */
  readonly after: User | undefined;
  readonly isPending: boolean;
}

/** The preview. */
export function ActPreview({ act, user, draft, after, isPending }: ActPreviewProps): ReactNode {
  const { kind, restricts, endsSessions } = ACTS[act];
  const endsThem = endsSessions === "always" || (endsSessions === "asked" && draft.revokeSessions);
  const sessions = useSessionCount(user.userId, endsThem);
  if (after === undefined) return isPending ? <Loading /> : null;
  const made = after.restrictions.find((each) => each.kind === kind && each.cause === Cause.ADMIN);
  const [begin, end] = [millisOf(made?.startTime), millisOf(made?.expireTime)];
  const state = T.states[after.state] ?? "";
  const lines = [
    after.state === user.state ? T.acts.stays(state) : T.acts.becomes(state),
    made?.scheduled === true && restricts && begin !== undefined && T.acts.begins(localTime(begin), utcTime(begin)),
    restricts && ACTS[act].ends && (end === undefined ? T.acts.endsNever : T.acts.endsAt(localTime(end), utcTime(end))),
    endsThem && made?.scheduled === true && T.acts.endsSessionsThen,
    endsThem &&
      made?.scheduled !== true &&
      (sessions === undefined ? T.acts.endsSessionsUncounted : T.acts.endsSessions(sessions.count, sessions.isAll)),
    !restricts && after.restrictions.length > 0 && T.acts.remains(restrictionNames(after.restrictions)),
  ];
  return (
    <section className="preview" aria-live="polite" aria-busy={isPending}>
      <h3>{T.acts.preview}</h3>
      <ul>
        {lines
          .filter((line) => typeof line === "string")
          .map((line) => (
            <li key={line}>{line}</li>
          ))}
      </ul>
    </section>
  );
}

/** Returns how many sessions the user has; undefined if the caller may not know, or until the service says so. */
function useSessionCount(
  userId: string,
  isAsked: boolean,
): { readonly count: number; readonly isAll: boolean } | undefined {
  const { may } = useSession();
  const { data } = useQuery(
    SessionService.method.listSessions,
    { userId, activeOnly: true, pageSize: SESSIONS_COUNTED_MAX },
    { enabled: isAsked && may("session.read") },
  );
  return data && { count: data.sessions.length, isAll: data.nextPageToken === "" };
}
