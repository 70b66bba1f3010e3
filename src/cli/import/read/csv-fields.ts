/** The fields of CSV records, read by csv-parse; a malformed record does not affect the others. */
import { type Options, parse } from "csv-parse/sync";
import { RowFault } from "../row.ts";

/** What may separate fields; the first of them in the header does. */
const DELIMITERS = [",", ";", "\t", "|"] as const;
const NEWLINE = Buffer.from("\n");

/** Which character separates the fields of a file with this header. */
export function findDelimiter(header: string): string {
  const places = DELIMITERS.map((delimiter) => ({ delimiter, at: header.indexOf(delimiter) }));
  const present = places.filter(({ at }) => at !== -1).sort((a, b) => a.at - b.at);
  return present[0]?.delimiter ?? ",";
}

/** The fields of one record. Throws RowFault. */
export function readFields(record: Buffer, delimiter: string): readonly string[] {
  let all: readonly (readonly string[])[];
  try {
    all = parseAll(record, delimiter);
  } catch (error) {
    throw new RowFault(faultOf(error));
  }
  const [fields] = all;
  if (fields === undefined || all.length > 1) throw new RowFault("is not well-formed CSV");
  return fields;
}

/** The fields of many records, in their order; in place of one that is no CSV stands its fault. */
export function readAllFields(
  records: readonly Buffer[],
  delimiter: string,
): readonly (readonly string[] | RowFault)[] {
  if (records.length === 0) return [];
  try {
    const all = parseAll(Buffer.concat(records.flatMap((record) => [record, NEWLINE])), delimiter);
    if (all.length === records.length) return all;
  } catch {
    // One of them is not well: each is tried by itself.
  }
  return records.map((record) => {
    try {
      return readFields(record, delimiter);
    } catch (error) {
      if (error instanceof RowFault) return error;
      throw error;
    }
  });
}

function parseAll(bytes: Buffer, delimiter: string): readonly (readonly string[])[] {
  const options: Options = { delimiter, record_delimiter: ["\r\n", "\n"], relax_column_count: true };
  return parse(bytes, options) as readonly (readonly string[])[];
}

/** In words of ours: csv-parse names lines of what it was given, which are not those of the file. */
function faultOf(error: unknown): string {
  const code = error instanceof Error && "code" in error ? error.code : undefined;
  switch (code) {
    case "CSV_INVALID_CLOSING_QUOTE":
      return "has text after a closing quote; write a quote within quotes twice";
    case "INVALID_OPENING_QUOTE":
      return "has a quote within an unquoted field";
    default:
      return "is not well-formed CSV";
  }
}
