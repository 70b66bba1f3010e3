/** Runs a command with a span of its own where commands are traced. */
import type { Traces } from "../../observability/traces.ts";
import type { Command, Outcome } from "../commands.ts";

/** Returns the outcome of a command. `traces`: absent, the command is not traced. `submit` returns a resource of its kind. */
export async function traceCommand<C extends Command>(
  command: C,
  { traces, system }: { readonly traces: Traces | undefined; readonly system: string },
  submit: () => Promise<unknown>,
): Promise<Outcome<C>> {
  const outcome = traces === undefined ? submit() : traces.command({ name: command.type, system }, submit);
  return (await outcome) as Outcome<C>;
}
