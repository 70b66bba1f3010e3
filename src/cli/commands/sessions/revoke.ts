/** `lockkeeper sessions revoke`: ends one session, or every session of a user. */

import { defineCommand } from "../../frame/command.ts";
import { usageFailure } from "../../frame/failure.ts";
import { optionalWord, text } from "../../frame/flag.ts";
import { printable } from "../../frame/output.ts";
import {
  REASON_FLAGS,
  REPEAT_FLAGS,
  reasonFields,
  repeatFields,
  SEQUENCE_FLAGS,
  sequenceFields,
} from "../change-flags.ts";
import { nameOf, SESSION_STATUSES } from "../words.ts";

export const sessionsRevoke = defineCommand({
  name: "sessions revoke",
  meaning: "end one session by its id, or every session of a user by --user",
  reach: "organization",
  words: { session: optionalWord("the session's id") },
  flags: { user: text("ID", "every session of this user"), ...REASON_FLAGS, ...SEQUENCE_FLAGS, ...REPEAT_FLAGS },
  examples: [
    ["sessions revoke 01a1ffbb-22cc-716d-b6ee-b8febf3e3d93", "this one"],
    ["sessions revoke --user alice --reason-code PHISHED --yes", "all of alice, without asking"],
  ],
  async run(given, { client, organizationId, output, confirm }) {
    const { session: sessionId, user: userId } = given;
    if ((sessionId === undefined) === (userId === undefined)) {
      throw usageFailure("either <session> or --user is needed, and not both");
    }
    const reasons = { ...reasonFields(given), ...sequenceFields(given) };
    if (sessionId !== undefined) {
      const alone = (["reason-code", "note", "expected-sequence"] as const).find((name) => given[name] !== undefined);
      if (alone !== undefined) throw usageFailure(`--${alone} goes with --user: one session has no history of its own`);
      const sessions = await client("sessions");
      const response = await sessions.revokeSession({ sessionId, organizationId, ...repeatFields(given) });
      const status = nameOf(SESSION_STATUSES, response.session?.status ?? 0);
      await output.result(
        response,
        () => `${printable(sessionId)} of ${printable(response.session?.userId ?? "")} is ${status}\n`,
      );
      return "done";
    }
    if (!given["validate-only"]) await confirm(`End every session of the user ${userId}?`);
    const sessions = await client("sessions");
    const request = { userId: userId ?? "", organizationId, ...reasons, ...repeatFields(given) };
    const response = await sessions.revokeUserSessions(request);
    const { user } = response;
    await output.result(
      response,
      () => `every session of ${printable(user?.userId ?? "")} is ended; revocation epoch ${user?.revocationEpoch}\n`,
    );
    return "done";
  },
});
