/** The handlers of zitadel.user.v2.UserService; v2beta shares them except CreateUser. */
import type { UserService } from "@zitadel/proto/zitadel/user/v2/user_service_pb.js";
import type { UserService as BetaUserService } from "@zitadel/proto/zitadel/user/v2beta/user_service_pb.js";
import { mapInTurns } from "../../../service/in-turns.ts";
import type { Operations } from "../../../service/operations/operations.ts";
import { toTimestamp } from "../../../service/times.ts";
import { createUser, humanOfV2, machineOfV2, TAKEN } from "../users/new-user.ts";
import { type Act, createChangeUser } from "../users/user-change.ts";
import { listTime, listUsers, NOTHING_FOUND, readUserV2 } from "../users/user-list.ts";
import { detailsOf, toUserV2 } from "../users/user-message.ts";
import { STATES_V2 } from "../users/user-query.ts";
import { contextOrganization } from "../wire/admission.ts";
import type { ZitadelCall, ZitadelHandlers } from "../wire/handler.ts";

type Handlers = ZitadelHandlers<typeof UserService>;
type CreateUser = NonNullable<Handlers["createUser"]>;

/** Returns the methods of user v2 for users. */
export function userHandlers(operations: Operations): Handlers {
  return { ...sharedHandlers(operations), createUser: createUserHandler(operations) };
}

/** The handlers of v2beta: its messages have the same fields under other names. */
export function betaUserHandlers(operations: Operations): ZitadelHandlers<typeof BetaUserService> {
  return sharedHandlers(operations) as unknown as ZitadelHandlers<typeof BetaUserService>;
}

function sharedHandlers(operations: Operations): Handlers {
  const changeUser = createChangeUser(operations, "v2");
  const change = (act: Act) => async (request: { readonly userId: string }, call: ZitadelCall) => {
    const target = { userId: request.userId, within: null };
    return { details: detailsOf(await changeUser(act, target, call)) };
  };
  return {
    lockUser: change("lock"),
    unlockUser: change("unlock"),
    deactivateUser: change("deactivate"),
    reactivateUser: change("reactivate"),
    deleteUser: change("delete"),

    async addHumanUser(request, call) {
      const { organizationId } = call.admission;
      const person = humanOfV2(request, request.username);
      const newUser = { userId: request.userId, organizationId, person, taken: TAKEN.humanV2 };
      const view = await createUser(operations, newUser, call);
      return { userId: view.user.state.id, details: detailsOf(view) };
    },

    async getUserByID({ userId }, call) {
      const view = await readUserV2(operations, userId, call);
      return { details: detailsOf(view), user: toUserV2(view) };
    },
    async listUsers(request, call) {
      const { actor } = call.admission;
      const found = actor.permissions.has("user.read")
        ? await listUsers(operations, request, STATES_V2, actor.scope, call)
        : NOTHING_FOUND;
      return {
        details: { totalResult: BigInt(found.total), timestamp: listTime(found) },
        result: await mapInTurns(found.users, call, toUserV2),
      };
    },
  };
}

function createUserHandler(operations: Operations): CreateUser {
  return async ({ userId = operations.newId(), username, userType, organizationId: named }, call) => {
    // The descriptor's rules require one; this only tells the compiler.
    if (userType.case === undefined) throw new Error("CreateUserRequest.user_type was let through without a value");
    const organizationId = await contextOrganization(operations, call.admission.actor, named, true);
    const made =
      userType.case === "human"
        ? { person: humanOfV2(userType.value, username), taken: TAKEN.humanV2 }
        : { person: machineOfV2(userType.value, username ?? userId), taken: TAKEN.machine };
    const { state } = (await createUser(operations, { userId, organizationId, ...made }, call)).user;
    return { id: state.id, creationDate: toTimestamp(state.creationTime) };
  };
}
