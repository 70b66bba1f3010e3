/** `lockkeeper keys list`: lists API keys with their permissions and last use. */
import { defineCommand } from "../../frame/command.ts";
import { LIST_FLAGS, printList } from "../list-flags.ts";
import { KEY_VIEW } from "./view.ts";

export const keysList = defineCommand({
  name: "keys list",
  meaning: "list API keys, including revoked ones",
  reach: "organization",
  words: {},
  flags: LIST_FLAGS,
  examples: [
    ["keys list", "all that your key may read"],
    ["keys list --organization acme --json", "those of one organization, one JSON object per line"],
  ],
  async run(given, { client, organizationId, output }) {
    return printList(given, {
      output,
      view: KEY_VIEW,
      readPage: async (page) => {
        const { apiKeys: items, nextPageToken } = await (await client("keys")).listApiKeys({ organizationId, ...page });
        return { items, nextPageToken };
      },
    });
  },
});
