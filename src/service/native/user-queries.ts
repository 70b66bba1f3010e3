/** UserService: reading users, lists and histories. */
import { create } from "@bufbuild/protobuf";
import { State } from "../../../gen/lockkeeper/user/v1/user_pb.ts";
import * as pb from "../../../gen/lockkeeper/user/v1/user_service_pb.ts";
import { isVisible, userNotFound } from "../../domain/decide.ts";
import type { UserEvent } from "../../domain/event.ts";
import { counted, RefusalError } from "../../domain/refusal.ts";
import type { User } from "../../domain/user.ts";
import type { EventQuery, ListedEvent, Page, UserFilter, UserQuery } from "../../store/queries.ts";
import type { Store } from "../../store/store.ts";
import type { ServiceCall, ServiceHandlers } from "../call.ts";
import { mapInTurns } from "../in-turns.ts";
import { assertWithinScope, invalidField, pageSizeOf, readScope, toTime } from "../request.ts";
import { toEventMessage } from "./message/event-message.ts";
import { kindNameOf, stateNameOf, toUserMessage } from "./message/user-message.ts";

type Queries = Pick<ServiceHandlers<typeof pb.UserService>, "getUser" | "listUsers" | "listUserEvents">;

export function userQueries(store: Store): Queries {
  return {
    async getUser(request, call) {
      return create(pb.GetUserResponseSchema, {
        user: toUserMessage(await readVisibleUser(store, request, call), store.generation),
      });
    },

    async listUsers(request, call) {
      const page = await store.listUsers(toUserQuery(request, call), { signal: call.signal });
      return create(pb.ListUsersResponseSchema, {
        users: await mapInTurns(page.items, call, (user) => toUserMessage(user, store.generation)),
        nextPageToken: page.next ?? "",
      });
    },

    async listUserEvents(request, call) {
      await readVisibleUser(store, request, call);
      const query: EventQuery = {
        userId: request.userId,
        order: request.order === pb.EventOrder.OLDEST_FIRST ? "oldest_first" : "newest_first",
        pageSize: pageSizeOf(request.pageSize),
        ...(request.pageToken === "" ? {} : { after: request.pageToken }),
      };
      const page = await store.listUserEvents(query, { signal: call.signal });
      return await toEventsAnswer(page, call);
    },
  };
}

interface NamesUser {
  readonly userId: string;
  readonly organizationId: string;
  readonly showDeleted: boolean;
}

/** The user, if it exists for the caller. Throws USER_NOT_FOUND. */
async function readVisibleUser(store: Store, request: NamesUser, call: ServiceCall): Promise<User> {
  const user = await store.readUser(request.userId);
  const scope = readScope(call.admission.actor, request.organizationId);
  if (user === undefined || !isVisible(user, { scope }) || (user.state.deleted && !request.showDeleted)) {
    throw new RefusalError(userNotFound(request.userId));
  }
  return user;
}

const ORDERS: Readonly<Record<pb.UserOrder, UserQuery["order"]>> = {
  [pb.UserOrder.UNSPECIFIED]: "creation_asc",
  [pb.UserOrder.CREATION_DATE_ASC]: "creation_asc",
  [pb.UserOrder.CREATION_DATE_DESC]: "creation_desc",
  [pb.UserOrder.CHANGE_DATE_DESC]: "change_desc",
};

function toUserQuery(request: pb.ListUsersRequest, call: ServiceCall): UserQuery {
  const { actor } = call.admission;
  assertWithinScope(actor, request.organizationId);
  if (request.states.includes(State.DELETED) && !request.showDeleted) {
    throw invalidField(
      "states",
      "STATE_DELETED is asked for without show_deleted; set show_deleted to see deleted users",
    );
  }
  // A script's variable that is not set must not show everybody.
  if (request.search?.trim() === "") {
    throw invalidField(
      "search",
      `a text of ${counted([...request.search].length, "space")} is not allowed; leave it out to see all`,
    );
  }
  const states = request.states.map(stateNameOf).filter((state) => state !== undefined);
  const restrictionKinds = request.restrictionKinds.map(kindNameOf).filter((kind) => kind !== undefined);
  const filter: UserFilter = {
    organizationId: readScope(actor, request.organizationId),
    ...(states.length === 0 ? {} : { states }),
    ...(restrictionKinds.length === 0 ? {} : { restrictionKinds }),
    ...(request.reasonCodes.length === 0 ? {} : { reasonCodes: request.reasonCodes }),
    ...(request.userIdPrefix === undefined ? {} : { idPrefix: request.userIdPrefix }),
    ...(request.search === undefined ? {} : { search: request.search }),
    ...(request.dueBefore === undefined ? {} : { dueBefore: toTime(request.dueBefore, "due_before", "up") }),
    showDeleted: request.showDeleted,
  };
  return {
    filter,
    order: ORDERS[request.order] ?? "creation_asc",
    pageSize: pageSizeOf(request.pageSize),
    ...(request.pageToken === "" ? {} : { after: request.pageToken }),
  };
}

async function toEventsAnswer(page: Page<ListedEvent>, call: ServiceCall): Promise<pb.ListUserEventsResponse> {
  return create(pb.ListUserEventsResponseSchema, {
    events: await mapInTurns(page.items, call, (listed) => toEventMessage(listed, listed.event as UserEvent)),
    nextPageToken: page.next ?? "",
  });
}
