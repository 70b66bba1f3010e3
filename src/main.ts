/** The entry: hands the command line to the commands, and lends them the service. */
import type { ServiceParts } from "./cli/frame/command.ts";
import { runCommandLine } from "./cli/frame/program.ts";

/** Loaded when a command asks for it: most talk to a service that runs elsewhere. */
const PARTS: ServiceParts = {
  serve: async (config) => (await import("./server/run.ts")).run(config),
  createOwnerKey: async (path, displayName) =>
    (await import("./server/offline-key.ts")).createOwnerKey(path, displayName),
  describe: async (error) => (await import("./server/describe.ts")).startFailure(error),
};

const code = await runCommandLine(process.argv.slice(2), process.env, PARTS);
if (code !== undefined) process.exit(code);
