/** What the command line borrows of the service, loaded when a command asks for it: most talk to a service elsewhere. */
import type { ServiceParts } from "../cli/frame/command.ts";

export const SERVICE_PARTS: ServiceParts = {
  serve: async (config) => (await import("./run.ts")).run(config),
  createOwnerKey: async (database, displayName) =>
    (await import("./offline-key.ts")).createOwnerKey(database, displayName),
  describe: async (error) => (await import("./describe.ts")).startFailure(error),
};
