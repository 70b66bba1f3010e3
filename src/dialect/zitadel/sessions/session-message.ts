/** Sessions in the form of session v2 and v2beta. */
import type { MessageInitShape } from "@bufbuild/protobuf";
import type { SessionSchema, UserAgentSchema } from "@zitadel/proto/zitadel/session/v2/session_pb.js";
import type { Session } from "../../../domain/session.ts";
import type { SessionView, UserView } from "../../../service/operations/operations.ts";
import { toTimestamp } from "../../../service/times.ts";
import { displayNameOf, loginNameOf } from "../users/person-attributes.ts";
import { type SessionExtras, sessionExtrasOf } from "./session-attributes.ts";

/**
 * Returns whether a session is shown: it is valid and nothing restricts its user, not even a lock that ended no
 * session.
 */
export function isShown({ status, user }: SessionView): boolean {
  return status === "ACTIVE" && !user.restrictions.some(({ started }) => started);
}

/** Returns a session with its one factor: the user. */
export function toSession(session: Session, { user }: Pick<UserView, "user">): MessageInitShape<typeof SessionSchema> {
  const extras = sessionExtrasOf(session.attributes);
  const userAgent = toUserAgent(session, extras);
  return {
    id: session.id,
    creationDate: toTimestamp(session.creationTime),
    changeDate: toTimestamp(session.changeTime),
    sequence: BigInt(session.sequence),
    factors: {
      user: {
        verifiedAt: toTimestamp(extras.userCheckTime ?? session.creationTime),
        id: session.userId,
        loginName: loginNameOf(user),
        displayName: displayNameOf(user.person.profile),
        organizationId: session.organizationId,
      },
    },
    metadata: extras.metadata,
    ...(userAgent === undefined ? {} : { userAgent }),
    expirationDate: toTimestamp(session.expireTime),
  };
}

/** Returns `undefined` if nothing is known. */
function toUserAgent(
  { userAgent: description, ip }: Session,
  { fingerprintId, header }: SessionExtras,
): MessageInitShape<typeof UserAgentSchema> | undefined {
  const names = Object.keys(header);
  if (description === "" && ip === "" && fingerprintId === undefined && names.length === 0) return undefined;
  return {
    ...(fingerprintId === undefined ? {} : { fingerprintId }),
    ...(ip === "" ? {} : { ip }),
    ...(description === "" ? {} : { description }),
    header: Object.fromEntries(names.map((name) => [name, { values: [...(header[name] ?? [])] }])),
  };
}
