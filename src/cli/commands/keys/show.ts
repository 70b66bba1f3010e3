/** `lockkeeper keys show`: shows API keys without their secrets. */
import { defineCommand } from "../../frame/command.ts";
import { forEachId, ids } from "../../frame/ids.ts";
import { keyLines } from "./view.ts";

export const keysShow = defineCommand({
  name: "keys show",
  meaning: "show API keys: permissions, expiry and last use",
  reach: "instance",
  words: { keys: ids("the keys' ids, as `keys list` shows them") },
  flags: {},
  examples: [["keys show 01a1ffbb1b5473af9aef17696bca9b2a", "everything but the secret, which is not stored"]],
  async run({ keys: typed }, context) {
    const { client, output } = context;
    return forEachId(typed, context, async (apiKeyId) => {
      const response = await (await client("keys")).getApiKey({ apiKeyId });
      await output.result(response, { lines: () => keyLines(response.apiKey, { output }), name: () => apiKeyId });
    });
  },
});
