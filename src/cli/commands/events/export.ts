/** `lockkeeper events export`: writes the whole history with all that a verifier needs, one JSON document a line. */

import { resolve } from "node:path";
import { defineCommand } from "../../frame/command.ts";
import { EXIT, Failure } from "../../frame/failure.ts";
import { optionalWord } from "../../frame/flag.ts";
import { jsonLine } from "../../frame/output.ts";
import { counted } from "../../frame/text.ts";
import { isFileThere, makePartialFile } from "../database/partial-file.ts";

/** Lines are written together until they have so many characters. */
const WRITE_CHARS = 100_000;

export const eventsExport = defineCommand({
  name: "events export",
  meaning: "write the whole history, as docs/history.md describes it, one JSON document a line",
  reach: "instance",
  words: { file: { ...optionalWord("the file to write; absent: standard output"), isFile: true } },
  flags: {},
  examples: [
    ["events export history.ndjson", "needs events.read for the whole instance, and user.read for personal values"],
    ["events export | gzip > history.ndjson.gz", "an export without its last line, `end`, is not whole"],
  ],
  async run({ file }, { client, confirm, output, signal }) {
    const path = file === undefined ? undefined : resolve(file);
    const replace = path !== undefined && isFileThere(path);
    if (replace) await confirm(`${path} already exists and would be overwritten.`);
    const history = await client("history");
    const partial = path === undefined ? undefined : await makePartialFile(path, { replace });
    const write = async (text: string): Promise<void> => {
      if (partial === undefined) await output.write(text);
      else await partial.handle.writeFile(text);
    };
    try {
      let text = "";
      let end: { readonly events: bigint } | undefined;
      for await (const line of history.exportHistory({}, { timeoutMs: 0, signal })) {
        text += jsonLine(await output.toJson(line));
        if (line.message.case === "end") end = line.message.value;
        if (text.length < WRITE_CHARS) continue;
        await write(text);
        text = "";
      }
      await write(text);
      if (end === undefined) throw new Failure(EXIT.UNAVAILABLE, "the export is incomplete; try again");
      await partial?.handle.sync();
      await partial?.settle();
      output.note(`exported ${counted(end.events, "event")}`);
      return "done";
    } finally {
      await partial?.discard();
    }
  },
});
