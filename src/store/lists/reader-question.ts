/** The questions that lists answer, as plain data: another thread may answer them. */
import type { AttemptQuery, EventQuery, SessionQuery, UserQuery } from "../queries.ts";
import type { SliceQuery } from "../search/search-slice.ts";

/** A list in the order of ids. */
export interface IdQuery {
  readonly pageSize: number;
  readonly after?: string;
}

export type ApiKeyQuery = IdQuery & { readonly organizationId: string | null };

/** A question; each has the answer that `ListReader` returns. */
export type ReaderQuestion =
  | { readonly name: "listUsers"; readonly query: UserQuery; readonly now: number }
  | { readonly name: "searchSlice"; readonly query: SliceQuery; readonly now: number }
  | { readonly name: "countUsers"; readonly organizationId: string | null }
  | {
      readonly name: "readUsers";
      readonly ids: readonly string[];
      readonly namespaces: readonly string[] | undefined;
      readonly now: number;
    }
  | { readonly name: "listUserEvents"; readonly query: EventQuery }
  | { readonly name: "listSessions"; readonly query: SessionQuery; readonly now: number }
  | { readonly name: "listAttempts"; readonly query: AttemptQuery; readonly now: number }
  | { readonly name: "listOrganizations"; readonly query: IdQuery }
  | { readonly name: "readLog"; readonly after: number; readonly limit: number }
  | { readonly name: "listApiKeys"; readonly query: ApiKeyQuery };
