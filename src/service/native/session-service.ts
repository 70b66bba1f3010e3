/** SessionService: opens, verifies and ends sessions. Message → operation → message. */
import { create } from "@bufbuild/protobuf";
import * as pb from "../../../gen/lockkeeper/session/v1/session_service_pb.ts";
import { revocationEpochOf } from "../../domain/instance.ts";
import { invalidField } from "../../domain/refusal.ts";
import { stateOf } from "../../domain/user.ts";
import type { SessionName } from "../../store/queries.ts";
import type { ServiceHandlers } from "../call.ts";
import { mapInTurns } from "../in-turns.ts";
import { listScope, pageOf, readScope } from "../operations/caller.ts";
import { refuseUnknownSession, type SessionOperations } from "../operations/sessions.ts";
import type { UserOperations } from "../operations/users.ts";
import { toDurationMs, toTimestamp } from "../times.ts";
import { toSessionMessage, toStatusValue } from "./message/session-message.ts";
import { toAttributes, toStateValue, toUserAnswer } from "./message/user-message.ts";
import { termsOf, toExpiry, toSequence } from "./request.ts";

type Handlers = ServiceHandlers<typeof pb.SessionService>;
type Operations = SessionOperations & Pick<UserOperations, "changeUser">;

/** The handlers of lockkeeper.session.v1.SessionService. */
export function sessionHandlers(operations: Operations): Handlers {
  return { ...queryHandlers(operations), ...changeHandlers(operations) };
}

function queryHandlers(operations: SessionOperations): Pick<Handlers, "verifySession" | "getSession" | "listSessions"> {
  return {
    async verifySession(request, call) {
      const scope = readScope(call.admission.actor, request.organizationId);
      const view = await operations.readSession(nameOf(operations, request), scope, !request.passive);
      if (view === undefined) {
        const serverTime = toTimestamp(await operations.now());
        return create(pb.VerifySessionResponseSchema, { active: false, status: pb.SessionStatus.UNKNOWN, serverTime });
      }
      return create(pb.VerifySessionResponseSchema, {
        active: view.status === "ACTIVE",
        status: toStatusValue(view.status),
        session: toSessionMessage(view),
        userState: toStateValue(stateOf(view.user)),
        revocationEpoch: revocationEpochOf(operations.generation, view.user.epoch),
        serverTime: toTimestamp(view.now),
      });
    },

    async getSession({ sessionId, organizationId }, call) {
      const scope = readScope(call.admission.actor, organizationId);
      const view = await operations.readSession({ id: sessionId }, scope, false);
      if (view === undefined) refuseUnknownSession(sessionId);
      return create(pb.GetSessionResponseSchema, { session: toSessionMessage(view) });
    },

    async listSessions(request, call) {
      const query = {
        organizationId: listScope(call.admission.actor, request.organizationId),
        ...(request.userId === undefined ? {} : { userId: request.userId }),
        activeOnly: request.activeOnly,
        ...pageOf(request),
      };
      const page = await operations.listSessions(query, { signal: call.signal });
      return create(pb.ListSessionsResponseSchema, {
        sessions: await mapInTurns(page.items, call, toSessionMessage),
        nextPageToken: page.next ?? "",
      });
    },
  };
}

type Changes = Pick<Handlers, "createSession" | "extendSession" | "revokeSession" | "revokeUserSessions">;

function changeHandlers(operations: Operations): Changes {
  return {
    async createSession(request, call) {
      const { userId, idleTimeout, userAgent, ip } = request;
      const session = {
        userId,
        expiry: toExpiry(request.expiry),
        idleTimeoutMs: idleTimeout === undefined ? null : toDurationMs(idleTimeout, "idle_timeout"),
        userAgent,
        ip,
        attributes: toAttributes(request.attributes),
      };
      const opened = await operations.openSession(session, call, termsOf(call, request));
      return create(pb.CreateSessionResponseSchema, { session: toSessionMessage(opened), token: opened.token });
    },

    async extendSession(request, call) {
      const { sessionId } = request;
      const change = { type: "UpdateSession", sessionId, expiry: toExpiry(request.expiry) } as const;
      const session = toSessionMessage(await operations.changeSession(change, call, termsOf(call, request)));
      return create(pb.ExtendSessionResponseSchema, { session });
    },

    async revokeSession(request, call) {
      const { sessionId, byPerson } = request;
      const change = { type: "RevokeSession", sessionId, ifAlready: "refuse", byPerson } as const;
      const session = toSessionMessage(await operations.changeSession(change, call, termsOf(call, request)));
      return create(pb.RevokeSessionResponseSchema, { session });
    },

    async revokeUserSessions(request, call) {
      const { userId, reasonCode, note } = request;
      const expectedSequence = toSequence(request.expectedSequence);
      const sequence = expectedSequence === undefined ? {} : { expectedSequence };
      const change = { type: "RevokeUserSessions", userId, reasonCode, note, ...sequence } as const;
      const { user } = await operations.changeUser(change, call, termsOf(call, request));
      return create(pb.RevokeUserSessionsResponseSchema, toUserAnswer(user, operations.generation));
    },
  };
}

/** Throws FIELD_INVALID for a malformed token, so that a mistyped one is not taken for an ended session. */
function nameOf(operations: SessionOperations, { key }: pb.VerifySessionRequest): SessionName {
  if (key.case !== "token") return { id: key.value ?? "" };
  const name = operations.sessionKeyOf(key.value);
  if (name !== undefined) return name;
  throw invalidField("token", "is not the token of a session: lks_, 43 letters and digits, and a checksum");
}
