/** SessionService: opens, verifies and ends sessions. The rules are the domain's; nothing is answered from a cache. */

import { create } from "@bufbuild/protobuf";
import * as pb from "../../../gen/lockkeeper/session/v1/session_service_pb.ts";
import { createSessionToken, hashSecret, isWellFormedSessionToken } from "../../auth/secret.ts";
import type { Expiry, UserCommand } from "../../domain/command.ts";
import { revocationEpochOf } from "../../domain/instance.ts";
import { RefusalError } from "../../domain/refusal.ts";
import { type Session, type SessionCommand, sessionNotFound, sessionStatusOf } from "../../domain/session.ts";
import { stateOf, type User } from "../../domain/user.ts";
import type { SessionKey, SessionQuery } from "../../store/queries.ts";
import type { Store } from "../../store/store.ts";
import type { ServiceCall, ServiceHandlers } from "../call.ts";
import { mapInTurns } from "../in-turns.ts";
import {
  assertWithinScope,
  commandContext,
  executeOptions,
  invalidField,
  pageSizeOf,
  readScope,
  resourceOf,
  toDurationMs,
  toExpiry,
  toSequence,
} from "../request.ts";
import { TickBatch } from "../tick-batch.ts";
import { toSessionMessage, toStatusValue } from "./message/session-message.ts";
import { toAttributes, toStateValue, toTimestamp, toUserAnswer } from "./message/user-message.ts";

export interface SessionServiceOptions {
  readonly store: Store;
  readonly newId: () => string;
}

type Handlers = ServiceHandlers<typeof pb.SessionService>;

/** The handlers of lockkeeper.session.v1.SessionService. */
export function sessionHandlers({ store, newId }: SessionServiceOptions): Handlers {
  return { ...queryHandlers(store), ...changeHandlers(store, newId) };
}

type Queries = Pick<Handlers, "verifySession" | "getSession" | "listSessions">;

function queryHandlers(store: Store): Queries {
  const active = new TickBatch((keys: readonly SessionKey[]) => store.readSessions(keys, { touch: true }));
  const passive = new TickBatch((keys: readonly SessionKey[]) => store.readSessions(keys, { touch: false }));
  return {
    async verifySession(request, call) {
      const key = keyOf(request, readScope(call.admission.actor, request.organizationId));
      const view = await (request.passive ? passive : active).get(key);
      const serverTime = toTimestamp(await store.now());
      if (view === undefined) {
        return create(pb.VerifySessionResponseSchema, { active: false, status: pb.SessionStatus.UNKNOWN, serverTime });
      }
      return create(pb.VerifySessionResponseSchema, {
        active: view.status === "ACTIVE",
        status: toStatusValue(view.status),
        session: toSessionMessage(view),
        userState: toStateValue(stateOf(view.user)),
        revocationEpoch: revocationEpochOf(store.generation, view.user.epoch),
        serverTime,
      });
    },

    async getSession({ sessionId, organizationId }, call) {
      const view = await passive.get({ id: sessionId, scope: readScope(call.admission.actor, organizationId) });
      if (view === undefined) throw new RefusalError(sessionNotFound(sessionId));
      return create(pb.GetSessionResponseSchema, { session: toSessionMessage(view) });
    },

    async listSessions(request, call) {
      const { actor } = call.admission;
      assertWithinScope(actor, request.organizationId);
      const query: SessionQuery = {
        organizationId: readScope(actor, request.organizationId),
        ...(request.userId === undefined ? {} : { userId: request.userId }),
        activeOnly: request.activeOnly,
        pageSize: pageSizeOf(request.pageSize),
        ...(request.pageToken === "" ? {} : { after: request.pageToken }),
      };
      const page = await store.listSessions(query, { signal: call.signal });
      return create(pb.ListSessionsResponseSchema, {
        sessions: await mapInTurns(page.items, call, toSessionMessage),
        nextPageToken: page.next ?? "",
      });
    },
  };
}

type Changes = Pick<Handlers, "createSession" | "extendSession" | "revokeSession" | "revokeUserSessions">;

function changeHandlers(store: Store, newId: () => string): Changes {
  const change = async (call: ServiceCall, command: SessionCommand): Promise<pb.Session> => {
    const session: Session = resourceOf<SessionCommand>(await store.execute(command, executeOptions(call)));
    return toSessionMessage({ session, status: await statusOf(store, session) });
  };
  return {
    async createSession(request, call) {
      const token = createSessionToken();
      const idle = request.idleTimeout;
      const session = await change(call, {
        type: "CreateSession",
        sessionId: newId(),
        tokenHash: hashSecret(token),
        userId: request.userId,
        expiry: toSessionExpiry(request),
        idleTimeoutMs: idle === undefined ? null : toDurationMs(idle, "idle_timeout"),
        userAgent: request.userAgent,
        ip: request.ip,
        attributes: toAttributes(request.attributes),
        context: commandContext(call, request, request.organizationId),
      });
      return create(pb.CreateSessionResponseSchema, { session, token: request.validateOnly ? "" : token });
    },

    async extendSession(request, call) {
      const session = await change(call, {
        type: "UpdateSession",
        sessionId: request.sessionId,
        expiry: toSessionExpiry(request),
        context: commandContext(call, request, request.organizationId),
      });
      return create(pb.ExtendSessionResponseSchema, { session });
    },

    async revokeSession(request, call) {
      const session = await change(call, {
        type: "RevokeSession",
        sessionId: request.sessionId,
        ifAlready: "refuse",
        context: commandContext(call, request, request.organizationId),
      });
      return create(pb.RevokeSessionResponseSchema, { session });
    },

    async revokeUserSessions(request, call) {
      const expectedSequence = toSequence(request.expectedSequence);
      const command: UserCommand = {
        type: "RevokeUserSessions",
        userId: request.userId,
        reasonCode: request.reasonCode,
        note: request.note,
        context: commandContext(call, request, request.organizationId),
        ...(expectedSequence === undefined ? {} : { expectedSequence }),
      };
      const user: User = resourceOf<UserCommand>(await store.execute(command, executeOptions(call)));
      return create(pb.RevokeUserSessionsResponseSchema, toUserAnswer(user, store.generation));
    },
  };
}

/** A command succeeds on sessions that hold; what a repeated request answers may have ended since. */
async function statusOf(store: Store, session: Session) {
  const [now, user] = [await store.now(), await store.readUser(session.userId)];
  return user === undefined ? "ENDED" : sessionStatusOf(session, user.state, { now, generation: store.generation });
}

function toSessionExpiry(request: pb.CreateSessionRequest | pb.ExtendSessionRequest): Expiry {
  return toExpiry(request.expiry);
}

/** Throws FIELD_INVALID for what no token can look like: a mistyped or cut one is told from one that has ended. */
function keyOf({ key }: pb.VerifySessionRequest, scope: string | null): SessionKey {
  if (key.case !== "token") return { id: key.value ?? "", scope };
  if (!isWellFormedSessionToken(key.value)) {
    throw invalidField("token", "is not the token of a session: lks_, 43 letters and digits, and a checksum");
  }
  return { tokenHash: hashSecret(key.value), scope };
}
