/** ZITADEL's APIs for users, sessions and lockout policies, at ZITADEL's own paths, over our own operations. */
import type { Dialect } from "../dialect.ts";

const SERVICES = [
  "zitadel.management.v1.ManagementService",
  "zitadel.user.v2.UserService",
  "zitadel.user.v2beta.UserService",
  "zitadel.resources.user.v3alpha.ZITADELUsers",
  "zitadel.session.v2.SessionService",
  "zitadel.session.v2beta.SessionService",
  "zitadel.settings.v2.SettingsService",
  "zitadel.settings.v2beta.SettingsService",
  "zitadel.admin.v1.AdminService",
];
const REST_PREFIXES = ["/management/v1", "/admin/v1", "/v2", "/v2beta", "/resources/v3alpha"];
const PREFIXES = [...SERVICES.map((service) => `/${service}`), ...REST_PREFIXES];

export const zitadel: Dialect = {
  name: "zitadel",
  owns: (path) => PREFIXES.some((prefix) => path === prefix || path.startsWith(`${prefix}/`)),
  corsHeaders: ["x-zitadel-orgid"],
  async load(operations) {
    const { zitadelMounts } = await import("./mounts.ts");
    return { mounts: zitadelMounts(operations) };
  },
};
