/** The entry: runs the command line with this process's terminal and the parts of the service. */
import { serve } from "./cli/commands/serve.ts";
import { runCommandLine } from "./cli/frame/program.ts";
import { processTerminal } from "./cli/frame/terminal.ts";
import { SERVICE_PARTS } from "./server/service-parts.ts";

const args = process.argv.slice(2);
// A start of the service loads only its own command, not the files of all the others.
const set =
  args[0] === serve.name ? { commands: [serve], groups: {} } : (await import("./cli/commands/commands.ts")).COMMAND_SET;
const code = await runCommandLine(args, { set, terminal: processTerminal(), parts: SERVICE_PARTS });
if (code !== undefined) process.exit(code);
