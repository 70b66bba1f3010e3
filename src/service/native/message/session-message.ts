/** Converts sessions to messages. */
import { create } from "@bufbuild/protobuf";
import * as pb from "../../../../gen/lockkeeper/session/v1/session_service_pb.ts";
import { revocationEpochOf } from "../../../domain/instance.ts";
import type { SessionStatus } from "../../../domain/session.ts";
import type { SessionView } from "../../../store/queries.ts";
import { toDuration, toTimestamp } from "../../times.ts";
import { toAttributesMessage, toDetails } from "./user-message.ts";

const STATUSES: Readonly<Record<SessionStatus, pb.SessionStatus>> = {
  ACTIVE: pb.SessionStatus.ACTIVE,
  REVOKED: pb.SessionStatus.REVOKED,
  EXPIRED: pb.SessionStatus.EXPIRED,
  IDLE: pb.SessionStatus.IDLE,
  USER_BANNED: pb.SessionStatus.USER_BANNED,
  USER_INACTIVE: pb.SessionStatus.USER_INACTIVE,
  USER_DELETED: pb.SessionStatus.USER_DELETED,
  ENDED: pb.SessionStatus.ENDED,
};

export function toStatusValue(status: SessionStatus): pb.SessionStatus {
  return STATUSES[status];
}

export function toSessionMessage({ session, status }: Pick<SessionView, "session" | "status">): pb.Session {
  return create(pb.SessionSchema, {
    sessionId: session.id,
    details: toDetails(session),
    userId: session.userId,
    status: toStatusValue(status),
    expireTime: toTimestamp(session.expireTime),
    ...(session.idleTimeoutMs === null ? {} : { idleTimeout: toDuration(session.idleTimeoutMs) }),
    lastActivityTime: toTimestamp(session.lastActivityTime),
    ...(session.revokeTime === null ? {} : { revokeTime: toTimestamp(session.revokeTime) }),
    revocationEpoch: revocationEpochOf(session.generation, session.epoch),
    userAgent: session.userAgent,
    ip: session.ip,
    attributes: toAttributesMessage(session.attributes),
    createdBy: session.createdBy,
  });
}
