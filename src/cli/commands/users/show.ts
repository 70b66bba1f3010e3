/** `lockkeeper users show`: one user with all that is known. */
import { defineCommand } from "../../frame/command.ts";
import { toggle, word } from "../../frame/flag.ts";
import { userLines } from "./view.ts";

export const usersShow = defineCommand({
  name: "users show",
  meaning: "show one user with profile and restrictions",
  reach: "organization",
  words: { user: word("the user's id") },
  flags: { deleted: toggle("show what is left of a deleted user, too") },
  examples: [
    ["users show alice", "as a person reads it"],
    ["users show alice --json | jq -r .user.state", "in a script"],
  ],
  async run({ user: userId, deleted }, { client, organizationId, output }) {
    const users = await client("users");
    const response = await users.getUser({ userId, organizationId, showDeleted: deleted });
    await output.result(response, () => (response.user === undefined ? "" : userLines(response.user)));
    return "done";
  },
});
