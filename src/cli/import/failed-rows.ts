/** Reports the rows that failed: all of them in the file of errors, the first ones on the terminal. */

import { printable } from "../frame/table.ts";
import { ErrorFile, type FailedRow, holdsSomething } from "./error-file.ts";
import type { FileIdentity } from "./input.ts";
import { shown } from "./row.ts";

/** How many failed rows are printed; all of them are in the file of errors. */
const PRINTED_MAX = 10;

/** Where failed rows are written. `confirm` throws a Failure unless an existing file may be overwritten. */
export interface ErrorFileOptions {
  readonly path: string;
  readonly confirm: (question: string) => Promise<void>;
}

export interface FailedRowsOptions {
  /** Absent: failed rows are not kept. */
  readonly file: ErrorFileOptions | undefined;
  readonly imported: FileIdentity | undefined;
  /** Whether an earlier import wrote the file; then so many bytes of it are kept. */
  readonly isResumed: boolean;
  readonly keepBytes: number;
  /** Called with each of the first failed rows; absent: not reported. */
  readonly report: ((row: FailedRow) => void) | undefined;
  /** Prints a line. */
  readonly say: (line: string) => void;
}

export class FailedRows {
  readonly #options: FailedRowsOptions;
  #file: ErrorFile | undefined;
  #count = 0;

  constructor(options: FailedRowsOptions) {
    this.#options = options;
  }

  /** Bytes of the file of errors so far. */
  get bytes(): number {
    return this.#file?.bytes ?? 0;
  }

  /** Opens the file of errors once. Called only after the header is valid, so that a rejected file does not overwrite it. */
  async open(): Promise<void> {
    const { file, imported, isResumed, keepBytes } = this.#options;
    if (file === undefined || this.#file !== undefined) return;
    const { path, confirm } = file;
    const holds = holdsSomething(path, imported);
    if (holds && !isResumed) await confirm(`--errors: ${path} is not empty and would be overwritten.`);
    this.#file = new ErrorFile(path, keepBytes);
  }

  add(row: FailedRow): void {
    const { file, report, say } = this.#options;
    this.#file?.write(row);
    this.#count++;
    if (this.#count <= PRINTED_MAX) {
      report?.(row);
      say(failureLine(row));
    }
    if (this.#count === PRINTED_MAX + 1) {
      const where =
        file === undefined ? "--errors FILE writes all of them to a file" : "all of them are in the file of errors";
      say(`further failed rows are not shown here; ${where}`);
    }
  }

  close(): void {
    this.#file?.close();
  }
}

/** One line for a person. */
function failureLine({ line, userId, message, reason }: FailedRow): string {
  const who = userId === undefined || userId === "" ? "" : ` (${shown(userId)})`;
  return printable(`line ${line}${who}: ${message}${reason === undefined ? "" : ` (${reason})`}`);
}
