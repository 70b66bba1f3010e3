/** `lockkeeper users lock`, `unlock` and the other commands that change whether a user may act. */
import type { Message } from "@bufbuild/protobuf";
import type { Client } from "@connectrpc/connect";
import type { Cause } from "../../../../gen/lockkeeper/resource/v1/restriction_pb.ts";
import type { User } from "../../../../gen/lockkeeper/user/v1/user_pb.ts";
import type { UserService } from "../../../../gen/lockkeeper/user/v1/user_service_pb.ts";
import { type Command, type CommandContext, defineCommand, type Ending } from "../../frame/command.ts";
import { choice, type FlagTable, type FlagValues, toggle } from "../../frame/flag.ts";
import { forEachId, ids, refuseSeveral, shownIds } from "../../frame/ids.ts";
import {
  be,
  EXPIRY_FLAGS,
  expiryFields,
  REASON_FLAGS,
  REPEAT_FLAGS,
  reasonFields,
  repeatFields,
  SEQUENCE_FLAGS,
  sequenceFields,
} from "../change-flags.ts";
import { CAUSES } from "../words.ts";
import { outcomeLine } from "./view.ts";

const WORDS = { users: ids("the users' ids") } satisfies FlagTable;

const CHANGE_FLAGS = { ...REASON_FLAGS, ...SEQUENCE_FLAGS, ...REPEAT_FLAGS } satisfies FlagTable;

const CAUSE_FLAGS = {
  cause: choice("the cause of the deactivation (default admin)", {
    admin: CAUSES.ADMIN,
    directory: CAUSES.DIRECTORY,
  }),
} satisfies FlagTable;

const UNSAID: Cause = 0;

type Change = FlagValues<typeof WORDS & typeof CHANGE_FLAGS>;

/** Returns the fields that the request of every change has. */
function changeFields(given: Change, organizationId: string) {
  return { organizationId, ...reasonFields(given), ...sequenceFields(given), ...repeatFields(given) };
}

type ChangeRequest = ReturnType<typeof changeFields> & { readonly userId: string };
type Changed = Message & { readonly user?: User | undefined };

/** Makes the call for each user, and prints their state. */
async function change(
  given: Change,
  context: CommandContext,
  call: (users: Client<typeof UserService>, request: ChangeRequest) => Promise<Changed>,
): Promise<Ending> {
  refuseSeveral(given.users, {
    "--request-id": given["request-id"],
    "--expected-sequence": given["expected-sequence"],
  });
  const fields = changeFields(given, context.organizationId);
  return forEachId(given.users, context, async (userId) => {
    const response = await call(await context.client("users"), { ...fields, userId });
    await context.output.result(response, { lines: () => outcomeLine(response, be(given)), name: () => userId });
  });
}

const lock = defineCommand({
  name: "users lock",
  meaning: "lock users, by default for the lock duration of their organization (one hour if it sets none)",
  reach: "organization",
  words: WORDS,
  flags: { ...EXPIRY_FLAGS, "revoke-sessions": toggle("also end all sessions"), ...CHANGE_FLAGS },
  examples: [
    ["users lock alice bob", "both, for the default duration"],
    ["users lock alice --duration 7d --note 'three reports'", "for a week"],
    ["users lock alice --never --revoke-sessions", "until someone unlocks; ends all sessions"],
  ],
  run(given, context) {
    const expiry = { ...expiryFields(given), revokeSessions: given["revoke-sessions"] };
    return change(given, context, (users, request) => users.lockUser({ ...request, ...expiry }));
  },
});

const unlock = defineCommand({
  name: "users unlock",
  meaning: "lift all locks of users",
  reach: "organization",
  words: WORDS,
  flags: CHANGE_FLAGS,
  examples: [
    ["users unlock alice --note 'called in'", "with a note"],
    ["users unlock - --reason-code RELEASED < ids.txt", "the ids in a file, one per line"],
  ],
  run(given, context) {
    return change(given, context, (users, request) => users.unlockUser(request));
  },
});

const ban = defineCommand({
  name: "users ban",
  meaning: "ban users and end all their sessions; a ban has no end unless you set one",
  reach: "organization",
  words: WORDS,
  flags: { ...EXPIRY_FLAGS, ...CHANGE_FLAGS },
  examples: [
    ["users ban mallory --reason-code FRAUD", "until someone lifts it"],
    ["users ban mallory --start 2030-01-31 --duration 30d", "for 30 days, from that date"],
  ],
  run(given, context) {
    const expiry = expiryFields(given);
    return change(given, context, (users, request) => users.banUser({ ...request, ...expiry }));
  },
});

const unban = defineCommand({
  name: "users unban",
  meaning: "lift the ban of users",
  reach: "organization",
  words: WORDS,
  flags: CHANGE_FLAGS,
  examples: [["users unban mallory --reason-code APPEAL", "with a reason"]],
  run(given, context) {
    return change(given, context, (users, request) => users.unbanUser(request));
  },
});

const deactivate = defineCommand({
  name: "users deactivate",
  meaning: "deactivate users and end all their sessions",
  reach: "organization",
  words: WORDS,
  flags: { ...CAUSE_FLAGS, ...CHANGE_FLAGS },
  examples: [["users deactivate alice --note 'left the company'", "with a note"]],
  run(given, context) {
    const cause = given.cause ?? UNSAID;
    return change(given, context, (users, request) => users.deactivateUser({ ...request, cause }));
  },
});

const reactivate = defineCommand({
  name: "users reactivate",
  meaning: "lift a deactivation of users",
  reach: "organization",
  words: WORDS,
  flags: { ...CAUSE_FLAGS, ...CHANGE_FLAGS },
  examples: [["users reactivate alice --cause directory", "lifts a directory's deactivation"]],
  run(given, context) {
    const cause = given.cause ?? UNSAID;
    return change(given, context, (users, request) => users.reactivateUser({ ...request, cause }));
  },
});

const remove = defineCommand({
  name: "users delete",
  meaning: "delete users; a tombstone remains, with the ban if there is one",
  reach: "organization",
  words: WORDS,
  flags: { erase: toggle("also erase all personal values, of the history too, forever"), ...CHANGE_FLAGS },
  examples: [
    ["users delete alice --yes", "without asking"],
    ["users delete alice --erase", "erases the personal values; of deleted users too"],
    ["users delete - --yes < ids.txt", "the ids in a file, one per line"],
  ],
  async run(given, context) {
    const { erase } = given;
    const act = erase ? "Delete and erase forever" : "Delete";
    if (!given["validate-only"]) await context.confirm(`${act} ${shownIds(given.users, "user")}?`);
    return change(given, context, (users, request) => users.deleteUser({ ...request, erase }));
  },
});

export const LIFECYCLE: readonly Command[] = [lock, unlock, ban, unban, deactivate, reactivate, remove];
