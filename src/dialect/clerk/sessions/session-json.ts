/** A session as Clerk shows it: every required property is there. */
import type { JsonObject } from "@bufbuild/protobuf";
import type { SessionStatus } from "../../../domain/session.ts";
import type { SessionView as CompleteView } from "../../../service/operations/operations.ts";

/** A session at one moment. */
export type SessionView = Pick<CompleteView, "session" | "status">;

/** The statuses that a session here can have, in Clerk's words. */
export type StatusWord = "active" | "revoked" | "expired" | "abandoned";

/** Whatever ends all sessions of a user is, to the original, the application's revoking each of them. */
const STATUS_WORDS: Readonly<Record<SessionStatus, StatusWord>> = {
  ACTIVE: "active",
  REVOKED: "revoked",
  EXPIRED: "expired",
  IDLE: "abandoned",
  USER_BANNED: "revoked",
  USER_INACTIVE: "revoked",
  USER_DELETED: "revoked",
  ENDED: "revoked",
};

/** The status in Clerk's word. */
export function statusWordOf({ status }: Pick<SessionView, "status">): StatusWord {
  return STATUS_WORDS[status];
}

/** The complete session. */
export function toSessionJson({ session, status }: SessionView): JsonObject {
  const { id, idleTimeoutMs, lastActivityTime, expireTime } = session;
  return {
    object: "session",
    id,
    user_id: session.userId,
    client_id: clientIdOf(id),
    status: statusWordOf({ status }),
    // Nobody acts as somebody else here, and users do not switch organizations.
    actor: null,
    last_active_organization_id: null,
    last_active_at: lastActivityTime,
    latest_activity: toActivityJson(session),
    expire_at: expireTime,
    // From then on it has rested too long, unless it is used before.
    abandon_at: idleTimeoutMs === null ? expireTime : lastActivityTime + idleTimeoutMs,
    tasks: null,
    created_at: session.creationTime,
    updated_at: session.changeTime,
  };
}

/** What the client said of itself; `null`: nothing. */
function toActivityJson({ id, ip, userAgent }: SessionView["session"]): JsonObject | null {
  if (ip === "" && userAgent === "") return null;
  return {
    object: "session_activity",
    id: `sess_activity_${id.replace(/^sess_/, "")}`,
    is_mobile: /\bMobi/.test(userAgent),
    ...(ip === "" ? {} : { ip_address: ip }),
  };
}

const CLIENT_PREFIX = "client_";

/** Clients are not kept: each session has one of its own, whose id tells the session's. */
function clientIdOf(sessionId: string): string {
  return `${CLIENT_PREFIX}${sessionId}`;
}

/** The session of a client; `undefined`: there is no such client. */
export function sessionIdOf(clientId: string): string | undefined {
  return clientId.startsWith(CLIENT_PREFIX) ? clientId.slice(CLIENT_PREFIX.length) : undefined;
}
