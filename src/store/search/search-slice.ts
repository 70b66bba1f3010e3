/** The engine's part of a search: one slice at a time, so that other reads run in between. */
import type { User } from "../../domain/user.ts";
import type { UserSearch } from "../queries.ts";
import type { PageKey } from "./page-token.ts";
import type { Ordered } from "./user-predicate.ts";

/** The question for one slice: the search, where the slice before it ended, and how many matches to keep. */
export interface SliceQuery {
  readonly search: Pick<UserSearch, "organizationId" | "where" | "order" | "after">;
  readonly after?: PageKey;
  readonly keep: number;
}

export interface Slice {
  /** The first matches of the slice in the requested order. */
  readonly matches: readonly Ordered[];
  /** How many users of the slice match, kept or not. */
  readonly count: number;
  /** All matches of the next slice come after these. */
  readonly isInOrder: boolean;
  /** Users looked at. */
  readonly rows: number;
  /** Where the next slice begins; absent: this is the last one. */
  readonly next?: PageKey;
  /** The conditions take too long: this slice alone took too long, and it is not complete. */
  readonly isGivenUp?: boolean;
}

/** The users of one read. */
export interface ReadUsers {
  readonly users: readonly User[];
  readonly chars: number;
}

/** The engine's part of a search. `now`: the store's clock, in milliseconds since the epoch. */
export interface SearchReader {
  searchSlice(query: SliceQuery, now: number): Promise<Slice>;
  /** Returns the number of users, without deleted ones; `undefined`: more than `countRows`. */
  countUsers(organizationId: string | null): Promise<number | undefined>;
  /** Returns settled users by id, without those that are deleted by now. `namespaces`: absent, all attributes. */
  readUsers(ids: readonly string[], namespaces: readonly string[] | undefined, now: number): Promise<ReadUsers>;
}
