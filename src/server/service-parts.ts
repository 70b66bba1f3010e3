/** The parts of the service that commands need. They are loaded on demand, because most commands call a service elsewhere. */
import type { ServiceParts } from "../cli/frame/command.ts";
import type { Dialect } from "../dialect/dialects.ts";

export const SERVICE_PARTS: ServiceParts = {
  serve: async (config) => (await import("./run.ts")).run(config),
  createOwnerKey: async (database, displayName) =>
    (await import("./offline-key.ts")).createOwnerKey(database, displayName),
  makeKeyFile: async (file, database, earlier) =>
    (await import("./keys/offline-key-file.ts")).makeKeyFile(file, database, earlier),
  readKeyFile: async (file) => (await import("./keys/offline-key-file.ts")).viewKeyFile(file),
  renewKeyFile: async (file, earlier) => (await import("./keys/offline-key-file.ts")).renewKeyFile(file, earlier),
  async names() {
    const { PERMISSIONS, ROLES } = await import("../auth/permissions.ts");
    const dialects: readonly Dialect[] = Object.values(await import("../dialect/dialects.ts"));
    return { roles: Object.keys(ROLES), permissions: PERMISSIONS, dialects: dialects.map(({ name }) => name) };
  },
  describe: async (error) => (await import("./describe.ts")).startFailure(error),
};
