/** `lockkeeper users import`: brings users over from a file, as many as there are. */
import { defineCommand } from "../../frame/command.ts";
import { word } from "../../frame/flag.ts";
import { SOURCE_NAMES } from "../../import/from/names.ts";
import { IMPORT_FLAGS } from "./import-flags.ts";

export const usersImport = defineCommand({
  name: "users import",
  meaning: "bring users over from a CSV or JSON file, a million if need be; broken off, it goes on where it was",
  reach: "organization",
  words: { file: { ...word("a .csv, .ndjson or .json file; - for standard input, with --format"), isFile: true } },
  flags: IMPORT_FLAGS,
  examples: [
    ["users import users.csv --dry-run", "says what would be, and which rows are not well"],
    ["users import users.ndjson --errors bad.ndjson", "keeps the rows that failed, with their lines"],
    ...Object.keys(SOURCE_NAMES).map(
      (name) => [`users import export.json --from ${name}`, `takes what ${name} exports`] as const,
    ),
  ],
  async run(given, context) {
    // Other commands, and the service, need nothing that reads files.
    const { importFile } = await import("./import-file.ts");
    return importFile(given, context);
  },
});
