/** A session in Clerk's form: every required property is present. */
import type { JsonObject } from "@bufbuild/protobuf";
import type { SessionStatus } from "../../../domain/session.ts";
import type { SessionView as CompleteView } from "../../../service/operations/operations.ts";

/** A session at one moment. */
export type SessionView = Pick<CompleteView, "session" | "status">;

/** The statuses that a session here can have, in Clerk's words. */
export type StatusWord = "active" | "revoked" | "expired" | "abandoned";

/** To Clerk, whatever ends all sessions of a user is the application revoking each of them. */
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

/** Returns the status in Clerk's words. */
export function statusWordOf({ status }: Pick<SessionView, "status">): StatusWord {
  return STATUS_WORDS[status];
}

/** Returns the complete session. */
export function toSessionJson({ session, status }: SessionView): JsonObject {
  const { id, idleTimeoutMs, lastActivityTime, expireTime } = session;
  return {
    object: "session",
    id,
    user_id: session.userId,
    client_id: clientIdOf(id),
    status: statusWordOf({ status }),
    // There is no impersonation here, and users do not switch organizations.
    actor: null,
    last_active_organization_id: null,
    last_active_at: lastActivityTime,
    latest_activity: toActivityJson(session),
    expire_at: expireTime,
    // From then on the session has been idle too long, unless it is used before.
    abandon_at: idleTimeoutMs === null ? expireTime : lastActivityTime + idleTimeoutMs,
    tasks: null,
    created_at: session.creationTime,
    updated_at: session.changeTime,
  };
}

/** Returns what the client said about itself; `null` if nothing. */
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

/** Clients are not stored: each session has its own, whose id contains the session's. */
function clientIdOf(sessionId: string): string {
  return `${CLIENT_PREFIX}${sessionId}`;
}

/** Returns the session of a client; `undefined` if there is no such client. */
export function sessionIdOf(clientId: string): string | undefined {
  return clientId.startsWith(CLIENT_PREFIX) ? clientId.slice(CLIENT_PREFIX.length) : undefined;
}
