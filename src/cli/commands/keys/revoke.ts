/** `lockkeeper keys revoke`: revokes API keys. */
import { defineCommand } from "../../frame/command.ts";
import { text } from "../../frame/flag.ts";
import { forEachId, ids, refuseSeveral, shownIds } from "../../frame/ids.ts";
import { printable } from "../../frame/table.ts";
import { instantText } from "../../frame/text.ts";
import { be, REPEAT_FLAGS, repeatFields } from "../change-flags.ts";

export const keysRevoke = defineCommand({
  name: "keys revoke",
  meaning: "revoke API keys; they stop working at once",
  reach: "instance",
  words: { keys: ids("the keys' ids, as `keys list` shows them") },
  flags: { note: text("TEXT", "a note for the history"), ...REPEAT_FLAGS },
  examples: [["keys revoke 01a1ffbb1b5473af9aef17696bca9b2a --note leaked --yes", "without asking"]],
  async run(given, context) {
    const { client, output, confirm } = context;
    refuseSeveral(given.keys, { "--request-id": given["request-id"] });
    if (!given["validate-only"]) await confirm(`Revoke ${shownIds(given.keys, "key")}?`);
    return forEachId(given.keys, context, async (apiKeyId) => {
      const request = { apiKeyId, note: given.note ?? "", ...repeatFields(given) };
      const response = await (await client("keys")).revokeApiKey(request);
      const { displayName = "", revokeTime } = response.apiKey ?? {};
      const name = displayName === "" ? "" : ` (${printable(displayName)})`;
      const lines = (): string =>
        `${printable(apiKeyId)}${name} ${be(given)} revoked since ${instantText(revokeTime)}\n`;
      await output.result(response, { lines, name: () => apiKeyId });
    });
  },
});
