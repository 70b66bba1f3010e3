/** The work of `lockkeeper users import`: opens the file, imports it, and prints a summary. */

import { resolve } from "node:path";
import { IfExists } from "../../../../gen/lockkeeper/user/v1/user_service_pb.ts";
import type { CommandContext, Ending } from "../../frame/command.ts";
import { jsonLine } from "../../frame/output.ts";
import { counted } from "../../frame/text.ts";
import type { Counts } from "../../import/checkpoint.ts";
import { SOURCES } from "../../import/from/sources.ts";
import { findFormat, type Input, openInput } from "../../import/input.ts";
import { ownRows } from "../../import/own-rows.ts";
import { span } from "../../import/progress-lines.ts";
import type { Source } from "../../import/row.ts";
import { type ImportOptions, runImport, type Summary } from "../../import/run-import.ts";
import { BATCH_ROWS_MAX, type ImportFlags } from "./import-flags.ts";

const PATIENCE_MS = 120_000;

/** Imports a file. Resolves to `refused` when rows failed. */
export async function importFile(given: ImportFlags, context: CommandContext): Promise<Ending> {
  const source = given.from === undefined ? ownRows : SOURCES[given.from];
  const input = await openInput(given.file, context.terminal.stdin, context.signal);
  const summary = await runImport(await importOptions(given, context, input, source));
  const shown = { ...summary, dryRun: given["dry-run"] };
  await context.output.object(shown, () => summaryLines(summary, given));
  return summary.failed > 0 ? "refused" : "done";
}

async function importOptions(
  given: ImportFlags,
  { client, output, organizationId, address, terminal, signal, confirm }: CommandContext,
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
    "--server": address.server.origin,
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
    // With --json, standard error has only JSON.
    reportFailed: output.json && !given.quiet ? (row) => terminal.stderr.write(jsonLine(row)) : undefined,
    progress:
      given.quiet || output.json
        ? undefined
        : {
            isTerminal: terminal.stderr.isTTY === true,
            // Some terminals report no columns.
            columns: terminal.stderr.columns || 80,
            write: (line) => terminal.stderr.write(line),
            clock: () => performance.now(),
          },
  };
}

const numbers = new Intl.NumberFormat("en-US");

const COUNTED: readonly (readonly [name: keyof Counts, done: string, wouldBe: string])[] = [
  ["created", "created", "would be created"],
  ["updated", "updated", "would be updated"],
  ["skipped", "skipped because they existed already", "would be skipped because they exist already"],
  [
    "passedOver",
    "passed over: deleted in the source system, or of another organization",
    "would be passed over: deleted in the source system, or of another organization",
  ],
  ["failed", "failed", "would fail"],
];

function summaryLines(summary: Summary, given: ImportFlags): string {
  const { rows, resumedAtLine, seconds, rowsPerSecond, withSecrets } = summary;
  const isDryRun = given["dry-run"];
  const went = isDryRun ? "read and checked; nothing was changed" : "read";
  const counts = COUNTED.filter(([name]) => summary[name] > 0).map(
    ([name, done, wouldBe]) => `  ${numbers.format(summary[name])} ${isDryRun ? wouldBe : done}`,
  );
  const resumed = resumedAtLine === undefined ? "" : `, resumed at line ${resumedAtLine}`;
  return [
    `${counted(rows, "row", numbers.format(rows))} ${went}${resumed}, in ${span(seconds)} (${numbers.format(rowsPerSecond)} per second)`,
    ...counts,
    ...(withSecrets === 0
      ? []
      : [
          `  ${numbers.format(withSecrets)} had passwords or second factors, which ${isDryRun ? "would be" : "were"} left out: lockkeeper stores none`,
        ]),
    ...(summary.comparedInPart === true
      ? ["  some rows of the same user may be counted twice: there are too many users to compare all"]
      : []),
    ...(summary.failed > 0 && given.errors !== undefined ? [`  the failed rows are in ${given.errors}`] : []),
    "",
  ].join("\n");
}
