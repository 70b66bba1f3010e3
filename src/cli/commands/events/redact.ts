/** `lockkeeper events redact`: erases personal values of one event of a user. */
import { defineCommand } from "../../frame/command.ts";
import { text, word } from "../../frame/flag.ts";
import { parseSequence } from "../../frame/flag-values.ts";
import {
  be,
  REASON_FLAGS,
  REPEAT_FLAGS,
  reasonFields,
  repeatFields,
  SEQUENCE_FLAGS,
  sequenceFields,
} from "../change-flags.ts";

export const eventsRedact = defineCommand({
  name: "events redact",
  meaning: "erase personal values of one event of a user forever, all or some",
  reach: "organization",
  words: { user: word("the user's id"), sequence: word("the event's sequence, as `users events` prints it") },
  flags: {
    fields: text("NAMES", "only these values, comma-separated, such as note,profile.email"),
    ...REASON_FLAGS,
    ...SEQUENCE_FLAGS,
    ...REPEAT_FLAGS,
  },
  examples: [
    ["events redact alice 7 --yes", "every personal value of the event"],
    ["events redact alice 7 --fields note", "its note alone"],
  ],
  async run(given, context) {
    const { user: userId } = given;
    const sequence = parseSequence(given.sequence);
    const fields = given.fields?.split(",").map((name) => name.trim()) ?? [];
    if (!given["validate-only"]) {
      const what = fields.length === 0 ? "all personal values" : fields.join(", ");
      await context.confirm(`Erase ${what} of the event ${given.sequence} of ${userId} forever?`);
    }
    const { organizationId, client, output } = context;
    const request = { userId, sequence, fields, organizationId };
    const changes = { ...reasonFields(given), ...sequenceFields(given), ...repeatFields(given) };
    const response = await (await client("events")).redactEvent({ ...request, ...changes });
    const line = `${userId} ${be(given)} at sequence ${response.details?.sequence ?? 0n}`;
    await output.result(response, { lines: () => line, name: () => userId });
    return "done";
  },
});
