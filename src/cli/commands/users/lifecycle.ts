/** `lockkeeper users lock`, `unlock` and the rest: what changes whether a user may act. */

import type { Message } from "@bufbuild/protobuf";
import type { Client } from "@connectrpc/connect";
import type { Cause } from "../../../../gen/lockkeeper/resource/v1/restriction_pb.ts";
import type { User } from "../../../../gen/lockkeeper/user/v1/user_pb.ts";
import type { UserService } from "../../../../gen/lockkeeper/user/v1/user_service_pb.ts";
import { type Command, type CommandContext, defineCommand, type Ending } from "../../frame/command.ts";
import { choice, type FlagTable, type FlagValues, toggle, word } from "../../frame/flag.ts";
import {
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

const WORDS = { user: word("the user's id") } satisfies FlagTable;

const CHANGE_FLAGS = { ...REASON_FLAGS, ...SEQUENCE_FLAGS, ...REPEAT_FLAGS } satisfies FlagTable;

const CAUSE_FLAGS = {
  cause: choice("whose deactivation: the administrator's (absent) or a directory's", {
    admin: CAUSES.admin,
    directory: CAUSES.directory,
  }),
} satisfies FlagTable;

const UNSAID: Cause = 0;

type Change = FlagValues<typeof WORDS & typeof CHANGE_FLAGS>;

/** The fields of a request that every change has. */
function changeFields(given: Change, { organizationId }: CommandContext) {
  return {
    userId: given.user,
    organizationId,
    ...reasonFields(given),
    ...sequenceFields(given),
    ...repeatFields(given),
  };
}

type Changed = Message & { readonly user?: User | undefined };

/** Calls, and says what the user is now. */
async function change(
  { client, output }: CommandContext,
  call: (users: Client<typeof UserService>) => Promise<Changed>,
): Promise<Ending> {
  const response = await call(await client("users"));
  await output.result(response, () => outcomeLine(response));
  return "done";
}

const lock = defineCommand({
  name: "users lock",
  meaning: "lock a user, for an hour unless you or the organization say otherwise",
  reach: "organization",
  words: WORDS,
  flags: { ...EXPIRY_FLAGS, "revoke-sessions": toggle("end every session of the user, too"), ...CHANGE_FLAGS },
  examples: [
    ["users lock alice", "for the organization's time"],
    ["users lock alice --duration 7d --note 'three reports'", "for a week"],
    ["users lock alice --never --revoke-sessions", "until someone unlocks; signed out everywhere"],
  ],
  run(given, context) {
    const request = {
      ...changeFields(given, context),
      ...expiryFields(given),
      revokeSessions: given["revoke-sessions"],
    };
    return change(context, (users) => users.lockUser(request));
  },
});

const unlock = defineCommand({
  name: "users unlock",
  meaning: "lift every lock of a user",
  reach: "organization",
  words: WORDS,
  flags: CHANGE_FLAGS,
  examples: [["users unlock alice --note 'called in'", "with a remark"]],
  run(given, context) {
    const request = changeFields(given, context);
    return change(context, (users) => users.unlockUser(request));
  },
});

const ban = defineCommand({
  name: "users ban",
  meaning: "ban a user and end every session, without end unless you say otherwise",
  reach: "organization",
  words: WORDS,
  flags: { ...EXPIRY_FLAGS, ...CHANGE_FLAGS },
  examples: [
    ["users ban mallory --reason-code FRAUD", "until someone lifts it"],
    ["users ban mallory --start 2030-01-31 --duration 30d", "for a month, from then on"],
  ],
  run(given, context) {
    const request = { ...changeFields(given, context), ...expiryFields(given) };
    return change(context, (users) => users.banUser(request));
  },
});

const unban = defineCommand({
  name: "users unban",
  meaning: "lift the ban of a user",
  reach: "organization",
  words: WORDS,
  flags: CHANGE_FLAGS,
  examples: [["users unban mallory --reason-code APPEAL", "with a reason"]],
  run(given, context) {
    const request = changeFields(given, context);
    return change(context, (users) => users.unbanUser(request));
  },
});

const deactivate = defineCommand({
  name: "users deactivate",
  meaning: "deactivate a user and end every session",
  reach: "organization",
  words: WORDS,
  flags: { ...CAUSE_FLAGS, ...CHANGE_FLAGS },
  examples: [["users deactivate alice --note 'left the company'", "with a remark"]],
  run(given, context) {
    const request = { ...changeFields(given, context), cause: given.cause ?? UNSAID };
    return change(context, (users) => users.deactivateUser(request));
  },
});

const reactivate = defineCommand({
  name: "users reactivate",
  meaning: "lift a deactivation of a user",
  reach: "organization",
  words: WORDS,
  flags: { ...CAUSE_FLAGS, ...CHANGE_FLAGS },
  examples: [["users reactivate alice --cause directory", "the one that a directory made"]],
  run(given, context) {
    const request = { ...changeFields(given, context), cause: given.cause ?? UNSAID };
    return change(context, (users) => users.reactivateUser(request));
  },
});

const remove = defineCommand({
  name: "users delete",
  meaning: "delete a user; what is left is a tombstone, and a ban",
  reach: "organization",
  words: WORDS,
  flags: CHANGE_FLAGS,
  examples: [["users delete alice --yes", "without asking"]],
  async run(given, context) {
    const request = changeFields(given, context);
    if (!request.validateOnly) await context.confirm(`Delete the user ${given.user}?`);
    return change(context, (users) => users.deleteUser(request));
  },
});

export const LIFECYCLE: readonly Command[] = [lock, unlock, ban, unban, deactivate, reactivate, remove];
