/** Writes the log to standard error: synchronously, without the machinery of a stream. */
import { writeSync } from "node:fs";

const STANDARD_ERROR = 2;

/**
 * Writes lines to standard error. `process.stderr.write` costs many times as much, and every batch of log lines pays it.
 * A pipe that is full and not blocking takes only a part (EAGAIN): the stream, which waits, writes the rest. A reader that
 * is gone (EPIPE) loses lines; it must not stop the service.
 */
export function writeStandardError(lines: string): void {
  const bytes = Buffer.from(lines);
  let written = 0;
  // Lines that the stream still holds come first.
  if (process.stderr.writableLength === 0) {
    try {
      while (written < bytes.length) written += writeSync(STANDARD_ERROR, bytes, written);
      return;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EAGAIN") return;
    }
  }
  process.stderr.write(bytes.subarray(written));
}

/** The largest write to a pipe that no other writer can interrupt (PIPE_BUF on Linux). */
const ATOMIC_BYTES = 4_096;

/** Writes lines like `writeStandardError`, in pieces of whole lines that those of other threads cannot cut apart. */
export function writeWholeLines(lines: string): void {
  let begin = 0;
  while (begin < lines.length) {
    const rest = lines.length - begin;
    // A character is at most three bytes in UTF-8 for each unit of a string; nearly all lines are ASCII.
    const last = rest <= ATOMIC_BYTES ? lines.length : lines.lastIndexOf("\n", begin + ATOMIC_BYTES - 1) + 1;
    const end = last > begin ? last : lines.indexOf("\n", begin) + 1 || lines.length;
    writeStandardError(lines.slice(begin, end));
    begin = end;
  }
}
