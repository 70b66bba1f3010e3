/** The entry: runs the command line with this process's terminal and the parts of the service. */
import { COMMAND_SET } from "./cli/commands/commands.ts";
import { runCommandLine } from "./cli/frame/program.ts";
import { processTerminal } from "./cli/frame/terminal.ts";
import { SERVICE_PARTS } from "./server/service-parts.ts";

const program = { set: COMMAND_SET, terminal: processTerminal(), parts: SERVICE_PARTS };
const code = await runCommandLine(process.argv.slice(2), program);
if (code !== undefined) process.exit(code);
