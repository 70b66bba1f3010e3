/** `lockkeeper keys list`: who has a key, what it may do, and when it was used last. */
import type { ApiKey } from "../../../../gen/lockkeeper/apikey/v1/api_key_service_pb.ts";
import { defineCommand } from "../../frame/command.ts";
import type { View } from "../../frame/output.ts";
import { instantText } from "../../frame/text.ts";
import { LIST_FLAGS, printList } from "../list-flags.ts";

const KEY_VIEW: View<ApiKey> = {
  columns: ["KEY", "NAME", "MAY", "ORGANIZATION", "EXPIRES", "REVOKED", "LAST USED", "BY"],
  row: (key) => [
    key.apiKeyId,
    key.displayName,
    key.role || key.permissions.join(","),
    key.details?.resourceOwner || "(instance)",
    instantText(key.expireTime) || "never",
    instantText(key.revokeTime),
    key.lastUsedDay,
    key.createdBy,
  ],
};

export const keysList = defineCommand({
  name: "keys list",
  meaning: "list API keys, revoked ones included",
  reach: "organization",
  words: {},
  flags: LIST_FLAGS,
  examples: [
    ["keys list", "those that the key may see"],
    ["keys list --organization acme --json", "of one organization, one JSON object a line"],
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
