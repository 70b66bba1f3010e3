/** The file of failed rows: one JSON object per line, with the line of the row in the imported file. */
import { closeSync, fstatSync, ftruncateSync, openSync, statSync, writeSync } from "node:fs";
import { fileFault } from "../../file-fault.ts";
import { usageFailure } from "../frame/failure.ts";
import type { FileIdentity } from "./input.ts";

/** A row that failed. */
export interface FailedRow {
  readonly line: number;
  readonly message: string;
  /** Absent if the row was not understood. */
  readonly userId?: string;
  /** Of the service's refusal; absent if the row was not sent. */
  readonly code?: string;
  readonly reason?: string;
}

/** Whether the file has content already. Throws a usage Failure if it is the imported file. */
export function holdsSomething(path: string, imported: FileIdentity | undefined): boolean {
  const stats = statSync(path, { throwIfNoEntry: false });
  if (stats === undefined) return false;
  if (stats.dev === imported?.dev && stats.ino === imported.ino) {
    throw usageFailure(`--errors: ${path} is the file that is imported; name another`);
  }
  return stats.size > 0;
}

export class ErrorFile {
  readonly #file: number;
  #bytes: number;

  /** `keepBytes`: what an earlier import wrote and settled; the rows after that are reported again. */
  constructor(path: string, keepBytes: number) {
    try {
      this.#file = openSync(path, "a", 0o600);
      this.#bytes = Math.min(keepBytes, fstatSync(this.#file).size);
      ftruncateSync(this.#file, this.#bytes);
    } catch (error) {
      throw usageFailure(`--errors: ${path} cannot be written: ${fileFault(error)}`);
    }
  }

  get bytes(): number {
    return this.#bytes;
  }

  write(row: FailedRow): void {
    this.#bytes += writeSync(this.#file, `${JSON.stringify(row)}\n`);
  }

  close(): void {
    closeSync(this.#file);
  }
}
