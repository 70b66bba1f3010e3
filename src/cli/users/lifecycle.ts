/** `lockkeeper users lock`, `unlock` and the rest: what changes whether a user may act. */
import { defineCommand } from "../command.ts";
import { usageFailure } from "../failure.ts";
import { type FlagTable, type FlagValues, text, toggle, value, word } from "../flag.ts";
import { parseDuration, parseInstant, parseSequence } from "../flag-values.ts";
import { outcomeLine } from "./view.ts";

const WORDS = { user: word("the user's id") } satisfies FlagTable;

/** What every change of a user takes. */
export const CHANGE_FLAGS = {
  "reason-code": text("CODE", "why, as a code your own systems know, such as SPAM"),
  note: text("TEXT", "a remark for the history"),
  "expected-sequence": value("NUMBER", "refuse unless the user is at this sequence", parseSequence),
  "request-id": text("ID", "repeating the request with it within 24 hours answers the first success again"),
  "validate-only": toggle("check everything, change nothing, and say what would be"),
} satisfies FlagTable;

const EXPIRY_FLAGS = {
  duration: value("TIME", "for so long, such as 30m, 1h or 7d", parseDuration),
  until: value("INSTANT", "until then, such as 2030-01-31T18:00:00Z or 2030-01-31", parseInstant),
  never: toggle("without end"),
  start: value("INSTANT", "from then on, in the future; absent: now", parseInstant),
} satisfies FlagTable;

type Change = FlagValues<typeof WORDS & typeof CHANGE_FLAGS>;

/** The fields of a request that every change has. */
export function changeFields(given: Change, organizationId: string) {
  return {
    userId: given.user,
    organizationId,
    ...(given["expected-sequence"] === undefined ? {} : { expectedSequence: given["expected-sequence"] }),
    reasonCode: given["reason-code"] ?? "",
    note: given.note ?? "",
    requestId: given["request-id"] ?? "",
    validateOnly: given["validate-only"],
  };
}

type Expiry = FlagValues<typeof EXPIRY_FLAGS>;

function expiryFields({ duration, until, never, start }: Expiry) {
  const given = Object.entries({ "--duration": duration, "--until": until, "--never": never || undefined });
  const names = given.filter(([, each]) => each !== undefined).map(([name]) => name);
  if (names.length > 1) throw usageFailure(`${names.join(" and ")} exclude each other; give one of them`);
  return {
    ...(start === undefined ? {} : { startTime: start }),
    ...(duration === undefined ? {} : { expiry: { case: "duration" as const, value: duration } }),
    ...(until === undefined ? {} : { expiry: { case: "expireTime" as const, value: until } }),
    ...(never ? { expiry: { case: "never" as const, value: true } } : {}),
  };
}

export const usersLock = defineCommand({
  name: "users lock",
  meaning: "lock a user, for an hour unless you or the organization say otherwise",
  reach: "organization",
  words: WORDS,
  flags: { ...EXPIRY_FLAGS, "revoke-sessions": toggle("end every session of the user, too"), ...CHANGE_FLAGS },
  examples: [
    ["users lock alice", "for the organization's time"],
    ["users lock alice --duration 7d --reason-code SPAM --note 'three reports'", "for a week"],
  ],
  async run(given, { client, organizationId, output }) {
    const request = { ...changeFields(given, organizationId), ...expiryFields(given) };
    const users = await client("users");
    const response = await users.lockUser({ ...request, revokeSessions: given["revoke-sessions"] });
    await output.result(response, () => outcomeLine(response.user));
    return "done";
  },
});

export const usersUnlock = defineCommand({
  name: "users unlock",
  meaning: "lift every lock of a user",
  reach: "organization",
  words: WORDS,
  flags: CHANGE_FLAGS,
  examples: [["users unlock alice --note 'called in'", "with a remark"]],
  async run(given, { client, organizationId, output }) {
    const request = changeFields(given, organizationId);
    const response = await (await client("users")).unlockUser(request);
    await output.result(response, () => outcomeLine(response.user));
    return "done";
  },
});
