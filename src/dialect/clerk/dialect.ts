/** Clerk's Backend API below `/clerk/v1`: REST JSON over our own operations. */
import type { Dialect } from "../dialect.ts";

/** Paths below it equal those below `https://api.clerk.com/v1`. */
const PREFIX = "/clerk/v1";

export const clerk: Dialect = {
  name: "clerk",
  owns: (path) => path === PREFIX || path.startsWith(`${PREFIX}/`),
  // The SDK sends both, and browsers ask for permission for each.
  corsHeaders: ["clerk-api-version", "user-agent"],
  load: async (operations) => {
    const { backendApi } = await import("./wire/backend-api.ts");
    return { mounts: [], httpMounts: [{ prefix: PREFIX, handler: backendApi(operations, PREFIX) }] };
  },
};
