/** `lockkeeper signin attempts`: lists sign-in attempts with their origin and outcome. */
import type { Attempt } from "../../../../gen/lockkeeper/signin/v1/sign_in_service_pb.ts";
import { defineCommand } from "../../frame/command.ts";
import { choiceList, text, value } from "../../frame/flag.ts";
import { parseInstant } from "../../frame/flag-values.ts";
import type { View } from "../../frame/output.ts";
import { ActorNames } from "../actor-names.ts";
import { LIST_FLAGS, printList } from "../list-flags.ts";
import { FACTORS, nameOf, OUTCOMES, wordsOf } from "../words.ts";

function attemptView(names: ActorNames): View<Attempt> {
  return {
    columns: [
      "TIME",
      "USER",
      "FACTOR",
      { title: "OUTCOME", toned: true },
      "IP",
      "USER AGENT",
      "BY",
      { title: "ORGANIZATION", wide: true },
      { title: "SETTLED", wide: true },
      { title: "ATTEMPT", wide: true },
    ],
    row: (attempt, time) => [
      time(attempt.beginTime),
      attempt.userId || "(unknown)",
      nameOf(FACTORS, attempt.factor),
      nameOf(OUTCOMES, attempt.outcome),
      attempt.client?.ip ?? "",
      attempt.client?.userAgent ?? "",
      names.shown(attempt.createdBy),
      attempt.organizationId,
      time(attempt.settleTime),
      attempt.attemptId,
    ],
    name: ({ attemptId }) => attemptId,
  };
}

export const signinAttempts = defineCommand({
  name: "signin attempts",
  meaning: "list recorded sign-in attempts by user, network, time or outcome, newest first",
  reach: "organization",
  words: {},
  flags: {
    user: text("ID", "only attempts of this user"),
    network: text("NETWORK", "only attempts from this network or address, such as 203.0.113.0/24"),
    outcome: choiceList("only attempts with these outcomes, comma-separated", wordsOf(OUTCOMES)),
    start: value("INSTANT", "only attempts that began at this instant or later", parseInstant),
    until: value("INSTANT", "only attempts that began before this instant", parseInstant),
    ...LIST_FLAGS,
  },
  examples: [
    ["signin attempts --user alice --outcome failed", "who guesses alice's password"],
    [
      "signin attempts --network 203.0.113.0/24 --start 2030-01-31 --all --json",
      "all attempts from a network since a date",
    ],
  ],
  async run(given, context) {
    const { client, organizationId, output } = context;
    const names = new ActorNames(context);
    const { user, network, outcome, start, until } = given;
    const request = {
      organizationId,
      ...(user === undefined ? {} : { userId: user }),
      ...(network === undefined ? {} : { network }),
      outcomes: [...outcome],
      ...(start === undefined ? {} : { startTime: start }),
      ...(until === undefined ? {} : { endTime: until }),
    };
    return printList(given, {
      output,
      view: attemptView(names),
      readPage: async (page) => {
        const { attempts: items, nextPageToken } = await (await client("signIns")).listAttempts({
          ...request,
          ...page,
        });
        await names.learn(items.map(({ createdBy }) => createdBy));
        return { items, nextPageToken };
      },
    });
  },
});
