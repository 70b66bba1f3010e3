/** Asks before what cannot be undone. */
import { createInterface } from "node:readline/promises";
import { EXIT, Failure, usageFailure } from "./failure.ts";
import { printable } from "./output.ts";

/** Asks on the terminal. Throws a Failure for any answer but yes, and where there is nobody to ask. */
export async function confirm(question: string, signal: AbortSignal): Promise<void> {
  if (!process.stdin.isTTY || !process.stderr.isTTY) {
    throw usageFailure(
      `${question} This cannot be undone, and there is no terminal to ask on; say --yes if it is meant`,
    );
  }
  // Asked on standard error, so that standard output has the result alone.
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  const interrupted = new Failure(EXIT.INTERRUPTED, "interrupted; nothing was done");
  const closed = new Promise<never>((_, reject) => terminal.once("close", () => reject(interrupted)));
  try {
    const answer = await Promise.race([terminal.question(`${printable(question)} [y/N] `, { signal }), closed]);
    if (!/^y(?:es)?$/i.test(answer.trim())) throw usageFailure("not confirmed; nothing was done");
  } finally {
    terminal.close();
  }
}
