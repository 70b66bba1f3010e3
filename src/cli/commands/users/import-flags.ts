/** The flags of `lockkeeper users import`, without the code that reads files. */

import { BOUNDS, ENUMS } from "../../../../gen/lockkeeper/contract.ts";
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

export const BATCH_ROWS_MAX = BOUNDS["lockkeeper.user.v1.ImportUsersRequest.users"].max;

const { SKIP, UPDATE, ERROR } = ENUMS["lockkeeper.user.v1.IfExists"];
const IF_EXISTS = { skip: SKIP, update: UPDATE, fail: ERROR } as const satisfies Readonly<Record<string, IfExists>>;
const FORMATS: Readonly<Record<Format, Format>> = { csv: "csv", ndjson: "ndjson", json: "json" };

export const IMPORT_FLAGS = {
  from: choice("the system that wrote the file (default: lockkeeper's own columns and fields)", SOURCE_NAMES),
  format: choice("the format of the file (default: by the ending of its name)", FORMATS),
  "if-exists": choice("what to do with a row whose user exists (default skip)", IF_EXISTS),
  "ignore-columns": textList("NAME,…", "CSV columns to ignore, comma-separated"),
  "from-organization": text("ID", "import only the users of this organization in the file"),
  errors: file(
    "FILE",
    "write each failed row to this file as a line of JSON; a file that is not empty is overwritten only with --yes",
  ),
  "max-errors": value("NUMBER", "stop when this many rows have failed", (typed) =>
    parseWhole(typed, { min: 1, max: 1e9 }),
  ),
  "dry-run": toggle("check everything and show the result, but change nothing"),
  restart: toggle("start over instead of resuming an interrupted import"),
  "batch-size": value("NUMBER", `rows per request, 1 to ${BATCH_ROWS_MAX} (default ${BATCH_ROWS_MAX})`, (typed) =>
    parseWhole(typed, { min: 1, max: BATCH_ROWS_MAX }),
  ),
  "retry-for": value(
    "TIME",
    "how long to retry while the service is unavailable or too busy, at most 24d (default 2m)",
    parseWaitMs,
  ),
  quiet: short("q", toggle("do not print progress")),
} satisfies FlagTable;

/** The values of these flags, with the file. */
export type ImportFlags = FlagValues<typeof IMPORT_FLAGS> & { readonly file: string };
