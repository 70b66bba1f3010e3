/** `lockkeeper sessions list`: lists who is signed in, from where and until when. */
import type { Session } from "../../../../gen/lockkeeper/session/v1/session_service_pb.ts";
import { defineCommand } from "../../frame/command.ts";
import { text, toggle } from "../../frame/flag.ts";
import type { View } from "../../frame/output.ts";
import { LIST_FLAGS, printList } from "../list-flags.ts";
import { nameOf, SESSION_STATUSES } from "../words.ts";

const SESSION_VIEW: View<Session> = {
  columns: [
    "SESSION",
    "USER",
    { title: "STATUS", toned: true },
    "OPENED",
    "LAST ACTIVITY",
    "EXPIRES",
    "IP",
    "USER AGENT",
  ],
  name: ({ sessionId }) => sessionId,
  row: (session, time) => [
    session.sessionId,
    session.userId,
    nameOf(SESSION_STATUSES, session.status),
    time(session.details?.creationDate),
    time(session.lastActivityTime),
    time(session.expireTime),
    session.ip,
    session.userAgent,
  ],
};

export const sessionsList = defineCommand({
  name: "sessions list",
  meaning: "list sessions, newest first",
  reach: "organization",
  words: {},
  flags: { user: text("ID", "only sessions of this user"), active: toggle("only active sessions"), ...LIST_FLAGS },
  examples: [
    ["sessions list --user alice --active", "where alice is signed in"],
    ["sessions list --all --json", "all sessions, one JSON object per line"],
  ],
  async run(given, { client, organizationId, output }) {
    const ofUser = given.user === undefined ? {} : { userId: given.user };
    const request = { ...ofUser, organizationId, activeOnly: given.active };
    return printList(given, {
      output,
      view: SESSION_VIEW,
      readPage: async (page) => {
        const { sessions: items, nextPageToken } = await (await client("sessions")).listSessions({
          ...request,
          ...page,
        });
        return { items, nextPageToken };
      },
    });
  },
});
