/** Gets, creates, revokes and verifies sessions. */
import type { Expiry } from "../../../domain/command.ts";
import { refusalOf } from "../../../service/errors.ts";
import { type ChangedSession, refuseUnknownSession } from "../../../service/operations/operations.ts";
import { featureNotEnabled, paramMissing, paramsInvalid, sessionTokenInvalid } from "../wire/clerk-error.ts";
import { readForm } from "../wire/form.ts";
import type { Operation, OperationCall } from "../wire/operation.ts";
import { translateRefusal } from "../wire/refused.ts";
import { type SessionView, toSessionJson } from "./session-json.ts";

/** GET /sessions/{id}. */
export const getSession: Operation = {
  name: "GetSession",
  permission: "session.read",
  serve: async (call) => toSessionJson(await readSession(call)),
};

/** Clerk has no parameter for the lifetime of a session; ours has a default. */
const EXPIRY: Expiry = { kind: "default" };

/** POST /sessions. The token is returned next to the session, once: in Clerk it comes from the front end. */
export const createSession: Operation = {
  name: "CreateSession",
  permission: "session.write",
  serve: async (call) => {
    const form = readForm(await call.readBody(), { user_id: "string", active_organization_id: "string" });
    if (!form.user_id) throw paramsInvalid([paramMissing("user_id")]);
    // Memberships are unknown here: a session must not claim one.
    if (form.active_organization_id) throw featureNotEnabled();
    const opened = await open(call, form.user_id);
    return { ...toSessionJson(opened), token: opened.token };
  },
};

async function open(call: OperationCall, userId: string): Promise<ChangedSession> {
  const { operations, actor } = call;
  try {
    const session = {
      sessionId: `sess_${operations.newId().replaceAll("-", "")}`,
      userId,
      expiry: EXPIRY,
      idleTimeoutMs: null,
      // The caller is the application: nothing is known about the person's client.
      userAgent: "",
      ip: "",
      attributes: {},
    };
    return await operations.openSession(session, call);
  } catch (error) {
    // The refusal contains only the state; the end of a lock is a property of the user.
    const isOfState = refusalOf(error)?.metadata.state !== undefined;
    const view = isOfState ? await operations.readUser(userId, actor) : undefined;
    throw translateRefusal(error, { authorization: null, view }) ?? error;
  }
}

/** POST /sessions/{id}/revoke: may be repeated; a session that ended otherwise stays unchanged. */
export const revokeSession: Operation = {
  name: "RevokeSession",
  permission: "session.delete",
  serve: async (call) => {
    const change = { type: "RevokeSession", sessionId: call.sessionId, ifAlready: "succeed" } as const;
    return toSessionJson(await call.operations.changeSession(change, call));
  },
};

/**
 * POST /sessions/{id}/verify: deprecated, but the only call that accepts a token. Counts as activity; answers the
 * session.
 */
export const verifySession: Operation = {
  name: "VerifySession",
  permission: "session.read",
  serve: async (call) => {
    const { operations, actor, sessionId } = call;
    const { token } = readForm(await call.readBody(), { token: "string" });
    if (!token) throw paramsInvalid([paramMissing("token")]);
    if (!(await operations.isTokenOf(token, sessionId, actor.scope))) {
      // An unknown id is answered differently from a token that is not the session's.
      await readSession(call);
      throw sessionTokenInvalid();
    }
    // A session other than the named one must not count as used: hence the second read.
    const view = await operations.readSession({ id: sessionId }, actor.scope, true);
    if (view?.status !== "ACTIVE") throw sessionTokenInvalid();
    return toSessionJson(view);
  },
};

/** Returns the session. Throws SESSION_NOT_FOUND. */
async function readSession({ operations, actor, sessionId }: OperationCall): Promise<SessionView> {
  const view = await operations.readSession({ id: sessionId }, actor.scope, false);
  return view ?? refuseUnknownSession(sessionId);
}
