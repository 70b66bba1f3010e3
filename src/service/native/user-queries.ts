/** UserService: reading users, lists and histories. */

import { create } from "@bufbuild/protobuf";
import { State } from "../../../gen/lockkeeper/user/v1/user_pb.ts";
import * as pb from "../../../gen/lockkeeper/user/v1/user_service_pb.ts";
import { counted, invalidField } from "../../domain/refusal.ts";
import type { Sight } from "../../domain/sight.ts";
import type { EventQuery, UserPredicate, UserQuery } from "../../store/queries.ts";
import type { ServiceCall, ServiceHandlers } from "../call.ts";
import { mapInTurns } from "../in-turns.ts";
import { listScope, pageOf, readScope } from "../operations/caller.ts";
import { refuseUnknownUser, type UserOperations } from "../operations/users.ts";
import { toTime } from "../times.ts";
import { toEventMessage } from "./message/event-message.ts";
import { kindNameOf, stateNameOf, toUserMessage } from "./message/user-message.ts";

type Queries = Pick<ServiceHandlers<typeof pb.UserService>, "getUser" | "listUsers" | "listUserEvents">;

export function userQueries(operations: UserOperations): Queries {
  return {
    async getUser(request, call) {
      const view = await operations.readUser(request.userId, sightOf(request, call));
      if (view === undefined) refuseUnknownUser(request.userId);
      return create(pb.GetUserResponseSchema, { user: toUserMessage(view.user, operations.generation) });
    },

    async listUsers(request, call) {
      const page = await operations.listUsers(toUserQuery(request, call), { signal: call.signal });
      return create(pb.ListUsersResponseSchema, {
        users: await mapInTurns(page.items, call, (user) => toUserMessage(user, operations.generation)),
        nextPageToken: page.next ?? "",
      });
    },

    async listUserEvents(request, call) {
      const query: EventQuery = {
        userId: request.userId,
        order: request.order === pb.EventOrder.OLDEST_FIRST ? "oldest_first" : "newest_first",
        ...pageOf(request),
      };
      const page = await operations.listUserEvents(query, sightOf(request, call), { signal: call.signal });
      const visibility = { seesPersonal: call.admission.actor.permissions.has("user.read") };
      return create(pb.ListUserEventsResponseSchema, {
        events: await mapInTurns(page.items, call, (listed) => toEventMessage(listed, visibility)),
        nextPageToken: page.next ?? "",
      });
    },
  };
}

/** Returns the users that exist for a request. */
function sightOf(request: pb.GetUserRequest | pb.ListUserEventsRequest, { admission }: ServiceCall): Sight {
  return { scope: readScope(admission.actor, request.organizationId), showDeleted: request.showDeleted };
}

const ORDERS: Readonly<Record<pb.UserOrder, UserQuery["order"]>> = {
  [pb.UserOrder.UNSPECIFIED]: "creation_asc",
  [pb.UserOrder.CREATION_DATE_ASC]: "creation_asc",
  [pb.UserOrder.CREATION_DATE_DESC]: "creation_desc",
  [pb.UserOrder.CHANGE_DATE_DESC]: "change_desc",
};

function toUserQuery(request: pb.ListUsersRequest, call: ServiceCall): UserQuery {
  if (request.states.includes(State.DELETED) && !request.showDeleted) {
    throw invalidField(
      "states",
      "STATE_DELETED is asked for without show_deleted; set show_deleted to see deleted users",
    );
  }
  // An unset variable of a script must not list everybody.
  if (request.search?.trim() === "") {
    throw invalidField(
      "search",
      `a text of ${counted([...request.search].length, "space")} is not allowed; leave it out to see all`,
    );
  }
  return {
    organizationId: listScope(call.admission.actor, request.organizationId),
    where: { kind: "and", of: conditionsOf(request) },
    showDeleted: request.showDeleted,
    order: ORDERS[request.order] ?? "creation_asc",
    ...pageOf(request),
  };
}

function conditionsOf(request: pb.ListUsersRequest): readonly UserPredicate[] {
  const { reasonCodes, userIdPrefix, search, dueBefore } = request;
  const states = request.states.map(stateNameOf).filter((state) => state !== undefined);
  const kinds = request.restrictionKinds.map(kindNameOf).filter((kind) => kind !== undefined);
  const all: UserPredicate[] = [];
  if (states.length > 0) all.push({ kind: "state", states });
  if (kinds.length > 0 || reasonCodes.length > 0) {
    all.push({
      kind: "restriction",
      ...(kinds.length === 0 ? {} : { kinds }),
      ...(reasonCodes.length === 0 ? {} : { reasonCodes }),
      isStarted: false,
    });
  }
  if (dueBefore !== undefined) all.push({ kind: "due", before: toTime(dueBefore, "due_before", "up") });
  if (userIdPrefix !== undefined) {
    all.push({ kind: "text", field: "id", method: "starts_with", ignoreCase: false, value: userIdPrefix });
  }
  if (search !== undefined) {
    const text = { kind: "text", method: "starts_with", ignoreCase: true, value: search } as const;
    all.push({
      kind: "or",
      of: [
        { ...text, field: "username" },
        { ...text, field: "email" },
      ],
    });
  }
  return all;
}
