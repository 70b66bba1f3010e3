/** The handlers of zitadel.management.v1.ManagementService: all work in the organization context. */
import type { ManagementService } from "@zitadel/proto/zitadel/management_pb.js";
import { UserState } from "@zitadel/proto/zitadel/user_pb.js";
import { mapInTurns } from "../../../service/in-turns.ts";
import { INSTANCE_POLICY_ID, type Operations } from "../../../service/operations/operations.ts";
import { changeLockout, readLockout, toLockoutPolicy } from "../policies/lockout-policy.ts";
import { createUser, humanOfV1, machineOfV1, type NewUser, TAKEN } from "../users/new-user.ts";
import { type Act, createChangeUser } from "../users/user-change.ts";
import { listUserChanges } from "../users/user-changes.ts";
import { listTime, listUsers, readUserByLoginName, readUserV1 } from "../users/user-list.ts";
import { detailsOf, toUserV1 } from "../users/user-message.ts";
import type { ZitadelCall, ZitadelHandlers } from "../wire/handler.ts";

type Handlers = ZitadelHandlers<typeof ManagementService>;

/** Returns the methods of management v1 for users and lockout policies. */
export function managementHandlers(operations: Operations): Handlers {
  return { ...userHandlers(operations), ...lockoutHandlers(operations) };
}

function lockoutHandlers(operations: Operations): Handlers {
  return {
    async getLockoutPolicy(_request, { admission: { organizationId } }) {
      const lockout = await readLockout(operations, organizationId);
      return { policy: toLockoutPolicy(lockout), isDefault: lockout.isDefault };
    },
    getDefaultLockoutPolicy: async () => ({
      policy: toLockoutPolicy(await readLockout(operations, INSTANCE_POLICY_ID)),
    }),
    addCustomLockoutPolicy: async (request, call) => ({
      details: await changeLockout(operations, "add", request, call),
    }),
    updateCustomLockoutPolicy: async (request, call) => ({
      details: await changeLockout(operations, "update", request, call),
    }),
    resetLockoutPolicyToDefault: async (_request, call) => ({
      details: await changeLockout(operations, "reset", undefined, call),
    }),
  };
}

function userHandlers(operations: Operations): Handlers {
  const changeUser = createChangeUser(operations, "v1");
  const change = (act: Act) => async (request: { readonly id: string }, call: ZitadelCall) => {
    const { organizationId } = call.admission;
    return { details: detailsOf(await changeUser(act, { userId: request.id, within: organizationId }, call)) };
  };
  const add = async (call: ZitadelCall, newUser: Pick<NewUser, "userId" | "person" | "taken">) => {
    const { organizationId } = call.admission;
    const view = await createUser(operations, { ...newUser, organizationId }, call);
    return { userId: view.user.state.id, details: detailsOf(view) };
  };
  return {
    healthz: async () => ({}),
    lockUser: change("lock"),
    unlockUser: change("unlock"),
    deactivateUser: change("deactivate"),
    reactivateUser: change("reactivate"),
    removeUser: change("delete"),

    addHumanUser: (request, call) => add(call, { userId: undefined, person: humanOfV1(request), taken: TAKEN.humanV1 }),
    importHumanUser: (request, call) =>
      add(call, { userId: undefined, person: humanOfV1(request), taken: TAKEN.humanV1 }),
    addMachineUser: (request, call) =>
      add(call, { userId: request.userId, person: machineOfV1(request), taken: TAKEN.machine }),

    getUserByID: async ({ id }, call) => ({ user: toUserV1(await readUserV1(operations, id, call)) }),
    getUserByLoginNameGlobal: async ({ loginName }, call) => ({
      user: toUserV1(await readUserByLoginName(operations, loginName, call)),
    }),
    async listUsers(request, call) {
      const found = await listUsers(operations, request, UserState, call.admission.organizationId, call);
      return {
        details: { totalResult: BigInt(found.total), viewTimestamp: listTime(found) },
        result: await mapInTurns(found.users, call, toUserV1),
      };
    },
    listUserChanges: async (request, call) => ({
      result: await listUserChanges(operations, request, call.admission.organizationId, call),
    }),
  };
}
