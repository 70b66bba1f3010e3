/** A search by offset: gathers slices until the page and its total can be told, within a bound. */
import { RefusalError, searchTooBroad } from "../../domain/refusal.ts";
import type { UserSearch, UserSearchAnswer } from "../store.ts";
import { compareOrdered, isTrivial, type Ordered } from "../user-predicate.ts";
import type { Limits } from "./limits.ts";
import type { Reader } from "./reader.ts";
import type { Slice } from "./user-searcher.ts";

interface Gathered {
  readonly matches: readonly Ordered[];
  readonly isInOrder: boolean;
  /** Every match is among them. */
  readonly isComplete: boolean;
}

/** Rejects with SEARCH_TOO_BROAD when the bound is met before the page is known. */
export async function searchUsers(
  reader: Reader,
  search: UserSearch,
  now: number,
  limits: Limits,
): Promise<UserSearchAnswer> {
  const { organizationId, where, order, offset, limit, isTotalUnasked = false } = search;
  const count = isTrivial(where) && !isTotalUnasked ? await reader.countUsers(organizationId) : undefined;
  if (limit === 0 && count !== undefined) return { users: [], total: count, isTotalExact: true };
  const end = offset + limit;
  const { matches, isInOrder, isComplete } = await gather(reader, search, now, {
    rowsMax: limits.searchRows,
    matchesMax: matchesMaxOf(search, count, limits),
  });
  if (!isComplete && limit > 0 && (!isInOrder || matches.length < end)) throw tooBroad(limits.searchRows);
  const ordered = isInOrder ? matches : matches.toSorted((a, b) => compareOrdered(a, b, order));
  const ids = ordered.slice(offset, end).map(({ id }) => id);
  return {
    users: ids.length === 0 ? [] : await reader.readUsers(ids, now),
    total: count ?? matches.length,
    isTotalExact: count !== undefined || isComplete,
  };
}

/** A total that nobody asks for, is known already, or goes beyond what is counted need not be gathered. */
function matchesMaxOf(
  { offset, limit, isTotalUnasked = false }: UserSearch,
  count: number | undefined,
  limits: Limits,
): number {
  if (limit === 0) return Number.POSITIVE_INFINITY;
  const end = offset + limit;
  return count !== undefined || isTotalUnasked ? end : Math.max(end, limits.searchMatches);
}

interface Bounds {
  readonly rowsMax: number;
  readonly matchesMax: number;
}

async function gather(
  reader: Reader,
  { organizationId, where, order }: UserSearch,
  now: number,
  { rowsMax, matchesMax }: Bounds,
): Promise<Gathered> {
  const matches: Ordered[] = [];
  let rows = 0;
  for (let after: Slice["next"]; ; ) {
    const query = { search: { organizationId, where, order }, ...(after === undefined ? {} : { after }) };
    const slice = await reader.searchSlice(query, now);
    for (const match of slice.matches) matches.push(match);
    rows += slice.rows;
    const { isInOrder, next } = slice;
    if (next === undefined) return { matches, isInOrder, isComplete: true };
    if (rows >= rowsMax || (isInOrder && matches.length >= matchesMax))
      return { matches, isInOrder, isComplete: false };
    after = next;
  }
}

function tooBroad(rowsMax: number): RefusalError {
  const advice = "ask for fewer, by the beginning of an id, username or email, or in the order of creation";
  return new RefusalError(searchTooBroad("the search for users", rowsMax, advice));
}
