/** `lockkeeper users create`: creates a user. */
import { defineCommand } from "../../frame/command.ts";
import { optionalWord, repeated } from "../../frame/flag.ts";
import { be, REASON_FLAGS, REPEAT_FLAGS, reasonFields, repeatFields } from "../change-flags.ts";
import { PROFILE_FLAGS, parseAttribute, profileTexts } from "./profile-flags.ts";
import { outcomeLine } from "./view.ts";

export const usersCreate = defineCommand({
  name: "users create",
  meaning: "create a user",
  reach: "organization",
  words: { user: optionalWord("the user's id; the service generates one if it is absent") },
  flags: {
    ...PROFILE_FLAGS,
    attributes: repeated("NAME=JSON", "a JSON object to store under a name; may be repeated", parseAttribute),
    ...REASON_FLAGS,
    ...REPEAT_FLAGS,
  },
  examples: [
    ["users create alice --email alice@example.com", "with your own id"],
    ["users create --username bob --json | jq -r .user.userId", "with a generated id"],
  ],
  async run(given, { client, organizationId, output }) {
    const users = await client("users");
    const response = await users.createUser({
      userId: given.user ?? "",
      organizationId,
      profile: { ...profileTexts(given), emailVerified: given["email-verified"] },
      attributes: Object.fromEntries(given.attributes),
      ...reasonFields(given),
      ...repeatFields(given),
    });
    await output.result(response, {
      lines: () => outcomeLine(response, be(given)),
      name: () => response.user?.userId ?? "",
    });
    return "done";
  },
});
