/** Commands on several ids, from the command line or standard input; each id is handled on its own. */
import { createInterface } from "node:readline";
import type { CommandContext, Ending } from "./command.ts";
import { EXIT, Failure, usageFailure } from "./failure.ts";
import { type Flag, words } from "./flag.ts";

/** Returns the argument for the ids that a command works on. */
export function ids(what: string): Flag<readonly string[]> {
  return words(`${what}, one or more; - reads them from standard input, one per line`);
}

/** Whether there may be more than one id. */
export function isSeveral(typed: readonly string[]): boolean {
  return typed.length > 1 || typed[0] === "-";
}

/** Returns the ids as a question shows them. */
export function shownIds(typed: readonly string[], what: string): string {
  if (typed.length > 10) return `these ${typed.length} ${what}s`;
  return isSeveral(typed) ? `the ${what}s ${typed.join(", ")}` : `the ${what} ${typed[0]}`;
}

/** Throws a usage Failure if a flag for one request is given with several ids. */
export function refuseSeveral(typed: readonly string[], flags: Readonly<Record<string, unknown>>): void {
  const flag = Object.keys(flags).find((name) => flags[name] !== undefined);
  if (flag !== undefined && isSeveral(typed)) throw usageFailure(`${flag} can be used with one id only`);
}

/** Yields the ids as typed, and for `-` those of standard input. */
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

/** Failures that concern one id; any other would hit the next id too. */
const OF_ONE_ID: readonly number[] = [EXIT.NOT_FOUND, EXIT.REFUSED];

/**
 * Does the work for each id. An id that is not found or is refused does not stop the others: its failure is reported, and
 * the first one decides the exit code. Throws the failure of a single id, and any that concerns all calls.
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
