/** The questions that the reader worker answers. */
import type { Limits } from "../../limits.ts";
import type { AttemptQuery, EventQuery, SessionQuery, UserQuery } from "../../queries.ts";
import type { SliceQuery } from "../../search/search-slice.ts";

/** A list in the order of ids. */
export interface IdQuery {
  readonly pageSize: number;
  readonly after?: string;
}

export type ApiKeyQuery = IdQuery & { readonly organizationId: string | null };

/** A question to the worker; it answers each with the type that `Reader` gives. */
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

/** What the worker is started with. */
export interface ReaderData {
  readonly path: string;
  readonly limits: Limits;
}
