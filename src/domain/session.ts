/** Sessions: who is signed in, until when, and whether the session is still valid. Their rules and commands. */

import type { CommandContext, Expiry } from "./command.ts";
import { userNotFound } from "./decide.ts";
import type { UserEvent } from "./event.ts";
import { resolveInterval } from "./interval.ts";
import { type Refusal, refuse, refuseField, sequenceMismatch, shown } from "./refusal.ts";
import { existsFor } from "./sight.ts";
import { type Attributes, EMPTY_PERSON, personChars, stateOf, type UserState } from "./user.ts";

/** The default lifetime of a session: 30 days. */
export const DEFAULT_SESSION_MS = 30 * 86_400_000;
/** The longest lifetime of a session, from now: 3,650 days. */
export const SESSION_MS_MAX = 3_650 * 86_400_000;
/** The most characters of names and values in the attributes of one session. */
export const SESSION_CHARS_MAX = 16 * 1024;

/** Instants are milliseconds since the epoch, UTC. */
export interface Session {
  readonly id: string;
  readonly userId: string;
  readonly organizationId: string;
  /**
   * The instance's generation and the user's epoch when the session was opened: once either changes, the session has
   * ended.
   */
  readonly generation: number;
  readonly epoch: number;
  readonly creationTime: number;
  readonly changeTime: number;
  /** The number of its changes; the first is its opening. */
  readonly sequence: number;
  readonly expireTime: number;
  /** Idle timeout; `null`: none. */
  readonly idleTimeoutMs: number | null;
  readonly lastActivityTime: number;
  /** When the session was revoked individually. */
  readonly revokeTime: number | null;
  readonly userAgent: string;
  readonly ip: string;
  readonly attributes: Attributes;
  readonly createdBy: string;
}

export const SESSION_STATUSES = [
  "ACTIVE",
  "REVOKED",
  "EXPIRED",
  "IDLE",
  "USER_BANNED",
  "USER_INACTIVE",
  "USER_DELETED",
  "ENDED",
] as const;
export type SessionStatus = (typeof SESSION_STATUSES)[number];

/** The instant of a decision, and the instance's generation then. */
export interface Moment {
  /** Milliseconds since the epoch. */
  readonly now: number;
  readonly generation: number;
}

/**
 * Returns the status of a session at `now`. The user is settled. A lock alone ends no session; the epoch does, if the
 * lock was to end sessions.
 */
export function sessionStatusOf(
  session: Session,
  user: Pick<UserState, "deleted" | "restrictions" | "epoch">,
  { now, generation }: Moment,
): SessionStatus {
  if (session.revokeTime !== null) return "REVOKED";
  if (session.expireTime <= now) return "EXPIRED";
  if (session.idleTimeoutMs !== null && session.lastActivityTime + session.idleTimeoutMs <= now) return "IDLE";
  const state = stateOf(user);
  if (state === "BANNED" || state === "INACTIVE" || state === "DELETED") return `USER_${state}`;
  return session.generation === generation && session.epoch === user.epoch ? "ACTIVE" : "ENDED";
}

export interface CreateSession {
  readonly type: "CreateSession";
  readonly sessionId: string;
  /** SHA-256 of the token, lower-case hex. */
  readonly tokenHash: string;
  readonly userId: string;
  readonly expiry: Expiry;
  readonly idleTimeoutMs: number | null;
  readonly userAgent: string;
  readonly ip: string;
  readonly attributes: Attributes;
  readonly context: CommandContext;
}

/** Sets a new end, new attributes, a new token, or several of these. */
export interface UpdateSession {
  readonly type: "UpdateSession";
  readonly sessionId: string;
  /** Counted from now; absent: unchanged. */
  readonly expiry?: Expiry;
  /** These replace the attributes of the same namespaces; absent: unchanged. */
  readonly attributes?: Attributes;
  /** The former token becomes invalid. */
  readonly tokenHash?: string;
  /** The change is refused unless the session is at this sequence. */
  readonly expectedSequence?: number;
  readonly context: CommandContext;
}

export interface RevokeSession {
  readonly type: "RevokeSession";
  readonly sessionId: string;
  readonly ifAlready: "refuse" | "succeed";
  /** The person signed out; absent: an administrator ends the session. */
  readonly byPerson?: boolean;
  readonly context: CommandContext;
}

export type SessionCommand = CreateSession | UpdateSession | RevokeSession;

export type SessionDecision =
  | {
      readonly ok: true;
      readonly session: Session;
      readonly tokenHash?: string;
      /** What the user's history records of the command; absent: nothing. */
      readonly event?: UserEvent;
    }
  | { readonly ok: false; readonly refusal: Refusal };

type Refused = Extract<SessionDecision, { ok: false }>;

const reject = (refusal: Refusal): Refused => ({ ok: false, refusal });

/**
 * Decides CreateSession, in the order of refusal: validation of what depends on the clock, existence, state. The
 * settled user is checked in the transaction that writes the session, so no session survives a ban at the same moment.
 */
export function decideCreateSession(
  user: UserState | undefined,
  command: CreateSession,
  { now, generation }: Moment,
): SessionDecision {
  const end = endOf(command.expiry, now);
  if (!end.ok) return end;
  const tooLarge = sizeFault(command.attributes);
  if (tooLarge !== undefined) return tooLarge;
  if (!existsFor(user, command.context)) return reject(userNotFound(command.userId));
  const state = stateOf(user);
  if (state !== "ACTIVE") {
    return reject(
      refuse("USER_MAY_NOT_ACT", `the user ${shown(user.id)} is ${state} and may not sign in`, {
        metadata: { userId: user.id, state },
      }),
    );
  }
  const { sessionId: id, tokenHash, userId, idleTimeoutMs, userAgent, ip, attributes, context } = command;
  const { organizationId, epoch } = user;
  const times = { creationTime: now, changeTime: now, lastActivityTime: now, expireTime: end.expireTime };
  const own = {
    id,
    userId,
    organizationId,
    generation,
    epoch,
    sequence: 1,
    idleTimeoutMs,
    revokeTime: null,
    userAgent,
    ip,
  };
  return { ok: true, tokenHash, session: { ...own, ...times, attributes, createdBy: context.actor } };
}

/**
 * Decides a change of a session, in the order of refusal: validation of what depends on the clock, existence, state,
 * sequence. State comes before sequence because it tells a late caller more. `session` has the last known activity, on
 * disk or not.
 */
export function decideSession(
  session: Session | undefined,
  user: UserState | undefined,
  command: UpdateSession | RevokeSession,
  moment: Moment,
): SessionDecision {
  const { now } = moment;
  const { expiry, expectedSequence: expected } = command.type === "UpdateSession" ? command : {};
  const end = expiry === undefined ? undefined : endOf(expiry, now);
  if (end?.ok === false) return end;
  if (session === undefined || !existsFor(user, { scope: command.context.scope, showDeleted: true })) {
    return reject(sessionNotFound(command.sessionId));
  }
  const status = sessionStatusOf(session, user, moment);
  if (status !== "ACTIVE") {
    if (command.type === "RevokeSession" && command.ifAlready === "succeed") return { ok: true, session };
    return reject(
      refuse("SESSION_ENDED", `the session ${shown(session.id)} has ended: ${status}`, {
        metadata: { sessionId: session.id, status },
      }),
    );
  }
  const { sequence } = session;
  const changed = { ...session, changeTime: now, sequence: sequence + 1 };
  if (command.type === "RevokeSession") {
    return { ok: true, session: { ...changed, revokeTime: now }, event: revocation(session.id, command, now) };
  }
  if (expected !== undefined && expected !== sequence) {
    return reject(sequenceMismatch("session", session.id, { expected, sequence }));
  }
  const attributes = { ...session.attributes, ...command.attributes };
  const tooLarge = sizeFault(attributes);
  if (tooLarge !== undefined) return tooLarge;
  return {
    ok: true,
    session: { ...changed, attributes, expireTime: end?.expireTime ?? session.expireTime },
    ...(command.tokenHash === undefined ? {} : { tokenHash: command.tokenHash }),
  };
}

function revocation(sessionId: string, { byPerson, context }: RevokeSession, now: number): UserEvent {
  return {
    type: "SessionRevoked",
    time: now,
    actor: context.actor,
    data: { sessionId, ...(byPerson === true ? { byPerson } : {}) },
    personal: {},
  };
}

function endOf(expiry: Expiry, now: number): Refused | { readonly ok: true; readonly expireTime: number } {
  const interval = resolveInterval(expiry, undefined, { now, defaultMs: DEFAULT_SESSION_MS });
  if (!interval.ok) return interval;
  const { expireTime } = interval;
  if (expireTime === null || expireTime > now + SESSION_MS_MAX) {
    const field = expiry.kind === "for" ? "duration" : "expire_time";
    const asked = expireTime === null ? "no end" : new Date(expireTime).toISOString();
    return reject(refuseField(field, `${asked} is not allowed; a session ends at most 3,650 days from now`));
  }
  return { ok: true, expireTime };
}

function sizeFault(attributes: Attributes): Refused | undefined {
  const chars = personChars({ ...EMPTY_PERSON, attributes });
  if (chars <= SESSION_CHARS_MAX) return undefined;
  return reject(refuseField("attributes", `would have ${chars} characters together; ${SESSION_CHARS_MAX} are allowed`));
}

/** The same refusal for a session that never existed, was removed, or is outside the caller's scope. */
export function sessionNotFound(sessionId: string): Refusal {
  return refuse("SESSION_NOT_FOUND", `there is no session with the id ${shown(sessionId)}`, {
    metadata: { sessionId },
  });
}
