/** ZITADEL's user APIs (management v1, user v2 and v2beta, resources v3alpha) at its own paths, over our own decisions. */
import type { Dialect } from "../dialect.ts";

const PATHS = ["/management/v1", "/v2", "/v2beta", "/resources/v3alpha"];

export const zitadel: Dialect = {
  name: "zitadel",
  owns: (path) => path.startsWith("/zitadel.") || PATHS.some((own) => path === own || path.startsWith(`${own}/`)),
  corsHeaders: ["x-zitadel-orgid"],
  load: async () => ({ mounts: [] }),
};
