/** `lockkeeper users show`: shows users with all their fields. */
import { defineCommand } from "../../frame/command.ts";
import { toggle } from "../../frame/flag.ts";
import { forEachId, ids } from "../../frame/ids.ts";
import { ActorNames } from "../actor-names.ts";
import { userLines } from "./view.ts";

export const usersShow = defineCommand({
  name: "users show",
  meaning: "show users with profile and restrictions",
  reach: "organization",
  words: { users: ids("the users' ids") },
  flags: { deleted: toggle("include deleted users") },
  examples: [
    ["users show alice", "as readable text"],
    ["users show alice --json | jq -r .user.state", "in a script"],
  ],
  async run({ users: typed, deleted }, context) {
    const { client, organizationId, output } = context;
    const names = new ActorNames(context);
    let isFirst = true;
    return forEachId(typed, context, async (userId) => {
      const users = await client("users");
      const response = await users.getUser({ userId, organizationId, showDeleted: deleted });
      const { user } = response;
      const between = isFirst ? "" : "\n";
      isFirst = false;
      await names.learn(user?.restrictions.map(({ actor }) => actor) ?? []);
      const lines = (): string => (user === undefined ? "" : between + userLines(user, output, names));
      await output.result(response, { lines, name: () => userId });
    });
  },
});
