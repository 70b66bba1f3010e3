/** What an engine answers of a search: one slice at a time, so that other reads are served in between. */
import type { User } from "../../domain/user.ts";
import type { UserSearch } from "../queries.ts";
import type { PageKey } from "./page-token.ts";
import type { Ordered } from "./user-predicate.ts";

/** What is asked of one slice: the search, where the slice before it ended, and how many matches are of use. */
export interface SliceQuery {
  readonly search: Pick<UserSearch, "organizationId" | "where" | "order" | "after">;
  readonly after?: PageKey;
  readonly keep: number;
}

export interface Slice {
  /** The first ones of the slice's in the order that was asked for. */
  readonly matches: readonly Ordered[];
  /** How many matched in all. */
  readonly count: number;
  /** The next slice's matches all come after these. */
  readonly isInOrder: boolean;
  /** Users looked at. */
  readonly rows: number;
  /** Absent: nothing is left. */
  readonly next?: PageKey;
  /** Too much is asked of each user: this slice alone took too long, and is not whole. */
  readonly isGivenUp?: boolean;
}

/** A page of users, as far as it was read. */
export interface ReadUsers {
  readonly users: readonly User[];
  readonly chars: number;
}

/** The engine's part of a search. `now`: the store's clock, in milliseconds since the epoch. */
export interface SearchReader {
  searchSlice(query: SliceQuery, now: number): Promise<Slice>;
  /** How many users there are, deleted ones left out; `undefined`: more than may be counted. */
  countUsers(organizationId: string | null): Promise<number | undefined>;
  /** Settled users by id; those that are deleted by now are left out. `namespaces`: absent, all attributes. */
  readUsers(ids: readonly string[], namespaces: readonly string[] | undefined, now: number): Promise<ReadUsers>;
}
