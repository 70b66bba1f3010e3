/** `lockkeeper users list`: who there is, by state, restriction, reason or name. */
import type { UserOrder } from "../../../../gen/lockkeeper/user/v1/user_service_pb.ts";
import { defineCommand } from "../../frame/command.ts";
import { choice, choiceList, text, textList, toggle } from "../../frame/flag.ts";
import { LIST_FLAGS, printList } from "../list-flags.ts";
import { KINDS, STATES } from "../words.ts";
import { USER_VIEW } from "./view.ts";

const ORDERS = { oldest: 1, newest: 2, changed: 3 } as const;
const UNSAID: UserOrder = 0;

export const usersList = defineCommand({
  name: "users list",
  meaning: "list users, by state, restriction, reason or name",
  reach: "organization",
  words: {},
  flags: {
    state: choiceList("only in these states; several by commas", STATES),
    restriction: choiceList("only with these restrictions; several by commas", KINDS),
    "reason-code": textList("CODE", "only with a restriction for these reasons"),
    prefix: text("TEXT", "only ids that begin so"),
    search: text("TEXT", "only with this username or email address, or one that begins so"),
    order: choice("the oldest (absent), the newest or the one changed last first", ORDERS),
    deleted: toggle("deleted users, too"),
    ...LIST_FLAGS,
  },
  examples: [
    ["users list --state locked,banned", "who may not act"],
    ["users list --search ann@example.com", "by email address"],
    ["users list --all --json > users.ndjson", "everybody, one JSON object a line"],
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
