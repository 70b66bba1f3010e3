/** `lockkeeper users import`: imports users from a file of any size. */
import { defineCommand } from "../../frame/command.ts";
import { word } from "../../frame/flag.ts";
import { SOURCE_NAMES } from "../../import/from/names.ts";
import { IMPORT_FLAGS } from "./import-flags.ts";

export const usersImport = defineCommand({
  name: "users import",
  meaning: "import users from a CSV or JSON file; an interrupted import resumes where it stopped",
  reach: "organization",
  words: { file: { ...word("a .csv, .ndjson or .json file; - for standard input, with --format"), isFile: true } },
  flags: IMPORT_FLAGS,
  examples: [
    ["users import users.csv --dry-run", "shows the result and the invalid rows, but changes nothing"],
    ["users import users.ndjson --errors bad.ndjson", "writes the failed rows, with their line numbers, to a file"],
    ...Object.keys(SOURCE_NAMES).map(
      (name) => [`users import export.json --from ${name}`, `imports an export of ${name}`] as const,
    ),
  ],
  async run(given, context) {
    // Other commands and the service do not need the code that reads files.
    const { importFile } = await import("./import-file.ts");
    return importFile(given, context);
  },
});
