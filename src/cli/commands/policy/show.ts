/** `lockkeeper policy show`: shows how many failures lock a user, and for how long. */
import { defineCommand } from "../../frame/command.ts";
import { shownPolicy } from "./view.ts";

export const policyShow = defineCommand({
  name: "policy show",
  meaning: "show the policy of the instance or of an organization: what is set there and what is in force",
  reach: "organization",
  words: {},
  flags: {},
  examples: [
    ["policy show", "the instance's, or that of the key's own organization"],
    ["policy show --organization acme", "that of one organization"],
  ],
  async run(_, { client, organizationId, output }) {
    const policies = await client("policies");
    const response = await policies.getPolicy({ organizationId });
    await output.result(response, shownPolicy(output, response));
    return "done";
  },
});
