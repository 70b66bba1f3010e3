/** `lockkeeper keys revoke`: a key opens nothing any more. */

import { defineCommand } from "../../frame/command.ts";
import { text, word } from "../../frame/flag.ts";
import { printable } from "../../frame/output.ts";
import { instantText } from "../../frame/text.ts";
import { REPEAT_FLAGS, repeatFields } from "../change-flags.ts";

export const keysRevoke = defineCommand({
  name: "keys revoke",
  meaning: "revoke an API key; it opens nothing from then on",
  reach: "instance",
  words: { key: word("the key's id, as `keys list` shows it") },
  flags: { note: text("TEXT", "a remark for the history"), ...REPEAT_FLAGS },
  examples: [["keys revoke 01a1ffbb1b5473af9aef17696bca9b2a --note leaked --yes", "without asking"]],
  async run(given, { client, output, confirm }) {
    const request = { apiKeyId: given.key, note: given.note ?? "", ...repeatFields(given) };
    if (!request.validateOnly) await confirm(`Revoke the key ${given.key}?`);
    const response = await (await client("keys")).revokeApiKey(request);
    const { apiKey } = response;
    const name = apiKey?.displayName ? ` (${printable(apiKey.displayName)})` : "";
    await output.result(
      response,
      () => `${printable(given.key)}${name} is revoked since ${instantText(apiKey?.revokeTime)}\n`,
    );
    return "done";
  },
});
