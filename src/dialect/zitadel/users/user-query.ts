/** Translates ZITADEL's search queries into conditions on our users. */
import { Code } from "@connectrpc/connect";
import type { SearchQuery as SearchQueryV2 } from "@zitadel/proto/zitadel/user/v2/query_pb.js";
import { Type, UserFieldName } from "@zitadel/proto/zitadel/user/v2/query_pb.js";
import { UserState as UserStateV2 } from "@zitadel/proto/zitadel/user/v2/user_pb.js";
import type { SearchQuery as SearchQueryV1 } from "@zitadel/proto/zitadel/user_pb.js";
import type { UserPredicate, UserSearchOrder } from "../../../service/operations/operations.ts";
import { type KnownError, toError } from "../wire/error.ts";
import { INITIAL_NAMESPACE, MACHINE_NAMESPACE } from "./person-attributes.ts";
import type { ShownState } from "./user-message.ts";

/** v2 has the members of v1 and two more; the numbers of their enums are equal except for the states. */
export type SearchQuery = Pick<SearchQueryV1 | SearchQueryV2, "query">;

type Text = Extract<UserPredicate, { readonly kind: "text" }>;

/** Indexed by TextQueryMethod; odd numbers ignore case. */
const TEXT_METHODS: readonly Text["method"][] = ["equals", "starts_with", "contains", "ends_with"];

const NOBODY: UserPredicate = { kind: "or", of: [] };

/** Deeper nesting is refused, as in ZITADEL. */
const LEVEL_MAX = 20;

const TOO_DEEP: KnownError = {
  code: Code.InvalidArgument,
  id: "USER-zsQ97",
  text: "Too many query nesting levels (Max 20)",
};

const INVALID_QUERY: KnownError = { code: Code.InvalidArgument, id: "GRPC-vR9nC", text: "List.Query.Invalid" };

/** What is stored as an attribute cannot be searched. */
export const NICK_NAME_QUERY: KnownError = {
  code: Code.InvalidArgument,
  id: "QUERY_UNSUPPORTED",
  text: "users cannot be searched or sorted by nick name; use the user name, email or display name",
};

const TYPE_SORTING: KnownError = {
  code: Code.InvalidArgument,
  id: "QUERY_UNSUPPORTED",
  text: "users cannot be sorted by type; use a type query for each of the types",
};

/** Returns the conjunction of the queries. `states`: the state enum of the version. */
export function toPredicate(queries: readonly SearchQuery[], states: Readonly<Record<number, string>>): UserPredicate {
  return { kind: "and", of: queries.map((query) => predicateOf(query, states, 0)) };
}

function predicateOf({ query }: SearchQuery, states: Readonly<Record<number, string>>, level: number): UserPredicate {
  if (level > LEVEL_MAX) throw toError(TOO_DEEP);
  const below = (inner: SearchQuery): UserPredicate => predicateOf(inner, states, level + 1);
  switch (query.case) {
    case "userNameQuery":
      return text("username", query.value.userName, query.value.method);
    case "firstNameQuery":
      return text("givenName", query.value.firstName, query.value.method);
    case "lastNameQuery":
      return text("familyName", query.value.lastName, query.value.method);
    case "displayNameQuery":
      return text("displayName", query.value.displayName, query.value.method);
    case "emailQuery":
      return text("email", query.value.emailAddress, query.value.method);
    case "phoneQuery":
      return text("phone", query.value.number, query.value.method);
    case "loginNameQuery":
      return loginName(query.value.loginName, query.value.method);
    case "stateQuery":
      return stateIs(states[query.value.state] as ShownState | undefined);
    case "typeQuery":
      return typeIs(query.value.type);
    case "inUserIdsQuery":
      return { kind: "or", of: query.value.userIds.map((id) => text("id", id, 0)) };
    case "inUserEmailsQuery":
      return { kind: "or", of: query.value.userEmails.map((email) => text("email", email, 0)) };
    case "organizationIdQuery":
      return { kind: "organization", ids: [query.value.organizationId] };
    case "orQuery":
      assertSome(query.value.queries);
      return { kind: "or", of: query.value.queries.map(below) };
    case "andQuery":
      assertSome(query.value.queries);
      return { kind: "and", of: query.value.queries.map(below) };
    case "notQuery":
      if (query.value.query === undefined) throw toError(INVALID_QUERY);
      return { kind: "not", of: below(query.value.query) };
    case "nickNameQuery":
      throw toError(NICK_NAME_QUERY);
    default:
      throw toError(INVALID_QUERY);
  }
}

/** An empty conjunction matches everybody, and so does an empty disjunction within a `not`. */
function assertSome(queries: readonly unknown[]): void {
  if (queries.length === 0) throw toError(INVALID_QUERY);
}

/** An empty text is part of every text, so a blank one is refused: it would match everybody. */
function text(field: Text["field"], value: string, textMethod: number): UserPredicate {
  const method = TEXT_METHODS[Math.floor(textMethod / 2)];
  const isBlank = textMethod % 2 === 1 ? value.trim() === "" : value === "";
  if (method === undefined || (isBlank && method !== "equals")) throw toError(INVALID_QUERY);
  return { kind: "text", field, method, ignoreCase: textMethod % 2 === 1, value };
}

/** The login name is the username; of users without one it is the email address. */
export function loginName(value: string, textMethod: number): UserPredicate {
  const hasUsername = { kind: "text", field: "username", method: "starts_with", ignoreCase: false, value: "" } as const;
  return {
    kind: "or",
    of: [
      text("username", value, textMethod),
      { kind: "and", of: [text("email", value, textMethod), { kind: "not", of: hasUsername }] },
    ],
  };
}

/** ZITADEL has states (DELETED, SUSPEND) in which its lists show nobody. */
function stateIs(state: ShownState | undefined): UserPredicate {
  const initial: UserPredicate = { kind: "namespace", name: INITIAL_NAMESPACE };
  const active: UserPredicate = { kind: "state", states: ["ACTIVE"] };
  switch (state) {
    case "ACTIVE":
      return { kind: "and", of: [active, { kind: "not", of: initial }] };
    case "INITIAL":
      return { kind: "and", of: [active, initial] };
    case "INACTIVE":
      return { kind: "state", states: ["INACTIVE"] };
    case "LOCKED":
      return { kind: "state", states: ["LOCKED", "BANNED"] };
    default:
      return NOBODY;
  }
}

function typeIs(type: number): UserPredicate {
  const machine: UserPredicate = { kind: "namespace", name: MACHINE_NAMESPACE };
  if (type === Type.MACHINE) return machine;
  return type === Type.HUMAN ? { kind: "not", of: machine } : NOBODY;
}

const SORTED_BY: Readonly<Partial<Record<number, UserSearchOrder["by"]>>> = {
  [UserFieldName.UNSPECIFIED]: "id",
  [UserFieldName.USER_NAME]: "username",
  [UserFieldName.FIRST_NAME]: "givenName",
  [UserFieldName.LAST_NAME]: "familyName",
  [UserFieldName.DISPLAY_NAME]: "displayName",
  [UserFieldName.EMAIL]: "email",
  [UserFieldName.STATE]: "state",
  [UserFieldName.CREATION_DATE]: "creation",
};

/** Returns the order of a list; descending unless the caller says otherwise. */
export function toOrder(column: number, asc: boolean): UserSearchOrder {
  const by = SORTED_BY[column];
  if (by !== undefined) return { by, descending: !asc };
  if (column === UserFieldName.NICK_NAME) throw toError(NICK_NAME_QUERY);
  throw toError(column === UserFieldName.TYPE ? TYPE_SORTING : INVALID_QUERY);
}

/** The states with the numbers of user v2 and v2beta. */
export const STATES_V2: Readonly<Record<number, string>> = UserStateV2;
