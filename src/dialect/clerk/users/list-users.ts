/** Lists and counts users by filter, by offset or after a given user. */
import type { JsonValue } from "@bufbuild/protobuf";
import { mapInTurns } from "../../../service/in-turns.ts";
import type { UserPredicate, UserSearch, UserSearchOrder, UserView } from "../../../service/operations/operations.ts";
import { type ParamFault, paramFormatInvalid, paramsInvalid, paramValueInvalid } from "../wire/clerk-error.ts";
import type { Operation, OperationCall } from "../wire/operation.ts";
import { readWindow, type Window } from "../wire/page-query.ts";
import { SHOWN_NAMESPACES } from "./user-attributes.ts";
import { readUserFilter, splitSign } from "./user-filter.ts";
import { showUser } from "./user-json.ts";

/** GET /users: answers a bare array. */
export const getUserList: Operation = {
  name: "GetUserList",
  permission: "user.read",
  serve: async (call): Promise<JsonValue | Uint8Array> => {
    const filter = readUserFilter(call.query);
    const page = readPage(call.query);
    if (filter.kind === "nobody") return [];
    return call.operations.lists.run(call, async () => {
      const views = await (page.startingAfter === undefined
        ? searchPage(call, filter.where, page)
        : searchAfter(call, filter.where, page, page.startingAfter));
      return showUsers(call, views);
    });
  },
};

const utf8 = new TextEncoder();

/** Returns the bytes of a JSON array. The metadata of 500 users is too large to hold as values at once. */
async function showUsers(call: OperationCall, views: readonly UserView[]): Promise<Uint8Array> {
  const parts = await mapInTurns(views, call, async (view) =>
    utf8.encode(`,${JSON.stringify(await showUser(call, view))}`),
  );
  const [first, ...others] = parts;
  // The first item has no comma before it.
  return Buffer.concat([
    utf8.encode("["),
    ...(first === undefined ? [] : [first.subarray(1)]),
    ...others,
    utf8.encode("]"),
  ]);
}

/** GET /users/count. */
export const getUsersCount: Operation = {
  name: "GetUsersCount",
  permission: "user.read",
  serve: async (call) => {
    const filter = readUserFilter(call.query);
    if (filter.kind === "nobody") return { object: "total_count", total_count: 0 };
    // A lower bound if there are more users than a search examines; Clerk's shape cannot say so.
    const { total } = await call.operations.searchUsers({
      organizationId: call.actor.scope,
      where: filter.where,
      order: { by: "id", descending: false },
      offset: 0,
      limit: 0,
    });
    return { object: "total_count", total_count: total };
  },
};

interface PageQuery extends Window {
  readonly order: UserSearchOrder;
  /** The id of the last user of the previous page. */
  readonly startingAfter: string | undefined;
}

/** Properties that no user has here, such as sign-ins, do not order anything: equal users are ordered by id. */
const ORDERS: Readonly<Record<string, UserSearchOrder["by"]>> = {
  created_at: "creation",
  updated_at: "change",
  email_address: "email",
  first_name: "givenName",
  last_name: "familyName",
  phone_number: "phone",
  username: "username",
  web3wallet: "id",
  last_active_at: "id",
  last_sign_in_at: "id",
};

/** Reads the query. Throws 422 naming every parameter at fault. */
function readPage(query: URLSearchParams): PageQuery {
  const faults: ParamFault[] = [];
  const { limit, offset } = readWindow(query, faults);
  const orderText = query.get("order_by") || "-created_at";
  const { isExcluded: descending, rest } = splitSign(orderText);
  const by = Object.hasOwn(ORDERS, rest) ? ORDERS[rest] : undefined;
  if (by === undefined) faults.push(paramValueInvalid("order_by", orderText));
  const startingAfter = query.get("starting_after") || undefined;
  if (startingAfter !== undefined && by !== undefined && by !== "creation") {
    faults.push(paramFormatInvalid("starting_after", "needs an order_by of created_at."));
  }
  if (startingAfter !== undefined && offset > 0) {
    faults.push(paramFormatInvalid("starting_after", "cannot be combined with an offset."));
  }
  const [first, ...others] = faults;
  if (first !== undefined) throw paramsInvalid([first, ...others]);
  return { limit, offset, order: { by: by ?? "creation", descending }, startingAfter };
}

/** `after`: only users that follow this one. */
async function searchPage(
  { operations, actor, signal }: OperationCall,
  where: UserPredicate,
  { limit, offset, order }: Pick<PageQuery, "limit" | "offset" | "order">,
  after?: UserSearch["after"],
): Promise<readonly UserView[]> {
  const search: UserSearch = {
    organizationId: actor.scope,
    where,
    order,
    offset,
    limit,
    isTotalUnasked: true,
    namespaces: SHOWN_NAMESPACES,
    ...(after === undefined ? {} : { after }),
  };
  const { users } = await operations.searchUsers(search, { signal });
  return users;
}

/** Returns users that follow in order of creation; users of the same millisecond are ordered by id. */
async function searchAfter(
  call: OperationCall,
  where: UserPredicate,
  page: PageQuery,
  startingAfter: string,
): Promise<readonly UserView[]> {
  const cursor = await call.operations.readUser(startingAfter, call.actor);
  if (cursor === undefined) throw paramsInvalid([paramValueInvalid("starting_after", startingAfter)]);
  const { creationTime, id } = cursor.user.state;
  return searchPage(call, where, page, { creationTime, id });
}
