/** The handlers of zitadel.admin.v1.AdminService that exist here: the lockout policy of the instance, and the events of users. */
import type { AdminService } from "@zitadel/proto/zitadel/admin_pb.js";
import { INSTANCE_POLICY_ID, type Operations } from "../../../service/operations/operations.ts";
import { changeLockout, readLockout, toLockoutPolicy } from "../policies/lockout-policy.ts";
import { listEvents } from "../users/event-list.ts";
import type { ZitadelHandlers } from "../wire/handler.ts";

/** Returns the methods of admin v1 for lockout policies and events. */
export function adminHandlers(operations: Operations): ZitadelHandlers<typeof AdminService> {
  return {
    healthz: async () => ({}),
    getLockoutPolicy: async () => ({ policy: toLockoutPolicy(await readLockout(operations, INSTANCE_POLICY_ID)) }),
    updateLockoutPolicy: async (request, call) => ({
      details: await changeLockout(operations, "updateDefault", request, call),
    }),
    listEvents: async (request, call) => ({ events: await listEvents(operations, request, call) }),
  };
}
