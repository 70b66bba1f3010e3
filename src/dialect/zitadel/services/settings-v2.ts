/** The handlers of zitadel.settings.v2.SettingsService, shared by v2beta: only the lockout settings. */
import { ResourceOwnerType } from "@zitadel/proto/zitadel/settings/v2/settings_pb.js";
import type { SettingsService } from "@zitadel/proto/zitadel/settings/v2/settings_service_pb.js";
import type { SettingsService as BetaSettingsService } from "@zitadel/proto/zitadel/settings/v2beta/settings_service_pb.js";
import { INSTANCE_POLICY_ID, type Operations } from "../../../service/operations/operations.ts";
import { readLockout } from "../policies/lockout-policy.ts";
import { contextOrganization } from "../wire/admission.ts";
import type { ZitadelHandlers } from "../wire/handler.ts";

type Handlers = ZitadelHandlers<typeof SettingsService>;

/** Returns the methods of settings v2 for lockouts. */
export function settingsHandlers(operations: Operations): Handlers {
  return {
    async getLockoutSettings({ ctx }, { admission: { actor, organizationId } }) {
      const { case: kind, value } = ctx?.resourceOwner ?? {};
      // Without a named organization, the caller's own comes first.
      const named = kind === "orgId" && value !== "" ? value : undefined;
      const policyId =
        kind === "instance"
          ? INSTANCE_POLICY_ID
          : named === undefined
            ? organizationId
            : await contextOrganization(operations, actor, named, true);
      const { passwordMax, otpMax, isDefault, details } = await readLockout(operations, policyId);
      return {
        details,
        settings: {
          maxPasswordAttempts: BigInt(passwordMax),
          maxOtpAttempts: BigInt(otpMax),
          resourceOwnerType: isDefault ? ResourceOwnerType.INSTANCE : ResourceOwnerType.ORG,
        },
      };
    },
  };
}

/** The handlers of v2beta: its messages have the same fields under other names. */
export function betaSettingsHandlers(operations: Operations): ZitadelHandlers<typeof BetaSettingsService> {
  return settingsHandlers(operations) as unknown as ZitadelHandlers<typeof BetaSettingsService>;
}
