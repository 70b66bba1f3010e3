/** Asks on the terminal: before an action that cannot be undone, and for a secret. */
import { createInterface } from "node:readline/promises";
import { Writable } from "node:stream";
import { EXIT, Failure, usageFailure } from "./failure.ts";
import { printable } from "./table.ts";
import type { Terminal } from "./terminal.ts";

/** Asks for a yes. Throws a Failure for any other answer, and if there is nobody to ask. */
export async function confirm(question: string, terminal: Terminal, signal: AbortSignal): Promise<void> {
  if (!isInteractive(terminal)) {
    throw usageFailure(`${question} This cannot be undone, and there is no terminal to ask on; pass --yes to confirm`);
  }
  const answer = await ask(`${question} [y/N] `, terminal, { signal });
  if (!/^y(?:es)?$/i.test(answer.trim())) throw usageFailure("not confirmed; nothing was done");
}

/** Whether there is a person to ask. */
export function isInteractive({ stdin, stderr }: Terminal): boolean {
  return stdin.isTTY === true && stderr.isTTY === true;
}

/** Returns the line that is typed. Throws a Failure at an interrupt or the end of the input. */
export async function ask(
  question: string,
  { stdin, stderr }: Terminal,
  { signal, isHidden = false }: { readonly signal: AbortSignal; readonly isHidden?: boolean },
): Promise<string> {
  // On standard error, so that standard output has only the result.
  if (isHidden) stderr.write(printable(question));
  const echo = isHidden ? new Writable({ write: (_chunk, _encoding, done) => done() }) : stderr;
  const asking = createInterface({ input: stdin, output: echo, ...(isHidden ? { terminal: true } : {}) });
  const interrupted = new Failure(EXIT.INTERRUPTED, "interrupted; nothing was done");
  const closed = new Promise<never>((_, reject) => asking.once("close", () => reject(interrupted)));
  try {
    return await Promise.race([asking.question(isHidden ? "" : printable(question), { signal }), closed]);
  } catch (error) {
    // Ctrl+D, or the signal.
    throw error instanceof Error && error.name === "AbortError" ? interrupted : error;
  } finally {
    asking.close();
    if (isHidden) stderr.write("\n");
  }
}
