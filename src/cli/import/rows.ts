/** Reads rows from bytes to users with their lines. A row with a fault does not stop the rest. */
import { isUtf8 } from "node:buffer";
import type { JsonValue } from "@bufbuild/protobuf";
import { usageFailure } from "../frame/failure.ts";
import { type Header, readCells, readHeader } from "./columns.ts";
import type { Input } from "./input.ts";
import { findDelimiter, readAllFields, readFields } from "./read/csv-fields.ts";
import { findElements } from "./read/json-elements.ts";
import { type RawRecord, splitRecords } from "./read/raw-records.ts";
import { type Format, isObject, type Mapped, RowFault, type Source } from "./row.ts";

/** A larger row is a fault: lockkeeper stores 64 Ki characters of a user. */
export const ROW_BYTES_MAX = 1024 * 1024;

/** A row of the file: a user or a fault. */
export interface Row {
  readonly line: number;
  readonly nextLine: number;
  /** The offset of its end in the file. */
  readonly end: number;
  readonly bytes: number;
  readonly mapped: Mapped | RowFault;
}

export interface Place {
  readonly offset: number;
  readonly line: number;
}

export interface ReadOptions {
  readonly input: Input;
  readonly format: Format;
  readonly source: Source;
  readonly ignoredColumns: readonly string[];
  /** Where to resume; absent: at the beginning. */
  readonly from?: Place | undefined;
}

/** Yields rows in the order of the file. Throws a usage Failure for a header that is not valid. */
export async function* readRows(options: ReadOptions): AsyncGenerator<readonly Row[]> {
  const { input, format, source, ignoredColumns } = options;
  const start = options.from ?? { offset: input.markBytes, line: 1 };
  if (format === "csv") {
    const { header, delimiter, after } = readHead(input, source, ignoredColumns);
    const { offset, line } = options.from ?? after;
    const split = { delimiter: delimiter.charCodeAt(0), offset, line, bytesMax: ROW_BYTES_MAX };
    for await (const records of splitRecords(input.read(offset), split)) {
      yield csvRows(records, header, delimiter, source);
    }
    return;
  }
  const records =
    format === "ndjson"
      ? splitRecords(input.read(start.offset), { ...start, bytesMax: ROW_BYTES_MAX })
      : findElements(input.read(input.markBytes), {
          lists: source.lists,
          organizationName: source.organizationName,
          bytesMax: ROW_BYTES_MAX,
          begin: input.markBytes,
          offset: start.offset,
        });
  for await (const batch of records) yield batch.map((record) => jsonRow(record, source));
}

interface Head {
  readonly header: Header;
  readonly delimiter: string;
  /** The place of the first row. */
  readonly after: Place;
}

function readHead({ head, markBytes, size }: Input, source: Source, ignoredColumns: readonly string[]): Head {
  const newline = head.indexOf("\n");
  if (newline === -1 && size !== head.length + markBytes) {
    throw usageFailure(`the first line must name the columns; it does not end within ${head.length} bytes`);
  }
  const line = head.subarray(0, newline === -1 ? head.length : newline);
  const text = line.toString().replace(/\r$/, "");
  if (!isUtf8(line)) throw usageFailure("the first line is not UTF-8");
  const delimiter = findDelimiter(text);
  try {
    const header = readHeader(readFields(Buffer.from(text), delimiter), source, ignoredColumns);
    return { header, delimiter, after: { offset: markBytes + line.length + (newline === -1 ? 0 : 1), line: 2 } };
  } catch (error) {
    if (error instanceof RowFault) throw usageFailure(`the first line must name the columns; it ${error.message}`);
    throw error;
  }
}

function csvRows(records: readonly RawRecord[], header: Header, delimiter: string, source: Source): readonly Row[] {
  const isReadable = (record: RawRecord): boolean => record.fault === undefined && isUtf8(record.bytes);
  const readable = records.filter(isReadable);
  const all = readAllFields(
    readable.map(({ bytes }) => bytes),
    delimiter,
  );
  let next = 0;
  return records.map((record) => {
    const fields = isReadable(record) ? all[next++] : undefined;
    return toRow(record, () => {
      if (fields instanceof RowFault) throw fields;
      return source.fromCells(readCells(fields ?? [], header));
    });
  });
}

function jsonRow(record: RawRecord, source: Source): Row {
  return toRow(record, () => {
    const value = parseJson(record.bytes.toString());
    if (!isObject(value)) throw new RowFault("is not a JSON object");
    const mapped = source.fromObject(value);
    return record.organization === undefined || mapped.organization !== ""
      ? mapped
      : { ...mapped, organization: record.organization };
  });
}

function parseJson(text: string): JsonValue {
  try {
    return JSON.parse(text) as JsonValue;
  } catch (error) {
    // The whole message would quote the row, which may contain secrets.
    const place = /at position (\d+)/.exec(error instanceof Error ? error.message : "")?.[1];
    throw new RowFault(`is not valid JSON${place === undefined ? "" : `, at character ${Number(place) + 1}`}`);
  }
}

function toRow(record: RawRecord, map: () => Mapped): Row {
  const { line, nextLine, end, bytes, fault } = record;
  const about = { line, nextLine, end, bytes: bytes.length };
  if (fault !== undefined) return { ...about, mapped: new RowFault(fault) };
  if (!isUtf8(bytes)) return { ...about, mapped: new RowFault("is not UTF-8") };
  try {
    return { ...about, mapped: map() };
  } catch (error) {
    if (error instanceof RowFault) return { ...about, mapped: error };
    throw error;
  }
}
