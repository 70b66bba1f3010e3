/** `lockkeeper users list`: lists users by state, restriction, reason or name. */
import { ENUMS } from "../../../../gen/lockkeeper/contract.ts";
import type { UserOrder } from "../../../../gen/lockkeeper/user/v1/user_service_pb.ts";
import { defineCommand } from "../../frame/command.ts";
import { choice, choiceList, text, textList, toggle, value } from "../../frame/flag.ts";
import { parseInstant } from "../../frame/flag-values.ts";
import { LIST_FLAGS, printList } from "../list-flags.ts";
import { KINDS, STATES, wordsOf } from "../words.ts";
import { USER_VIEW } from "./view.ts";

const ORDER = ENUMS["lockkeeper.user.v1.UserOrder"];
const ORDERS = { oldest: ORDER.CREATION_DATE_ASC, newest: ORDER.CREATION_DATE_DESC, changed: ORDER.CHANGE_DATE_DESC };
const UNSAID: UserOrder = 0;

export const usersList = defineCommand({
  name: "users list",
  meaning: "list users, by state, restriction, reason or name",
  reach: "organization",
  words: {},
  flags: {
    state: choiceList("only users in these states, comma-separated", wordsOf(STATES)),
    restriction: choiceList("only users with these restrictions, comma-separated", wordsOf(KINDS)),
    "reason-code": textList("CODE,…", "only users with a restriction for one of these reasons, comma-separated"),
    prefix: text("TEXT", "only users whose id begins with this"),
    search: text("TEXT", "only users whose username or email address begins with this"),
    "due-before": value(
      "INSTANT",
      "only users with a restriction that starts or ends before this instant",
      parseInstant,
    ),
    order: choice("the order (default oldest first); changed: most recently changed first", ORDERS),
    deleted: toggle("include deleted users"),
    ...LIST_FLAGS,
  },
  examples: [
    ["users list --state locked,banned", "who may not act"],
    ["users list --search ann@example.com", "by email address"],
    ["users list --due-before 2030-01-31T18:00Z", "whose locks and bans end soon"],
    ["users list --all --json > users.ndjson", "all users, one JSON object per line"],
  ],
  async run(given, { client, organizationId, output }) {
    const request = {
      organizationId,
      states: [...given.state],
      restrictionKinds: [...given.restriction],
      reasonCodes: [...given["reason-code"]],
      ...(given.prefix === undefined ? {} : { userIdPrefix: given.prefix }),
      ...(given.search === undefined ? {} : { search: given.search }),
      order: given.order ?? UNSAID,
      showDeleted: given.deleted,
      ...(given["due-before"] === undefined ? {} : { dueBefore: given["due-before"] }),
    };
    return printList(given, {
      output,
      view: USER_VIEW,
      readPage: async (page) => {
        const { users: items, nextPageToken } = await (await client("users")).listUsers({ ...request, ...page });
        return { items, nextPageToken };
      },
    });
  },
});
