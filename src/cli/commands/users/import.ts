/** `lockkeeper users import`: brings users over from a file, as many as there are. */
import { resolve } from "node:path";
import { IfExists } from "../../../../gen/lockkeeper/user/v1/user_service_pb.ts";
import { type CommandContext, defineCommand } from "../../frame/command.ts";
import { choice, type FlagTable, type FlagValues, text, textList, toggle, value, word } from "../../frame/flag.ts";
import { parseTimeoutMs, parseWhole } from "../../frame/flag-values.ts";
import { jsonLine } from "../../frame/output.ts";
import type { Counts } from "../../import/checkpoint.ts";
import { SOURCES } from "../../import/from/sources.ts";
import { findFormat, type Input, openInput } from "../../import/input.ts";
import { ownRows } from "../../import/own-rows.ts";
import { span } from "../../import/progress-lines.ts";
import type { Format, Source } from "../../import/row.ts";
import type { ImportOptions, Summary } from "../../import/run-import.ts";

const BATCH_ROWS_MAX = 1000;
const PATIENCE_MS = 120_000;

const IF_EXISTS = { skip: IfExists.SKIP, update: IfExists.UPDATE, fail: IfExists.ERROR } as const;
const FORMAT_CHOICES: Readonly<Record<Format, Format>> = { csv: "csv", ndjson: "ndjson", json: "json" };
const SOURCE_CHOICES = Object.fromEntries(Object.keys(SOURCES).map((name) => [name, name]));

const FLAGS = {
  from: choice("the system that wrote the file; absent: our own columns and fields", SOURCE_CHOICES),
  format: choice("what is in the file; absent: as its name ends", FORMAT_CHOICES),
  "if-exists": choice("what becomes of a row whose user is there (default skip)", IF_EXISTS),
  "ignore-columns": textList("NAME,…", "columns of a CSV to leave out"),
  "from-organization": text("ID", "of a file with several organizations, take the users of this one"),
  errors: text(
    "FILE",
    "write each row that failed there, as a line of JSON; one that is not empty is overwritten only with --yes",
  ),
  "max-errors": value("NUMBER", "stop when so many rows have failed", (typed) =>
    parseWhole(typed, { min: 1, max: 1e9 }),
  ),
  "dry-run": toggle("check everything, change nothing, and say what would be"),
  restart: toggle("begin anew, though an earlier import of the file broke off"),
  "batch-size": value("NUMBER", `rows a request, 1 to ${BATCH_ROWS_MAX} (default ${BATCH_ROWS_MAX})`, (typed) =>
    parseWhole(typed, { min: 1, max: BATCH_ROWS_MAX }),
  ),
  "retry-for": value("TIME", "how long to try while the service is away or too busy (default 2m)", parseTimeoutMs),
  quiet: toggle("tell nothing on the way"),
} satisfies FlagTable;

type Given = FlagValues<typeof FLAGS>;

export const usersImport = defineCommand({
  name: "users import",
  meaning: "bring users over from a CSV or JSON file, a million if need be; broken off, it goes on where it was",
  reach: "organization",
  words: { file: word("a .csv, .ndjson or .json file; -: what is piped in, with --format") },
  flags: FLAGS,
  examples: [
    ["users import users.csv --dry-run", "says what would be, and which rows are not well"],
    ["users import users.ndjson --errors bad.ndjson", "keeps the rows that failed, with their lines"],
    ...Object.keys(SOURCES).map(
      (name) => [`users import export.json --from ${name}`, `takes what ${name} exports`] as const,
    ),
  ],
  async run(given, context) {
    const source = given.from === undefined ? ownRows : (SOURCES[given.from] ?? ownRows);
    const input = await openInput(given.file, context.signal);
    const options = await importOptions(given, context, input, source);
    // Other commands, and the service, need nothing that reads files.
    const { runImport } = await import("../../import/run-import.ts");
    const summary = await runImport(options);
    const shown = { ...summary, dryRun: given["dry-run"] };
    await context.output.write(context.output.json ? jsonLine(shown) : summaryLines(summary, given));
    return summary.failed > 0 ? "refused" : "done";
  },
});

async function importOptions(
  given: Given,
  { client, output, organizationId, server, signal, confirm }: CommandContext,
  input: Input,
  source: Source,
): Promise<ImportOptions> {
  const format = findFormat(input, given.format, source);
  const batchRows = given["batch-size"] ?? BATCH_ROWS_MAX;
  const ifExists = given["if-exists"] ?? IfExists.SKIP;
  const isDryRun = given["dry-run"];
  const users = await client("users");
  const terms = {
    "the file's size": input.size ?? 0,
    "the digest of its beginning": input.headDigest,
    "--server": server.origin,
    "--organization": organizationId,
    "--from": given.from ?? "",
    "--format": format,
    "--if-exists": ifExists,
    "--ignore-columns": given["ignore-columns"].join(","),
    "--from-organization": given["from-organization"] ?? "",
    "--batch-size": batchRows,
    "--errors": given.errors === undefined ? "" : resolve(given.errors),
  };
  return {
    input,
    format,
    source,
    ignoredColumns: given["ignore-columns"],
    batchRows,
    request: { organizationId, ifExists, validateOnly: isDryRun },
    fromOrganization: given["from-organization"],
    errorsMax: given["max-errors"],
    errorFile: given.errors === undefined ? undefined : { path: given.errors, confirm },
    resume: isDryRun ? undefined : { terms, restart: given.restart },
    patienceMs: given["retry-for"] ?? PATIENCE_MS,
    call: (request) => users.importUsers(request),
    signal,
    newId: () => crypto.randomUUID(),
    clock: () => performance.now(),
    progress:
      given.quiet || output.json
        ? undefined
        : {
            isTerminal: process.stderr.isTTY === true,
            // Some terminals say that they have none.
            columns: process.stderr.columns || 80,
            write: (line) => process.stderr.write(line),
            clock: () => performance.now(),
          },
  };
}

const numbers = new Intl.NumberFormat("en-US");

const COUNTED: readonly (readonly [name: keyof Counts, meaning: string])[] = [
  ["created", "created"],
  ["updated", "updated"],
  ["skipped", "skipped, as they were there"],
  ["passedOver", "passed over, as they are not to be brought over"],
  ["failed", "failed"],
];

function summaryLines(summary: Summary, given: Given): string {
  const { rows, resumedAtLine, seconds, rowsPerSecond, withSecrets } = summary;
  const went = given["dry-run"] ? "checked, nothing was changed" : "imported";
  const counts = COUNTED.filter(([name]) => summary[name] > 0).map(
    ([name, meaning]) => `  ${numbers.format(summary[name])} ${meaning}`,
  );
  const resumed = resumedAtLine === undefined ? "" : `, this time from line ${resumedAtLine}`;
  return [
    `${numbers.format(rows)} rows ${went}${resumed}, in ${span(seconds)} (${numbers.format(rowsPerSecond)} a second)`,
    ...counts,
    ...(withSecrets === 0
      ? []
      : [
          `  ${numbers.format(withSecrets)} had passwords or second factors, which were left out: lockkeeper keeps none`,
        ]),
    ...(summary.failed > 0 && given.errors !== undefined ? [`  the failed rows are in ${given.errors}`] : []),
    "",
  ].join("\n");
}
