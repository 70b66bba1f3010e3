/** The fields of CSV records, read by csv-parse; a malformed record does not affect the others. */
import { type Options, parse } from "csv-parse/sync";
import { RowFault } from "../row.ts";

/** The possible separators of fields; the first one in the header counts. */
const DELIMITERS = [",", ";", "\t", "|"] as const;
const NEWLINE = Buffer.from("\n");

/** Returns the separator of a file with this header. */
export function findDelimiter(header: string): string {
  const places = DELIMITERS.map((delimiter) => ({ delimiter, at: header.indexOf(delimiter) }));
  const present = places.filter(({ at }) => at !== -1).sort((a, b) => a.at - b.at);
  return present[0]?.delimiter ?? ",";
}

/** Returns the fields of one record. Throws RowFault. */
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

/** Returns the fields of many records, in order; a fault for a record that is not valid CSV. */
export function readAllFields(
  records: readonly Buffer[],
  delimiter: string,
): readonly (readonly string[] | RowFault)[] {
  if (records.length === 0) return [];
  try {
    const all = parseAll(Buffer.concat(records.flatMap((record) => [record, NEWLINE])), delimiter);
    if (all.length === records.length) return all;
  } catch {
    // One of them is not valid: each is parsed separately.
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

/** Returns a message of our own: the line numbers of csv-parse are not those of the file. */
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
