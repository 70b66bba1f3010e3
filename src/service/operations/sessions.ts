/** Operations on sessions: opening, verifying, changing and ending them. Nothing is answered from a cache. */
import { createSessionToken, hashSecret, isWellFormedSessionToken } from "../../auth/secret.ts";
import { RefusalError } from "../../domain/refusal.ts";
import {
  type CreateSession,
  type RevokeSession,
  type Session,
  type SessionCommand,
  type SessionStatus,
  sessionNotFound,
  sessionStatusOf,
  type UpdateSession,
} from "../../domain/session.ts";
import type { Page, ReadOptions, SessionName, SessionQuery, SessionReading, SessionView } from "../../store/queries.ts";
import type { Store } from "../../store/store.ts";
import { type Caller, type ChangeTerms, contextOf, execute } from "./caller.ts";

/** A session as a command left it. */
export interface ChangedSession {
  readonly session: Session;
  readonly status: SessionStatus;
  /** The new token, shown once; empty: none was made. */
  readonly token: string;
}

/** A session to open. Absent `sessionId`: a UUIDv7. */
export type NewSession = Omit<CreateSession, "type" | "sessionId" | "tokenHash" | "context"> & {
  readonly sessionId?: string;
};

/** A change of a session. `renewsToken`: the former token is worthless afterwards. */
export type SessionChange =
  | (Omit<UpdateSession, "tokenHash" | "context"> & { readonly renewsToken?: boolean })
  | Omit<RevokeSession, "context">;

/** Every method rejects with RefusalError, or with what `refusalOf` knows. */
export interface SessionOperations {
  /** The upper half of every revocation epoch. */
  readonly generation: number;
  /** Opens a session and makes it durable. */
  openSession(session: NewSession, caller: Caller, terms?: ChangeTerms): Promise<ChangedSession>;
  /** Changes or ends a session and makes it durable. */
  changeSession(change: SessionChange, caller: Caller, terms?: ChangeTerms): Promise<ChangedSession>;
  /** The session at this moment; `undefined`: there is none within the scope. `touch`: the read counts as activity. */
  readSession(name: SessionName, scope: string | null, touch: boolean): Promise<SessionReading | undefined>;
  /** The newest first. A page may be short; only an absent `next` means the end. */
  listSessions(query: SessionQuery, options?: ReadOptions): Promise<Page<SessionView>>;
  /** The session key for a token; `undefined` if the token is malformed. */
  sessionKeyOf(token: string): SessionName | undefined;
  /** Whether a token is the session's present one. The check does not count as activity. */
  isTokenOf(token: string, sessionId: string, scope: string | null): Promise<boolean>;
  /** The store's clock, in milliseconds since the epoch. */
  now(): Promise<number>;
}

interface Parts {
  readonly store: Store;
  readonly newId: () => string;
}

export function sessionOperations({ store, newId }: Parts): SessionOperations {
  const change = async (command: SessionCommand, caller: Caller, token: string): Promise<ChangedSession> => {
    const session: Session = await execute<SessionCommand>(store, command, caller);
    const shownToken = command.context.validateOnly ? "" : token;
    return { session, status: await statusOf(store, session), token: shownToken };
  };
  return {
    generation: store.generation,
    async openSession(session, caller, terms) {
      const token = createSessionToken();
      const own = { sessionId: session.sessionId ?? newId(), tokenHash: hashSecret(token) };
      const context = contextOf(caller, terms);
      return change({ type: "CreateSession", ...session, ...own, context }, caller, token);
    },
    async changeSession(asked, caller, terms) {
      const context = contextOf(caller, terms);
      if (asked.type === "RevokeSession") return change({ ...asked, context }, caller, "");
      const { renewsToken = false, ...update } = asked;
      if (!renewsToken) return change({ ...update, context }, caller, "");
      const token = createSessionToken();
      return change({ ...update, tokenHash: hashSecret(token), context }, caller, token);
    },
    readSession: (name, scope, touch) => store.readSession({ ...name, scope }, { touch }),
    listSessions: (query, options) => store.listSessions(query, options),
    sessionKeyOf,
    async isTokenOf(token, sessionId, scope) {
      const name = sessionKeyOf(token);
      return (
        name !== undefined && (await store.readSession({ ...name, scope }, { touch: false }))?.session.id === sessionId
      );
    },
    now: () => store.now(),
  };
}

function sessionKeyOf(token: string): SessionName | undefined {
  return isWellFormedSessionToken(token) ? { tokenHash: hashSecret(token) } : undefined;
}

/** Returns the status of a session after a command. A repeated request may return a session that has ended since. */
async function statusOf(store: Store, session: Session): Promise<SessionStatus> {
  const [now, user] = [await store.now(), await store.readUser(session.userId)];
  return user === undefined ? "ENDED" : sessionStatusOf(session, user.state, { now, generation: store.generation });
}

/** Throws SESSION_NOT_FOUND. */
export function refuseUnknownSession(sessionId: string): never {
  throw new RefusalError(sessionNotFound(sessionId));
}
