/** Clerk's Backend API below `/clerk/v1`: REST JSON over our own decisions. */
import type { Dialect } from "../dialect.ts";

/** Below it lies what Clerk has at `https://api.clerk.com/v1`. */
const PREFIX = "/clerk/v1";

export const clerk: Dialect = {
  name: "clerk",
  owns: (path) => path === PREFIX || path.startsWith(`${PREFIX}/`),
  // The SDK sends both, and browsers ask for leave of either.
  corsHeaders: ["clerk-api-version", "user-agent"],
  load: async (operations) => {
    const { backendApi } = await import("./wire/backend-api.ts");
    return { mounts: [], httpMounts: [{ prefix: PREFIX, handler: backendApi(operations, PREFIX) }] };
  },
};
