/** Sessions as session v2 and v2beta show them. */
import type { MessageInitShape } from "@bufbuild/protobuf";
import type { SessionSchema, UserAgentSchema } from "@zitadel/proto/zitadel/session/v2/session_pb.js";
import type { Session } from "../../../domain/session.ts";
import { toTimestamp } from "../../../service/native/message/user-message.ts";
import type { SessionView, UserView } from "../../../service/operations/operations.ts";
import { displayNameOf, loginNameOf } from "../users/person-words.ts";
import { type SessionWords, sessionWordsOf } from "./session-words.ts";

/** Whether a session is shown: it holds, and nothing restricts its user, a lock that ended no session included. */
export function isShown({ status, user }: SessionView): boolean {
  return status === "ACTIVE" && !user.restrictions.some(({ started }) => started);
}

/** A session with its one factor: who it is for. */
export function toSession(session: Session, { user }: Pick<UserView, "user">): MessageInitShape<typeof SessionSchema> {
  const words = sessionWordsOf(session.attributes);
  const userAgent = toUserAgent(session, words);
  return {
    id: session.id,
    creationDate: toTimestamp(session.creationTime),
    changeDate: toTimestamp(session.changeTime),
    sequence: BigInt(session.sequence),
    factors: {
      user: {
        verifiedAt: toTimestamp(words.userCheckTime ?? session.creationTime),
        id: session.userId,
        loginName: loginNameOf(user),
        displayName: displayNameOf(user.person.profile),
        organizationId: session.organizationId,
      },
    },
    metadata: words.metadata,
    ...(userAgent === undefined ? {} : { userAgent }),
    expirationDate: toTimestamp(session.expireTime),
  };
}

/** `undefined`: nothing is known of it. */
function toUserAgent(
  { userAgent: description, ip }: Session,
  { fingerprintId, header }: SessionWords,
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
