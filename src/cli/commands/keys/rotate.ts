/** `lockkeeper keys rotate`: gives a key a new secret; the old one works for a while. */
import { BOUNDS } from "../../../../gen/lockkeeper/contract.ts";
import { defineCommand } from "../../frame/command.ts";
import { text, toggle, value, word } from "../../frame/flag.ts";
import { parseSpanUpTo } from "../../frame/flag-values.ts";
import { secondsText } from "../../frame/text.ts";
import { head } from "../change-flags.ts";
import { keyLines } from "./view.ts";

const OVERLAP_MAX_SECONDS = BOUNDS["lockkeeper.apikey.v1.RotateApiKeyRequest.overlap"].max;

export const keysRotate = defineCommand({
  name: "keys rotate",
  meaning:
    "give an API key a new secret and show it once; the old secret works for another hour, or as long as --overlap says",
  reach: "instance",
  words: { key: word("the key's id, as `keys list` shows it") },
  flags: {
    overlap: value(
      "TIME",
      `how long earlier secrets keep working, at most ${secondsText(OVERLAP_MAX_SECONDS)}; 0s ends them at once, for a leaked secret`,
      parseSpanUpTo(OVERLAP_MAX_SECONDS),
    ),
    note: text("TEXT", "a note for the history"),
    "validate-only": toggle("check everything and show the result, but change nothing"),
  },
  examples: [
    ["keys rotate 01a1ffbb1b5473af9aef17696bca9b2a --overlap 7d", "a week to distribute the new secret"],
    ["keys rotate 01a1ffbb1b5473af9aef17696bca9b2a --overlap 0s --note leaked --yes", "ends the old secret at once"],
    ["keys rotate 01a1ffbb1b5473af9aef17696bca9b2a --json | jq -r .secret", "in a script"],
  ],
  async run(given, { client, output, confirm }) {
    const { key: apiKeyId, overlap, note = "", "validate-only": validateOnly } = given;
    const isAtOnce = overlap !== undefined && overlap.seconds === 0n && overlap.nanos === 0;
    if (isAtOnce && !validateOnly) await confirm(`End every current secret of the key ${apiKeyId}?`);
    const request = { apiKeyId, note, validateOnly, ...(overlap === undefined ? {} : { overlap }) };
    const response = await (await client("keys")).rotateApiKey(request);
    const { apiKey, secret } = response;
    await output.result(response, {
      lines: () => head(given, "rotated") + keyLines(apiKey, { output, secret }),
      name: () => apiKeyId,
    });
    return "done";
  },
});
