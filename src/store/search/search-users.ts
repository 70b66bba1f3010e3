/** Searches by offset: runs a few at once, slice by slice, until the page and its total are known, within bounds. */
import { RefusalError, searchTooBroad } from "../../domain/refusal.ts";
import type { User } from "../../domain/user.ts";
import { StoreUnavailableError } from "../errors.ts";
import type { Limits } from "../limits.ts";
import type { SearchOptions, UserSearch, UserSearchAnswer } from "../queries.ts";
import type { SearchReader, Slice } from "./search-slice.ts";
import { compareOrdered, countConditions, isTrivial, type Ordered } from "./user-predicate.ts";

export interface UserSearchesOptions {
  readonly reader: SearchReader;
  readonly limits: Limits;
  /** Returns the store's clock, in milliseconds since the epoch. */
  readonly now: () => number;
}

interface Gathered {
  /** In the requested order, up to the end of the page. */
  readonly matches: readonly Ordered[];
  readonly count: number;
  readonly isInOrder: boolean;
  /** The search saw every match. */
  readonly isComplete: boolean;
}

export class UserSearches {
  readonly #reader: SearchReader;
  readonly #limits: Limits;
  readonly #now: () => number;
  #running = 0;
  readonly #waiting: (() => void)[] = [];

  constructor({ reader, limits, now }: UserSearchesOptions) {
    this.#reader = reader;
    this.#limits = limits;
    this.#now = now;
  }

  /** Returns the page. Rejects with SEARCH_TOO_BROAD if the search meets a bound before the page is known. */
  async search(search: UserSearch, options: SearchOptions = {}): Promise<UserSearchAnswer> {
    const { searchConditions, searchMs } = this.#limits;
    if (countConditions(search.where, searchConditions + 1) > searchConditions) {
      throw tooBroad(`it has more than ${searchConditions} conditions`);
    }
    const deadline = new SearchDeadline(searchMs, options);
    await this.#turn(deadline);
    try {
      return await this.#search(search, deadline);
    } finally {
      this.#running--;
      this.#waiting.shift()?.();
    }
  }

  /** Waits until fewer than `searchesMax` searches run. */
  async #turn(deadline: SearchDeadline): Promise<void> {
    while (this.#running >= this.#limits.searchesMax) {
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
      if (deadline.isOver) {
        this.#waiting.shift()?.();
        throw new StoreUnavailableError("other searches took too long", undefined);
      }
    }
    this.#running++;
  }

  async #search(search: UserSearch, deadline: SearchDeadline): Promise<UserSearchAnswer> {
    const { organizationId, where, offset, limit, after, isTotalUnasked = false } = search;
    const isCountable = isTrivial(where) && after === undefined && !isTotalUnasked;
    const count = isCountable ? await this.#reader.countUsers(organizationId) : undefined;
    if (limit === 0 && count !== undefined) return { users: [], total: count, isTotalExact: true };
    const end = offset + limit;
    const gathered = await this.#gather(search, count !== undefined, deadline);
    const { matches, isInOrder, isComplete } = gathered;
    if (!isComplete && limit > 0 && (!isInOrder || matches.length < end)) {
      throw tooBroad("it would look at too many users");
    }
    const ids = matches.slice(offset, end).map(({ id }) => id);
    return {
      users: await this.#read(ids, search.namespaces),
      total: count ?? gathered.count,
      isTotalExact: count !== undefined || isComplete,
    };
  }

  async #gather(search: UserSearch, isCounted: boolean, deadline: SearchDeadline): Promise<Gathered> {
    const { organizationId, where, order, after: place, offset, limit } = search;
    const { searchRows, searchMatches } = this.#limits;
    const end = offset + limit;
    const asked = { organizationId, where, order, ...(place === undefined ? {} : { after: place }) };
    const now = this.#now();
    let matches: Ordered[] = [];
    let [rows, count] = [0, 0];
    for (let after: Slice["next"]; ; ) {
      const query = { search: asked, keep: end, ...(after === undefined ? {} : { after }) };
      const slice = await this.#reader.searchSlice(query, now);
      if (slice.isGivenUp) throw tooBroad("its conditions take too long");
      const { isInOrder, next } = slice;
      // Matches that must be sorted are collected up to the end of the page, slice by slice.
      if (!isInOrder && end > searchMatches) throw tooBroad(`only the first ${searchMatches} can be sorted so`);
      matches = matches.concat(slice.matches);
      if (!isInOrder) matches.sort((a, b) => compareOrdered(a, b, order));
      matches.length = Math.min(matches.length, end);
      rows += slice.rows;
      count += slice.count;
      if (next === undefined) return { matches, count, isInOrder: true, isComplete: true };
      const isPageKnown = isInOrder && matches.length >= end && limit > 0;
      const isEnough = isPageKnown && (isCounted || search.isTotalUnasked === true || count >= searchMatches);
      if (isEnough || rows >= searchRows || deadline.isOver) return { matches, count, isInOrder, isComplete: false };
      after = next;
    }
  }

  /** Reads in chunks, so that an answer that is too large is not collected whole. */
  async #read(ids: readonly string[], namespaces: readonly string[] | undefined): Promise<readonly User[]> {
    const users: User[] = [];
    let chars = 0;
    for (let from = 0; from < ids.length; from += READ_CHUNK) {
      const part = await this.#reader.readUsers(ids.slice(from, from + READ_CHUNK), namespaces, this.#now());
      users.push(...part.users);
      chars += part.chars;
      if (chars > this.#limits.searchChars) {
        throw tooBroad(`its page has more than ${this.#limits.searchChars} characters`);
      }
    }
    return users;
  }
}

/** Users per read. */
const READ_CHUNK = 100;

/** The end of a search: after `searchMs`, at the caller's deadline, or when the caller stops waiting. */
class SearchDeadline {
  readonly #endTime: number;
  readonly #signal: AbortSignal | undefined;

  constructor(searchMs: number, { deadlineTime = Number.POSITIVE_INFINITY, signal }: SearchOptions) {
    this.#endTime = performance.now() + Math.min(searchMs, deadlineTime - Date.now());
    this.#signal = signal;
  }

  get isOver(): boolean {
    return this.#signal?.aborted === true || performance.now() >= this.#endTime;
  }
}

function tooBroad(why: string): RefusalError {
  const advice =
    "ask for fewer users, by the beginning of an id, username or email address, or in the order of creation or id";
  return new RefusalError(searchTooBroad(`the search is too broad: ${why}; ${advice}`));
}
