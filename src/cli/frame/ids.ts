/** Several ids in one command line, or from standard input, each on its own. */
import { createInterface } from "node:readline";
import type { CommandContext, Ending } from "./command.ts";
import { EXIT, Failure, usageFailure } from "./failure.ts";
import { type Flag, words } from "./flag.ts";

/** The ids of what a command works on. */
export function ids(what: string): Flag<readonly string[]> {
  return words(`${what}, one or more; - reads them from standard input, one per line`);
}

/** Whether more than one id may come. */
export function isSeveral(typed: readonly string[]): boolean {
  return typed.length > 1 || typed[0] === "-";
}

/** The ids in a question. */
export function shownIds(typed: readonly string[], what: string): string {
  if (typed.length > 10) return `these ${typed.length} ${what}s`;
  return isSeveral(typed) ? `the ${what}s ${typed.join(", ")}` : `the ${what} ${typed[0]}`;
}

/** Throws a usage Failure where a flag that names one request meets several ids. */
export function refuseSeveral(typed: readonly string[], flags: Readonly<Record<string, unknown>>): void {
  const flag = Object.keys(flags).find((name) => flags[name] !== undefined);
  if (flag !== undefined && isSeveral(typed)) throw usageFailure(`${flag} can be used with one id only`);
}

/** The ids as typed, and in the place of `-` those of standard input. */
export async function* eachId(typed: readonly string[], { terminal, signal }: CommandContext): AsyncGenerator<string> {
  if (typed.filter((id) => id === "-").length > 1) {
    throw usageFailure("- (standard input) is given twice; once is enough");
  }
  for (const id of typed) {
    if (id !== "-") {
      yield id;
      continue;
    }
    const lines = createInterface({ input: terminal.stdin, crlfDelay: Number.POSITIVE_INFINITY, terminal: false });
    const stop = (): void => lines.close();
    signal.addEventListener("abort", stop);
    try {
      for await (const line of lines) if (line.trim() !== "") yield line;
    } finally {
      signal.removeEventListener("abort", stop);
      lines.close();
    }
    signal.throwIfAborted();
  }
}

/** Failures that are about one id; any other would meet the next one, too. */
const OF_ONE_ID: readonly number[] = [EXIT.NOT_FOUND, EXIT.REFUSED];

/**
 * Does the work for each id. Of several, one that is not there or is refused does not keep the others from their turn:
 * it is reported, and the exit code is that of the first. Throws the failure of an only one, and any that is of the call.
 */
export async function forEachId(
  typed: readonly string[],
  context: CommandContext,
  work: (id: string) => Promise<void>,
): Promise<Ending> {
  let first: Failure | undefined;
  let count = 0;
  for await (const id of eachId(typed, context)) {
    count++;
    try {
      await work(id);
    } catch (error) {
      if (!isSeveral(typed)) throw error;
      const failure = await context.failureOf(error);
      if (!OF_ONE_ID.includes(failure.exitCode)) throw failure;
      const { exitCode, message, lines, status } = failure;
      context.output.failure(new Failure(exitCode, `${id}: ${message}`, { lines, status }));
      first ??= failure;
    }
  }
  if (count === 0) context.output.note("standard input has no ids; nothing was done");
  return first?.exitCode ?? "done";
}
