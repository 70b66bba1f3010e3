/** `lockkeeper sessions revoke`: ends single sessions, or all sessions of a user. */
import { type CommandContext, defineCommand, type Ending } from "../../frame/command.ts";
import { usageFailure } from "../../frame/failure.ts";
import { type FlagTable, type FlagValues, optionalWords, text } from "../../frame/flag.ts";
import { forEachId, refuseSeveral } from "../../frame/ids.ts";
import { printable } from "../../frame/table.ts";
import {
  be,
  REASON_FLAGS,
  REPEAT_FLAGS,
  reasonFields,
  repeatFields,
  SEQUENCE_FLAGS,
  sequenceFields,
} from "../change-flags.ts";
import { nameOf, SESSION_STATUSES } from "../words.ts";

const WORDS = {
  sessions: optionalWords("the sessions' ids, one or more; - reads them from standard input, one per line"),
} satisfies FlagTable;

const FLAGS = {
  user: text("ID", "end all sessions of this user"),
  ...REASON_FLAGS,
  ...SEQUENCE_FLAGS,
  ...REPEAT_FLAGS,
} satisfies FlagTable;

type Given = FlagValues<typeof WORDS & typeof FLAGS>;

export const sessionsRevoke = defineCommand({
  name: "sessions revoke",
  meaning: "end sessions by id, or all sessions of a user with --user",
  reach: "organization",
  words: WORDS,
  flags: FLAGS,
  examples: [
    ["sessions revoke 01a1ffbb-22cc-716d-b6ee-b8febf3e3d93", "one session"],
    ["sessions revoke --user alice --reason-code PHISHED --yes", "all sessions of alice, without asking"],
  ],
  async run(given, context) {
    if ((given.sessions.length === 0) === (given.user === undefined)) {
      throw usageFailure("either <sessions> or --user is required, and not both");
    }
    return given.user === undefined ? revokeEach(given, context) : revokeAllOf(given.user, given, context);
  },
});

async function revokeEach(given: Given, context: CommandContext): Promise<Ending> {
  const { client, organizationId, output } = context;
  const alone = (["reason-code", "note", "expected-sequence"] as const).find((name) => given[name] !== undefined);
  if (alone !== undefined) {
    throw usageFailure(`--${alone} can be used only with --user: a session has no history of its own`);
  }
  refuseSeveral(given.sessions, { "--request-id": given["request-id"] });
  return forEachId(given.sessions, context, async (sessionId) => {
    const sessions = await client("sessions");
    const response = await sessions.revokeSession({ sessionId, organizationId, ...repeatFields(given) });
    const status = nameOf(SESSION_STATUSES, response.session?.status ?? 0);
    const lines = (): string =>
      `${printable(sessionId)} of ${printable(response.session?.userId ?? "")} ${be(given)} ${status}\n`;
    await output.result(response, { lines, name: () => sessionId });
  });
}

async function revokeAllOf(userId: string, given: Given, context: CommandContext): Promise<Ending> {
  const { client, organizationId, output, confirm } = context;
  if (!given["validate-only"]) await confirm(`End every session of the user ${userId}?`);
  const sessions = await client("sessions");
  const changes = { ...reasonFields(given), ...sequenceFields(given), ...repeatFields(given) };
  const response = await sessions.revokeUserSessions({ userId, organizationId, ...changes });
  const epoch = response.user?.revocationEpoch;
  const lines = (): string => `every session of ${printable(userId)} ${be(given)} ended; revocation epoch ${epoch}\n`;
  await output.result(response, { lines, name: () => userId });
  return "done";
}
