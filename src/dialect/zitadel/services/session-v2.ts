/** The handlers of zitadel.session.v2.SessionService, shared by v2beta. No credential of a person is verified here. */
import type { Duration } from "@bufbuild/protobuf/wkt";
import type { SessionService } from "@zitadel/proto/zitadel/session/v2/session_service_pb.js";
import type { SessionService as BetaSessionService } from "@zitadel/proto/zitadel/session/v2beta/session_service_pb.js";
import type { Expiry } from "../../../domain/command.ts";
import type { Session } from "../../../domain/session.ts";
import { mapInTurns } from "../../../service/in-turns.ts";
import {
  type ChangedSession,
  type Operations,
  retryOvertaken,
  SESSION_MS_MAX,
  type SessionChange,
  type SessionView,
} from "../../../service/operations/operations.ts";
import { toDurationMs, toTimestamp } from "../../../service/times.ts";
import { changeMetadata, sessionAttributes, sessionExtrasOf } from "../sessions/session-attributes.ts";
import {
  assertNotEnded,
  assertOnlyUser,
  knownSessionError,
  lifetimeRefused,
  readCheckedUser,
  SESSION_ERRORS,
} from "../sessions/session-check.ts";
import { listSessions } from "../sessions/session-list.ts";
import { isShown, toSession } from "../sessions/session-message.ts";
import { toUserAgentExtras } from "../sessions/user-agent.ts";
import { resourceDetails } from "../users/user-message.ts";
import { assertPermitted } from "../wire/admission.ts";
import { ERRORS, toError } from "../wire/error.ts";
import type { ZitadelCall, ZitadelHandlers } from "../wire/handler.ts";

type Handlers = ZitadelHandlers<typeof SessionService>;

/**
 * Returns all methods of session v2. In ZITADEL, sessions belong to the instance, and the holder of a token reads and
 * changes its session. Here a caller is confined to its organization: a session of another one is as unknown as one
 * that never existed, whatever token is shown.
 */
export function sessionHandlers(operations: Operations): Handlers {
  return { ...readHandlers(operations), ...changeHandlers(operations) };
}

/** The handlers of v2beta: its messages have the same fields under other names. */
export function betaSessionHandlers(operations: Operations): ZitadelHandlers<typeof BetaSessionService> {
  return sessionHandlers(operations) as unknown as ZitadelHandlers<typeof BetaSessionService>;
}

function readHandlers(operations: Operations): Pick<Handlers, "listSessions" | "getSession"> {
  return {
    async listSessions(request, call) {
      const { sessions, total } = await listSessions(operations, request, call);
      const ids = [...new Set(sessions.map(({ userId }) => userId))];
      const users = new Map(
        await mapInTurns(ids, call, async (id) => [id, await operations.readUser(id, { scope: null })] as const),
      );
      // The sessions of a user that was deleted since have ended.
      const shown = sessions.flatMap((session) => {
        const user = users.get(session.userId);
        return user === undefined ? [] : [{ session, user }];
      });
      return {
        details: { totalResult: BigInt(total), timestamp: toTimestamp(users.get(ids[0] ?? "")?.now ?? Date.now()) },
        sessions: await mapInTurns(shown, call, ({ session, user }) => toSession(session, user)),
      };
    },

    async getSession({ sessionId, sessionToken = "" }, { admission: { actor } }) {
      const view = await operations.readSession({ id: sessionId }, actor.scope, false);
      if (view === undefined || !isShown(view)) throw toError(SESSION_ERRORS.notFound);
      const { session } = view;
      if (sessionToken !== "") {
        if (!(await operations.isTokenOf(sessionToken, session.id, null))) throw toError(SESSION_ERRORS.tokenRefused);
      } else if (session.createdBy !== actor.id) {
        assertPermitted(actor, "session.read", session.organizationId);
      }
      const user = await operations.readUser(session.userId, { scope: null });
      if (user === undefined) throw toError(SESSION_ERRORS.notFound);
      // Only the holder of the token counts as using the session, and only the session that the token belongs to.
      if (sessionToken !== "") await operations.readSession({ id: sessionId }, session.organizationId, true);
      return { session: toSession(session, user) };
    },
  };
}

function changeHandlers(operations: Operations): Pick<Handlers, "createSession" | "setSession" | "deleteSession"> {
  const known = async (changed: Promise<ChangedSession>): Promise<ChangedSession> => {
    try {
      return await changed;
    } catch (error) {
      throw knownSessionError(error);
    }
  };
  return {
    async createSession({ checks, challenges, metadata, userAgent, lifetime }, call) {
      const { actor } = call.admission;
      assertOnlyUser(checks, challenges);
      const view = await readCheckedUser(operations, checks?.user, call);
      if (view === undefined) throw toError(SESSION_ERRORS.userRequired);
      const { id: userId, organizationId } = view.user.state;
      assertPermitted(actor, "session.write", organizationId);
      const { description, ip, ...extras } = toUserAgentExtras(userAgent);
      const asked = {
        userId,
        expiry: toExpiry(lifetime) ?? LONGEST,
        idleTimeoutMs: null,
        userAgent: description,
        ip,
        attributes: sessionAttributes({ ...extras, metadata: changeMetadata({}, metadata) }),
      };
      const { session, token } = await known(operations.openSession(asked, call, { scope: organizationId }));
      return { details: resourceDetails(session), sessionId: session.id, sessionToken: token };
    },

    async setSession({ sessionId, sessionToken, checks, challenges, metadata, lifetime }, call) {
      assertOnlyUser(checks, challenges);
      const checked = await readCheckedUser(operations, checks?.user, call);
      return retryOvertaken(async () => {
        // A concurrent change leaves its values, and may have replaced the token: both are read again.
        const { session } = await readToSet(operations, sessionId, sessionToken, call);
        if (checked !== undefined && checked.user.state.id !== session.userId) throw toError(SESSION_ERRORS.userChange);
        const extras = sessionExtrasOf(session.attributes);
        const expiry = await toNewExpiry(operations, session, lifetime, call);
        const change: SessionChange = {
          type: "UpdateSession",
          sessionId,
          renewsToken: true,
          ...(expiry === undefined ? {} : { expiry }),
          attributes: sessionAttributes({
            ...extras,
            metadata: changeMetadata(extras.metadata, metadata),
            ...(checked === undefined ? {} : { userCheckTime: checked.now }),
          }),
          expectedSequence: session.sequence,
        };
        const changed = await known(operations.changeSession(change, call, { scope: session.organizationId }));
        return { details: resourceDetails(changed.session), sessionToken: changed.token };
      });
    },

    async deleteSession({ sessionId, sessionToken = "" }, call) {
      const { actor, organizationId } = call.admission;
      const view = await operations.readSession({ id: sessionId }, actor.scope, false);
      const owner = view?.session.organizationId ?? organizationId;
      if (sessionToken === "") assertPermitted(actor, "session.delete", owner);
      else if (view === undefined || !(await operations.isTokenOf(sessionToken, sessionId, null))) {
        throw toError(SESSION_ERRORS.tokenInvalid);
      }
      // Deleting a missing session succeeds: it is gone, as asked.
      if (view === undefined) return { details: { resourceOwner: owner } };
      // Who shows the session's token signs out; others end the sessions of people.
      const byPerson = sessionToken !== "";
      const change = { type: "RevokeSession", sessionId, ifAlready: "succeed", byPerson } as const;
      const { session } = await known(operations.changeSession(change, call, { scope: owner }));
      return { details: resourceDetails(session) };
    },
  };
}

/**
 * Returns the session that a call may set. Reads it before checking the token: if it is unchanged when written, the
 * token was its own until then.
 */
async function readToSet(
  operations: Operations,
  sessionId: string,
  token: string,
  call: ZitadelCall,
): Promise<SessionView> {
  const view = await operations.readSession({ id: sessionId }, call.admission.actor.scope, false);
  if (view === undefined || !(await operations.isTokenOf(token, sessionId, null))) assertMayWrite(token, call);
  if (view === undefined) throw toError(SESSION_ERRORS.notExisting);
  assertNotEnded(view);
  return view;
}

/** Later ZITADEL versions check only the permission, earlier ones only the token: either is enough here. */
function assertMayWrite(token: string, { admission: { actor } }: ZitadelCall): void {
  if (actor.permissions.has("session.write")) return;
  throw toError(token === "" ? ERRORS.userNotPermitted : SESSION_ERRORS.tokenInvalid);
}

/** The longest lifetime of a session, 3,650 days: ZITADEL's sessions without a lifetime never expire. */
const LONGEST: Expiry = { kind: "for", durationMs: SESSION_MS_MAX };

function toExpiry(lifetime: Duration | undefined): Extract<Expiry, { kind: "for" }> | undefined {
  return lifetime && { kind: "for", durationMs: toDurationMs(lifetime, "lifetime") };
}

/**
 * Returns the end that a call may set. Throws if the token alone would extend the session: a stolen one would never
 * end.
 */
async function toNewExpiry(
  operations: Operations,
  session: Session,
  lifetime: Duration | undefined,
  { admission: { actor } }: ZitadelCall,
): Promise<Expiry | undefined> {
  const expiry = toExpiry(lifetime);
  if (expiry === undefined || actor.permissions.has("session.write")) return expiry;
  const user = await operations.readUser(session.userId, actor);
  if (user === undefined) throw toError(SESSION_ERRORS.terminated);
  const time = user.now + expiry.durationMs;
  if (time <= session.expireTime) return { kind: "at", time };
  throw toError(lifetimeRefused(time, session.expireTime));
}
