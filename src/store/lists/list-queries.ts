/** What an engine gives the lists: queries in its dialect, rows by key, and one moment for all of them. */
import type { CompiledQuery, Kysely } from "kysely";
import type { UserRow, UserStateRow } from "../rows/narrow-rows.ts";
import type { Tables } from "../rows/schema.ts";
import type { TokenSeal } from "../search/token-seal.ts";

/** Returns a row by its key; `undefined`: there is none. It knows only the keys that it was made for. */
export type LookUp<R> = (key: string) => R | undefined;

/**
 * The reads of one snapshot. Each method costs at most a few queries, however many rows it is about. What it returns is
 * handled without waiting, row by row. An engine in this process may read a row only when its look-up is called.
 */
export interface ListQueries {
  /** Only builds queries; `all` runs them. */
  readonly build: Kysely<Tables>;
  /** Whether an order must begin with the column that has one value: see `alongIndex`. */
  readonly ordersByValue: boolean;
  all<R>(query: CompiledQuery<R>): Promise<readonly R[]>;
  userStates(ids: readonly string[]): Promise<LookUp<UserStateRow>>;
  /** States with their persons. */
  users(ids: readonly string[]): Promise<LookUp<UserRow>>;
  /** PERSON_COLUMN of each user; a deleted user has none. */
  persons(ids: readonly string[]): Promise<LookUp<string>>;
  /** The column `profile` of each user; a deleted user has none. */
  profiles(ids: readonly string[]): Promise<LookUp<string>>;
  /** The column `attributes` of each user; a deleted user has none. */
  attributes(ids: readonly string[]): Promise<LookUp<string>>;
  /** Returns a promise when other work of this thread must run first; `undefined`: go on. Called once per row. */
  pause(): Promise<void> | undefined;
}

/** Returns which of some users belong to one of these organizations. The organization of an id never changes. */
export async function usersWithin(
  queries: Pick<ListQueries, "userStates">,
  ids: readonly string[],
  organizationIds: readonly string[],
): Promise<ReadonlySet<string>> {
  const stateOf = await queries.userStates(ids);
  return new Set(ids.filter((id) => organizationIds.includes(stateOf(id)?.[1] ?? "")));
}

/** An engine as lists see it. */
export interface ListEngine {
  readonly seal: TokenSeal;
  /** Runs `work` in one transaction that only reads: all its queries see the same moment. */
  snapshot<T>(work: (queries: ListQueries) => Promise<T>): Promise<T>;
}
