/** The handlers of zitadel.admin.v1.AdminService that exist here: the lockout policy of the instance. */
import type { AdminService } from "@zitadel/proto/zitadel/admin_pb.js";
import { INSTANCE_POLICY_ID, type Operations } from "../../../service/operations/operations.ts";
import { changeLockout, readLockout, toLockoutPolicy } from "../policies/lockout-policy.ts";
import type { ZitadelHandlers } from "../wire/handler.ts";

/** Returns the methods of admin v1 for lockout policies. */
export function adminHandlers(operations: Operations): ZitadelHandlers<typeof AdminService> {
  return {
    healthz: async () => ({}),
    getLockoutPolicy: async () => ({ policy: toLockoutPolicy(await readLockout(operations, INSTANCE_POLICY_ID)) }),
    updateLockoutPolicy: async (request, call) => ({
      details: await changeLockout(operations, "updateDefault", request, call),
    }),
  };
}
