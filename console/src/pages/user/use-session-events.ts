/** Keeps long lists of sessions right while events end some of them. */
import { createClient } from "@connectrpc/connect";
import { useQueryClient } from "@tanstack/react-query";
import type { Event } from "../../../../gen/lockkeeper/event/v1/event_pb.ts";
import { SessionService } from "../../../../gen/lockkeeper/session/v1/session_service_pb.ts";
import { useSession } from "../../app/session.tsx";
import { cutToTop, isAnyLong, putRow } from "../../live/rows.ts";

/** What may end all sessions of a user. */
const ENDING_ALL: readonly Event["payload"]["case"][] = [
  "userSessionsRevoked",
  "userLocked",
  "userBanned",
  "userDeactivated",
  "userDeleted",
  "restrictionStarted",
];

/** Returns what to call with events of a user before lists are read again. */
export function useSessionEvents(): (events: readonly Event[]) => void {
  const queries = useQueryClient();
  const { transport, may } = useSession();
  const readOne = async (sessionId: string): Promise<void> => {
    const { session } = await createClient(SessionService, transport).getSession({ sessionId });
    if (session !== undefined) putRow(queries, session);
  };
  return (events) => {
    if (events.some(({ payload }) => ENDING_ALL.includes(payload.case))) cutToTop(queries, SessionService.typeName);
    if (!may("session.read") || !isAnyLong(queries, SessionService.typeName)) return;
    for (const { payload } of events) {
      // Where it cannot be read, the row stays as it is until the list is read again.
      if (payload.case === "sessionRevoked") readOne(payload.value.sessionId).catch(() => undefined);
    }
  };
}
