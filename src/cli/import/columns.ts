/** Reads the header of a CSV file: the field of each column, none of them unknown. */
import { findClosestName } from "../../transcoding/closest-name.ts";
import { usageFailure } from "../frame/failure.ts";
import type { Cells, Source } from "./row.ts";
import { RowFault, shown } from "./row.ts";

/** The name of each column in the source's spelling; `undefined` if ignored. */
export type Header = readonly (string | undefined)[];

/** Returns the header. Throws a usage Failure that names an unknown, repeated or missing column. */
export function readHeader(fields: readonly string[], source: Source, ignored: readonly string[]): Header {
  const { columns, columnOf = (name) => name } = source;
  const names = fields.map((field) => field.trim());
  const unknown = ignored.find((name) => !names.includes(name));
  if (unknown !== undefined) {
    throw usageFailure(`--ignore-columns: ${shown(unknown)} is not a column of the file; it has ${names.join(", ")}`);
  }
  const header = names.map((name) => (ignored.includes(name) ? undefined : columnOf(name)));
  const unnamed = header.indexOf("");
  if (unnamed !== -1) {
    throw usageFailure(`the header does not name column ${unnamed + 1}; the first line must name all columns`);
  }
  for (const [index, name] of header.entries()) {
    if (name === undefined) continue;
    if (!isKnown(name, columns)) {
      const closest = findClosestName(name, columns);
      throw usageFailure(
        `column ${shown(names[index] ?? "")} is unknown${closest === undefined ? "." : `; did you mean ${closest}?`} Rename it, or leave it out with --ignore-columns; the known columns are ${columns.map(spelled).join(", ")}`,
      );
    }
    if (header.indexOf(name) !== index) throw usageFailure(`the header names column ${shown(name)} twice`);
  }
  const [id = ""] = columns;
  if (!header.includes(id)) throw usageFailure(`the header has no column ${shown(id)}; it has ${names.join(", ")}`);
  return header;
}

/** Whether a column is known. A known name that ends in `.` or `[` stands for all that begin with it. */
function isKnown(name: string, columns: readonly string[]): boolean {
  return columns.some((column) =>
    /[.[]$/.test(column) ? name.startsWith(column) && name.length > column.length : name === column,
  );
}

/** Returns the cells of a row that are not empty. Throws RowFault if their number is not that of the columns. */
export function readCells(fields: readonly string[], header: Header): Cells {
  if (fields.length !== header.length) {
    throw new RowFault(
      `has ${fields.length} field${fields.length === 1 ? "" : "s"}; the header names ${header.length}`,
    );
  }
  const cells = new Map<string, string>();
  for (const [index, name] of header.entries()) {
    const field = fields[index] ?? "";
    if (name !== undefined && field !== "") cells.set(name, field);
  }
  return cells;
}

/** Returns a known column as messages show it. */
function spelled(column: string): string {
  return column.endsWith(".") ? `${column}NAME` : column.endsWith("[") ? `${column}…` : column;
}
