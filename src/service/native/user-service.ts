/** UserService: users, their locks, bans and deactivations. Message → operation → message. */
import { create } from "@bufbuild/protobuf";
import { Cause } from "../../../gen/lockkeeper/resource/v1/restriction_pb.ts";
import * as pb from "../../../gen/lockkeeper/user/v1/user_service_pb.ts";
import type { ServiceCall, ServiceHandlers } from "../call.ts";
import type { UserChange, UserOperations } from "../operations/users.ts";
import { toTime } from "../times.ts";
import { importUsers } from "./import-users.ts";
import { toAttributes, toProfile, toUserAnswer } from "./message/user-message.ts";
import { termsOf, toExpiry, toSequence } from "./request.ts";
import { updatedFields } from "./update-mask.ts";
import { userQueries } from "./user-queries.ts";

type Handlers = ServiceHandlers<typeof pb.UserService>;
type ChangeRequest =
  | pb.CreateUserRequest
  | pb.UpdateUserRequest
  | pb.DeleteUserRequest
  | pb.LockUserRequest
  | pb.UnlockUserRequest
  | pb.BanUserRequest
  | pb.UnbanUserRequest
  | pb.DeactivateUserRequest
  | pb.ReactivateUserRequest;
type Change = (
  request: ChangeRequest,
  call: ServiceCall,
  change: UserChange,
) => Promise<ReturnType<typeof toUserAnswer>>;

/** The handlers of lockkeeper.user.v1.UserService. */
export function userHandlers(operations: UserOperations): Handlers {
  const change: Change = async (request, call, asked) => {
    const { user } = await operations.changeUser(asked, call, termsOf(call, request));
    return toUserAnswer(user, operations.generation);
  };
  return {
    ...userQueries(operations),
    ...personHandlers(change),
    ...restrictionHandlers(change),
    importUsers: (request, call) => importUsers(operations, request, call),
  };
}

/** Creating, updating and deleting users. */
function personHandlers(change: Change): Pick<Handlers, "createUser" | "updateUser" | "deleteUser"> {
  return {
    async createUser(request, call) {
      const answer = await change(request, call, {
        type: "CreateUser",
        userId: request.userId,
        organizationId: request.organizationId,
        profile: toProfile(request.profile),
        attributes: toAttributes(request.attributes),
        reasonCode: request.reasonCode,
        note: request.note,
      });
      return create(pb.CreateUserResponseSchema, answer);
    },

    async updateUser(request, call) {
      const answer = await change(request, call, {
        type: "UpdateUser",
        ...ofUser(request),
        ...updatedFields(request),
        profile: toProfile(request.profile),
        attributes: toAttributes(request.attributes),
      });
      return create(pb.UpdateUserResponseSchema, answer);
    },

    async deleteUser(request, call) {
      const answer = await change(request, call, {
        type: "DeleteUser",
        ...ofUser(request),
        erase: request.erase,
      });
      return create(pb.DeleteUserResponseSchema, answer);
    },
  };
}

type Restricting = "lockUser" | "unlockUser" | "banUser" | "unbanUser" | "deactivateUser" | "reactivateUser";

/** Locks, bans and deactivations. */
function restrictionHandlers(change: Change): Pick<Handlers, Restricting> {
  return {
    async lockUser(request, call) {
      const answer = await change(request, call, {
        type: "LockUser",
        ...ofUser(request),
        ...intervalOf(request),
        ifAlready: "refuse",
        revokeSessions: request.revokeSessions,
      });
      return create(pb.LockUserResponseSchema, answer);
    },

    async unlockUser(request, call) {
      const answer = await change(request, call, { type: "UnlockUser", ...ofUser(request), ifAlready: "refuse" });
      return create(pb.UnlockUserResponseSchema, answer);
    },

    async banUser(request, call) {
      const answer = await change(request, call, {
        type: "BanUser",
        ...ofUser(request),
        ...intervalOf(request),
        ifAlready: "refuse",
      });
      return create(pb.BanUserResponseSchema, answer);
    },

    async unbanUser(request, call) {
      const answer = await change(request, call, { type: "UnbanUser", ...ofUser(request), ifAlready: "refuse" });
      return create(pb.UnbanUserResponseSchema, answer);
    },

    async deactivateUser(request, call) {
      const answer = await change(request, call, {
        type: "DeactivateUser",
        ...ofUser(request),
        ifAlready: "refuse",
        cause: deactivationCause(request.cause),
      });
      return create(pb.DeactivateUserResponseSchema, answer);
    },

    async reactivateUser(request, call) {
      const answer = await change(request, call, {
        type: "ReactivateUser",
        ...ofUser(request),
        ifAlready: "refuse",
        cause: deactivationCause(request.cause),
      });
      return create(pb.ReactivateUserResponseSchema, answer);
    },
  };
}

/** Returns the common part of changes of an existing user. */
function ofUser(request: Exclude<ChangeRequest, pb.CreateUserRequest>) {
  const expectedSequence = toSequence(request.expectedSequence);
  return {
    userId: request.userId,
    reasonCode: request.reasonCode,
    note: request.note,
    ...(expectedSequence === undefined ? {} : { expectedSequence }),
  };
}

/** Returns the interval of a lock or a ban. */
function intervalOf({ expiry, startTime }: pb.LockUserRequest | pb.BanUserRequest) {
  return {
    expiry: toExpiry(expiry),
    ...(startTime === undefined ? {} : { startTime: toTime(startTime, "start_time", "down") }),
  };
}

/** Returns the cause; unspecified means ADMIN. */
function deactivationCause(cause: Cause): "ADMIN" | "DIRECTORY" {
  return cause === Cause.DIRECTORY ? "DIRECTORY" : "ADMIN";
}
