/** Reads of users: one by id or login name, and lists. */
import { Code } from "@connectrpc/connect";
import type {
  Operations,
  UserPredicate,
  UserSearch,
  UserSearchView,
  UserView,
} from "../../../service/operations/operations.ts";
import { toTimestamp } from "../../../service/times.ts";
import { assertPermitted } from "../wire/admission.ts";
import { type KnownError, toError } from "../wire/error.ts";
import type { ZitadelCall } from "../wire/handler.ts";
import { SHOWN_NAMESPACES } from "./person-attributes.ts";
import { loginName, type SearchQuery, toOrder, toPredicate } from "./user-query.ts";

/** The errors of the reads of all versions. */
export const NOT_FOUND: KnownError = { code: Code.NotFound, id: "QUERY-Dfbg2", text: "User could not be found" };
/** Management v1 has its own id for the user of another organization. */
const OF_ANOTHER_ORGANIZATION: KnownError = { ...NOT_FOUND, id: "MANAG-fpo4B" };
/** Login names are not unique here; acting on one of several users would be a guess. */
const AMBIGUOUS: KnownError = {
  code: Code.FailedPrecondition,
  id: "LOGIN_NAME_AMBIGUOUS",
  text: "more than one user has this login name; ask for the user by its id",
};

/** The most users on one page; a request for more, or for all, is a request for this many. */
const PAGE_SIZE_MAX = 1000;

/** TEXT_QUERY_METHOD_EQUALS_IGNORE_CASE in every version. */
const EQUALS_IGNORE_CASE = 1;

/** Returns a user of the caller's organization context. */
export async function readUserV1(
  operations: Operations,
  userId: string,
  { admission }: ZitadelCall,
): Promise<UserView> {
  const view = await operations.readUser(userId, { scope: null });
  if (view === undefined) throw toError(NOT_FOUND);
  if (view.user.state.organizationId !== admission.organizationId) throw toError(OF_ANOTHER_ORGANIZATION);
  return view;
}

/** Returns a user of the organization, or with `null` of any: the caller's permission is checked afterwards. */
export async function findUser(operations: Operations, userId: string, scope: string | null): Promise<UserView> {
  const view = await operations.readUser(userId, { scope });
  if (view === undefined) throw toError(NOT_FOUND);
  return view;
}

/** Returns a user of any organization: existence comes before permission. */
export async function readUserV2(
  operations: Operations,
  userId: string,
  { admission }: ZitadelCall,
): Promise<UserView> {
  const view = await findUser(operations, userId, null);
  assertPermitted(admission.actor, "user.read", view.user.state.organizationId);
  return view;
}

/** Returns the only user with this login name, ignoring case, in the caller's scope. */
export async function readUserByLoginName(
  operations: Operations,
  name: string,
  { admission, deadlineTime }: ZitadelCall,
): Promise<UserView> {
  const search: UserSearch = {
    organizationId: admission.actor.scope,
    where: loginName(name, EQUALS_IGNORE_CASE),
    order: { by: "id", descending: false },
    offset: 0,
    limit: 2,
  };
  const { users } = await operations.searchUsers(search, { deadlineTime });
  const [found, another] = users;
  if (found === undefined) throw toError(NOT_FOUND);
  if (another !== undefined) throw toError(AMBIGUOUS);
  return found;
}

/** What the list requests of all versions have in common. */
interface ListRequest {
  readonly query?: { readonly offset: bigint; readonly limit: number; readonly asc: boolean } | undefined;
  readonly sortingColumn: number;
  readonly queries: readonly SearchQuery[];
}

/** Returns the matches with the details that lists carry. `within`: only this organization; `null`: all. */
export async function listUsers(
  operations: Operations,
  request: ListRequest,
  states: Readonly<Record<number, string>>,
  within: string | null,
  { deadlineTime, signal }: Pick<ZitadelCall, "deadlineTime" | "signal">,
): Promise<UserSearchView> {
  const { offset = 0n, limit = 0, asc = false } = request.query ?? {};
  const where: UserPredicate = toPredicate(request.queries, states);
  const search: UserSearch = {
    organizationId: within,
    where,
    order: toOrder(request.sortingColumn, asc),
    offset: Number(offset),
    limit: limit === 0 ? PAGE_SIZE_MAX : Math.min(limit, PAGE_SIZE_MAX),
    namespaces: SHOWN_NAMESPACES,
  };
  return operations.searchUsers(search, { deadlineTime, signal });
}

/** What a caller without `user.read` sees: nothing, and no error. */
export const NOTHING_FOUND: UserSearchView = { users: [], total: 0, isTotalExact: true };

/** The time of a list: nothing lags behind here. */
export function listTime({ users }: UserSearchView): ReturnType<typeof toTimestamp> {
  return toTimestamp(users[0]?.now ?? Date.now());
}
