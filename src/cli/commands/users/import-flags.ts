/** The flags of `lockkeeper users import`, without anything that reads files. */

import type { IfExists } from "../../../../gen/lockkeeper/user/v1/user_service_pb.ts";
import {
  choice,
  type FlagTable,
  type FlagValues,
  file,
  short,
  text,
  textList,
  toggle,
  value,
} from "../../frame/flag.ts";
import { parseWaitMs, parseWhole } from "../../frame/flag-values.ts";
import { SOURCE_NAMES } from "../../import/from/names.ts";
import type { Format } from "../../import/row.ts";

export const BATCH_ROWS_MAX = 1000;

const IF_EXISTS = { skip: 2, update: 3, fail: 1 } as const satisfies Readonly<Record<string, IfExists>>;
const FORMATS: Readonly<Record<Format, Format>> = { csv: "csv", ndjson: "ndjson", json: "json" };

export const IMPORT_FLAGS = {
  from: choice("the system that wrote the file; absent: our own columns and fields", SOURCE_NAMES),
  format: choice("what is in the file; absent: as its name ends", FORMATS),
  "if-exists": choice("what to do with a row whose user exists (default skip)", IF_EXISTS),
  "ignore-columns": textList("NAME,…", "columns of a CSV to leave out"),
  "from-organization": text("ID", "take the users of this organization of the file"),
  errors: file(
    "FILE",
    "write each row that failed to this file, as a line of JSON; one that is not empty is overwritten only with --yes",
  ),
  "max-errors": value("NUMBER", "stop when this many rows have failed", (typed) =>
    parseWhole(typed, { min: 1, max: 1e9 }),
  ),
  "dry-run": toggle("check everything, change nothing, and say what would be"),
  restart: toggle("start over, although an earlier import of the file broke off"),
  "batch-size": value("NUMBER", `rows a request, 1 to ${BATCH_ROWS_MAX} (default ${BATCH_ROWS_MAX})`, (typed) =>
    parseWhole(typed, { min: 1, max: BATCH_ROWS_MAX }),
  ),
  "retry-for": value(
    "TIME",
    "how long to try while the service is away or too busy, at most 24d (default 2m)",
    parseWaitMs,
  ),
  quiet: short("q", toggle("print no progress")),
} satisfies FlagTable;

/** What an import is given. */
export type ImportFlags = FlagValues<typeof IMPORT_FLAGS> & { readonly file: string };
