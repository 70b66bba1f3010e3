/** UserService: locks, unlocks and bans. Message → command → answer; the rules are the domain's. */
import { create } from "@bufbuild/protobuf";
import { Cause } from "../../../gen/lockkeeper/resource/v1/restriction_pb.ts";
import * as pb from "../../../gen/lockkeeper/user/v1/user_service_pb.ts";
import type { UserCommand } from "../../domain/command.ts";
import type { User } from "../../domain/user.ts";
import type { Store } from "../../store/store.ts";
import type { ServiceCall, ServiceHandlers } from "../call.ts";
import { assertId } from "../identity.ts";
import {
  commandContext,
  executeOptions,
  resourceOf,
  toExpiry,
  toSequence,
  toTime,
  writeOrganization,
} from "../request.ts";
import { updatedFields } from "../update-mask.ts";
import { importUsers } from "./import-users.ts";
import { toAttributes, toProfile, toUserAnswer } from "./message/user-message.ts";
import { userQueries } from "./user-queries.ts";

export interface UserServiceOptions {
  readonly store: Store;
  /** Makes ids of users and restrictions: UUIDv7, so that they sort by time. */
  readonly newId: () => string;
}

type Handlers = ServiceHandlers<typeof pb.UserService>;
type Change = (call: ServiceCall, command: UserCommand) => Promise<ReturnType<typeof toUserAnswer>>;

/** The handlers of lockkeeper.user.v1.UserService. */
export function userHandlers({ store, newId }: UserServiceOptions): Handlers {
  const change: Change = async (call, command) =>
    toUserAnswer(
      resourceOf<UserCommand>(await store.execute(command, executeOptions(call))) satisfies User,
      store.generation,
    );
  return {
    ...userQueries(store),
    ...personHandlers(change, newId),
    ...restrictionHandlers(change, newId),
    importUsers: (request, call) => importUsers({ store, newId }, request, call),
  };
}

/** Who there is. */
function personHandlers(
  change: Change,
  newId: () => string,
): Pick<Handlers, "createUser" | "updateUser" | "deleteUser"> {
  return {
    async createUser(request, call) {
      const organizationId = writeOrganization(call.admission.actor, request.organizationId);
      const userId = request.userId === "" ? newId() : request.userId;
      assertId("user_id", userId);
      const answer = await change(call, {
        type: "CreateUser",
        userId,
        organizationId,
        context: commandContext(call, request, request.organizationId),
        profile: toProfile(request.profile),
        attributes: toAttributes(request.attributes),
        reasonCode: request.reasonCode,
        note: request.note,
      });
      return create(pb.CreateUserResponseSchema, answer);
    },

    async updateUser(request, call) {
      const person = { profile: toProfile(request.profile), attributes: toAttributes(request.attributes) };
      const answer = await change(call, {
        type: "UpdateUser",
        ...ofUser(call, request),
        ...updatedFields(request),
        ...person,
      });
      return create(pb.UpdateUserResponseSchema, answer);
    },

    async deleteUser(request, call) {
      const answer = await change(call, { type: "DeleteUser", ...ofUser(call, request) });
      return create(pb.DeleteUserResponseSchema, answer);
    },
  };
}

type Restricting = "lockUser" | "unlockUser" | "banUser" | "unbanUser" | "deactivateUser" | "reactivateUser";

/** Who may act. */
function restrictionHandlers(change: Change, newId: () => string): Pick<Handlers, Restricting> {
  return {
    async lockUser(request, call) {
      const answer = await change(call, {
        type: "LockUser",
        ...ofUser(call, request),
        ...imposition(newId, request),
        revokeSessions: request.revokeSessions,
      });
      return create(pb.LockUserResponseSchema, answer);
    },

    async unlockUser(request, call) {
      const common = ofUser(call, request);
      const answer = await change(call, { type: "UnlockUser", ...common, ifAlready: "refuse" });
      return create(pb.UnlockUserResponseSchema, answer);
    },

    async banUser(request, call) {
      const answer = await change(call, {
        type: "BanUser",
        ...ofUser(call, request),
        ...imposition(newId, request),
      });
      return create(pb.BanUserResponseSchema, answer);
    },

    async unbanUser(request, call) {
      const common = ofUser(call, request);
      const answer = await change(call, { type: "UnbanUser", ...common, ifAlready: "refuse" });
      return create(pb.UnbanUserResponseSchema, answer);
    },

    async deactivateUser(request, call) {
      const answer = await change(call, {
        type: "DeactivateUser",
        ...ofUser(call, request),
        restrictionId: newId(),
        ifAlready: "refuse",
        cause: deactivationCause(request.cause),
      });
      return create(pb.DeactivateUserResponseSchema, answer);
    },

    async reactivateUser(request, call) {
      const answer = await change(call, {
        type: "ReactivateUser",
        ...ofUser(call, request),
        ifAlready: "refuse",
        cause: deactivationCause(request.cause),
      });
      return create(pb.ReactivateUserResponseSchema, answer);
    },
  };
}

type ChangeRequest =
  | pb.UpdateUserRequest
  | pb.DeleteUserRequest
  | pb.LockUserRequest
  | pb.UnlockUserRequest
  | pb.BanUserRequest
  | pb.UnbanUserRequest
  | pb.DeactivateUserRequest
  | pb.ReactivateUserRequest;

/** What every change of an existing user carries. */
function ofUser(call: ServiceCall, request: ChangeRequest) {
  const expectedSequence = toSequence(request.expectedSequence);
  return {
    userId: request.userId,
    context: commandContext(call, request, request.organizationId),
    reasonCode: request.reasonCode,
    note: request.note,
    ...(expectedSequence === undefined ? {} : { expectedSequence }),
  };
}

/** What LockUser and BanUser share. */
function imposition(newId: () => string, request: pb.LockUserRequest | pb.BanUserRequest) {
  return {
    restrictionId: newId(),
    ifAlready: "refuse" as const,
    expiry: toExpiry(request.expiry),
    ...(request.startTime === undefined ? {} : { startTime: toTime(request.startTime, "start_time", "down") }),
  };
}

function deactivationCause(cause: Cause): "ADMIN" | "DIRECTORY" {
  return cause === Cause.DIRECTORY ? "DIRECTORY" : "ADMIN";
}
