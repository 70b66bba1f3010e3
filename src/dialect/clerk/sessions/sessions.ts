/** Get, create, revoke and verify sessions. */
import type { Expiry } from "../../../domain/command.ts";
import { refusalOf } from "../../../service/errors.ts";
import { refuseUnknownSession } from "../../../service/operations/operations.ts";
import { featureNotEnabled, paramMissing, paramsInvalid, sessionTokenInvalid } from "../wire/clerk-error.ts";
import { readForm } from "../wire/form.ts";
import { changeContext, type Operation, type OperationCall } from "../wire/operation.ts";
import { translateRefusal } from "../wire/refused.ts";
import { type SessionView, toSessionJson } from "./session-json.ts";

/** GET /sessions/{id}. */
export const getSession: Operation = {
  name: "GetSession",
  permission: "session.read",
  serve: async (call) => toSessionJson(await readSession(call)),
};

/** The original has no say in how long a session lasts; ours has a default. */
const EXPIRY: Expiry = { kind: "default" };

/** POST /sessions. The token goes beside the session, this once: the original's have theirs from its front end. */
export const createSession: Operation = {
  name: "CreateSession",
  permission: "session.write",
  serve: async (call) => {
    const form = readForm(await call.readBody(), { user_id: "string", active_organization_id: "string" });
    if (!form.user_id) throw paramsInvalid([paramMissing("user_id")]);
    // Who is a member of what is not known here: a session must not claim it.
    if (form.active_organization_id) throw featureNotEnabled();
    const { token, tokenHash } = call.operations.newSessionToken();
    const session = await open(call, form.user_id, tokenHash);
    return { ...toSessionJson({ session, status: "ACTIVE" }), token };
  },
};

async function open(call: OperationCall, userId: string, tokenHash: string): Promise<SessionView["session"]> {
  const { operations, actor } = call;
  try {
    return await operations.changeSession({
      type: "CreateSession",
      sessionId: `sess_${operations.newId().replaceAll("-", "")}`,
      tokenHash,
      userId,
      expiry: EXPIRY,
      idleTimeoutMs: null,
      // The caller is the application: of the person's client nothing is said.
      userAgent: "",
      ip: "",
      attributes: {},
      context: changeContext(call),
    });
  } catch (error) {
    // The refusal tells the state alone; until when a lock holds stands with the user.
    const isOfState = refusalOf(error)?.metadata.state !== undefined;
    const view = isOfState ? await operations.readUser(userId, actor.scope) : undefined;
    throw translateRefusal(error, { authorization: null, view }) ?? error;
  }
}

/** POST /sessions/{id}/revoke: may be repeated; one that has ended stays as it ended. */
export const revokeSession: Operation = {
  name: "RevokeSession",
  permission: "session.delete",
  serve: async (call) => {
    const session = await call.operations.changeSession({
      type: "RevokeSession",
      sessionId: call.sessionId,
      ifAlready: "succeed",
      context: changeContext(call),
    });
    // One that had ended otherwise was left alone, and is to be looked at.
    return toSessionJson(session.revokeTime === null ? await readSession(call) : { session, status: "REVOKED" });
  },
};

/** POST /sessions/{id}/verify: deprecated, but the only call that takes a token. Counts as activity; answers what was found. */
export const verifySession: Operation = {
  name: "VerifySession",
  permission: "session.read",
  serve: async (call) => {
    const { operations, actor, sessionId } = call;
    const { token } = readForm(await call.readBody(), { token: "string" });
    if (!token) throw paramsInvalid([paramMissing("token")]);
    const key = operations.sessionKeyOf(token);
    const shown = key && (await operations.readSession(key, actor.scope, false));
    if (key === undefined || shown?.session.id !== sessionId) {
      // An id that nobody has is told from a token that is not the session's.
      await readSession(call);
      throw sessionTokenInvalid();
    }
    // Another session than the one that is named must not count as used: hence the second look.
    const view = await operations.readSession(key, actor.scope, true);
    if (view?.status !== "ACTIVE") throw sessionTokenInvalid();
    return toSessionJson(view);
  },
};

/** Throws SESSION_NOT_FOUND. */
async function readSession({ operations, actor, sessionId }: OperationCall): Promise<SessionView> {
  const view = await operations.readSession({ id: sessionId }, actor.scope, false);
  return view ?? refuseUnknownSession(sessionId);
}
